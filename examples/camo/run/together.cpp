#include "examples/camo/run/together.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "examples/camo/options/files.h"
#include "examples/camo/options/json.h"
#include "tensor/pack.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace camo::program {
namespace {

/// The first option in which a configuration differs from that of process 0.
void check_options(Processes& all, TrainConfig& config) {
  TrainConfig theirs;
  parse_config(broadcast(all, to_text(config)), "process 0", theirs);
  const Options mine = options(config), first = options(theirs);
  for (size_t i = 0; i < mine.size(); ++i) {
    JsonObject a, b;
    a.set("v", to_json_value(first[i])), b.set("v", to_json_value(mine[i]));
    check<ConfigError>(to_json(a, true) == to_json(b, true), "processes: all have the same flags, got another --",
                       mine[i].name, " at ", all.name(all.rank()), " than at ", all.name(0));
  }
  check<ConfigError>(to_text(config) == to_text(theirs), "processes: all have the same stages, got others at ",
                     all.name(all.rank()), " than at ", all.name(0));
}

/// Of the names and sizes of all files.
std::string digest_of_files(const Dataset& data) {
  std::string words;
  for (const Pair& p : data.pairs)
    words += text(p.name, " ", std::filesystem::file_size(p.image), " ", std::filesystem::file_size(p.mask), "\n");
  return text(std::hex, hash(words), std::dec, " of ", data.size());
}

/// What set_threads(0) means: a share of the cores that this process and others of its host may run on.
void take_share_of_cores(Processes& all) {
  std::vector<std::string> here;  // the masks of this host's processes
  size_t me = 0;
  const std::vector<std::string> masks = gather(all, detail::core_mask());
  for (int r = 0; r < all.count(); ++r) {
    if (all.hosts()[size_t(r)] != all.hosts()[size_t(all.rank())]) continue;
    if (r == all.rank()) me = here.size();
    here.push_back(masks[size_t(r)]);
  }
  set_default_threads(std::min(detail::share_of_cores(here, me, detail::own_quota()), detail::cores()));
}

}  // namespace

void check_equal(Processes& all, const std::string& what, const std::string& mine) {
  const std::vector<std::string> said = gather(all, mine);
  for (size_t r = 1; r < said.size(); ++r)
    check<ConfigError>(said[r] == said[0], "processes: all have the same ", what, ", got ", said[0], " at ",
                       all.name(0), " and ", said[r], " at ", all.name(int(r)));
}

Processes& join_processes() {
  Processes& all = processes();
  if (all.count() == 1) return all;
  all.remedy = " [--deadline SECONDS waits longer]";
  if (!all.first() && !std::freopen("/dev/null", "w", stdout)) throw MemoryError("/dev/null: cannot be opened");
  check_equal(all, "program", text(std::hex, hash(read_file<ConfigError>("/proc/self/exe"))));
  take_share_of_cores(all);
  return all;
}

Device own_device(const Processes& all, Device device) {
  if (device.kind == Device::cuda && all.count() > 1)
    device.index = all.rank_on_host() % std::max(1, cuda_device_count());
  return device;
}

std::vector<std::string> deal(Processes& all, int64_t n, const std::function<std::string(int64_t)>& work) {
  std::string mine;
  std::vector<std::string> out(static_cast<size_t>(n));
  for (int64_t i = all.rank(); i < n; i += all.count(), at_work()) {
    out[size_t(i)] = work(i);
    if (all.count() > 1) pack(mine, i), pack(mine, std::string_view(out[size_t(i)]));
  }
  if (all.count() == 1) return out;
  for (const std::string& words : gather(all, mine))
    for (std::string_view left = words; !left.empty();) {
      const int64_t i = unpack_integer(left);
      out.at(size_t(i)) = unpack_text(left);
    }
  return out;
}

Prepared prepare_together(Processes& all, TrainConfig& config, const std::function<Prepared()>& prepare) {
  if (all.count() == 1) return prepare();
  check_options(all, config);
  all.deadline = kPatience * config.deadline;
  config.device = own_device(all, config.device);
  std::optional<Prepared> mine;
  if (all.first()) mine = prepare();
  TrainConfig decided;
  parse_config(broadcast(all, to_text(config)), "process 0", decided);
  if (!all.first()) {
    const Device own = config.device;
    config = decided, config.device = own;
    apply_machine(config);
  }
  if (!mine && all.rank_on_host() == 0) mine = Prepared{find_splits(config)};
  barrier(all);  // now each host has its file of decoded photographs
  if (!mine) {
    TrainConfig unchecked = config;
    unchecked.check = false;
    mine = Prepared{find_splits(unchecked)};
  }
  check_equal(all, "training photographs", digest_of_files(mine->data.train));
  return std::move(*mine);
}

}  // namespace camo::program
