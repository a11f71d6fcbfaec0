// camo check-data: what a data folder holds, what is wrong with it, and what `camo train` would do with it.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/check.h"
#include "examples/camo/options/config.h"
#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/options/stopwatch.h"
#include "examples/camo/run/together.h"
#include "tensor/pack.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

namespace fs = std::filesystem;

/// One split of the data with its verdicts.
struct SplitReport {
  std::string name;  // "training", "Val", "Test"
  Found found;
  std::vector<PairVerdict> verdicts;
};

/// First the pairs that camo train takes, then those of Val and Test.
std::vector<SplitReport> parts_of(const std::string& data, const Reading& how) {
  std::vector<SplitReport> out;
  const bool folder = how.images.empty() && fs::is_directory(data);
  Found train = search_pairs(data, {"Train", ""}, how, /*required=*/!folder);
  if (!train.where.empty()) out.push_back({"training", std::move(train), {}});
  for (const char* split : {"Val", "Test"})
    if (Found f = folder ? search_pairs(data, {split}, how, false) : Found{}; !f.where.empty())
      out.push_back({split, std::move(f), {}});
  if (out.empty()) search_pairs(data, {"Train", ""}, how);  // says what was looked for
  return out;
}

std::string packed(const PairVerdict& v) {
  std::string out;
  pack(out, std::string_view(v.problem));
  for (int64_t x : {v.height, v.width, int64_t(v.orientation), int64_t(v.low), int64_t(v.high), int64_t(v.alpha_low),
                    int64_t(v.alpha_high), int64_t(v.content)})
    pack(out, x);
  pack(out, v.between), pack(out, v.object);
  return out;
}
PairVerdict verdict_of(std::string_view bytes) {
  PairVerdict v;
  v.problem = unpack_text(bytes);
  v.height = unpack_integer(bytes), v.width = unpack_integer(bytes), v.orientation = int(unpack_integer(bytes));
  v.low = int(unpack_integer(bytes)), v.high = int(unpack_integer(bytes));
  v.alpha_low = int(unpack_integer(bytes)), v.alpha_high = int(unpack_integer(bytes));
  v.content = uint64_t(unpack_integer(bytes));
  v.between = unpack_number(bytes), v.object = unpack_number(bytes);
  return v;
}

/// look_at, each process some of the pairs.
std::vector<PairVerdict> look_together(Processes& all, const std::vector<Pair>& pairs, const Reading& how) {
  if (all.count() == 1) return look_at(pairs, how, threads());
  std::vector<Pair> mine;
  for (size_t i = size_t(all.rank()); i < pairs.size(); i += size_t(all.count())) mine.push_back(pairs[i]);
  const std::vector<PairVerdict> seen = look_at(mine, how, threads());
  std::vector<PairVerdict> out;
  for (const std::string& words :
       deal(all, int64_t(pairs.size()), [&](int64_t i) { return packed(seen[size_t(i / all.count())]); }))
    out.push_back(verdict_of(words));
  return out;
}

void print_list(const char* kind, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  std::printf("  %s: %zu\n", kind, lines.size());
  for (const std::string& line : lines) std::printf("    %s\n", line.c_str());
}

/// Pairs by what their masks hold.
void print_masks(const SplitReport& part) {
  const std::pair<const char*, std::function<bool(const PairVerdict&)>> kinds[] = {
      {"black and white (0 and 255)", [](auto& v) { return v.low == 0 && v.high == 255 && v.between == 0; }},
      {"small numbers only (at most 10)", [](auto& v) { return v.high > 0 && v.high <= 10; }},
      {"grey values between the least and the largest", [](auto& v) { return v.between > 0; }},
      {"an alpha channel that varies", [](auto& v) { return v.alpha_low < v.alpha_high; }},
      {"empty (no object)", [](auto& v) { return v.object == 0; }},
      {"full (all object)", [](auto& v) { return v.object == 1; }}};
  std::printf("  masks:\n");
  for (const auto& [what, is] : kinds) {
    int64_t n = 0;
    for (const PairVerdict& v : part.verdicts) n += v.problem.empty() && is(v);
    if (n)
      std::printf("    %5lld  %5.1f %%  %s\n", (long long)n, 100. * double(n) / double(part.verdicts.size()), what);
  }
}

/// Shares of the picture that objects take, as bars.
void print_object_sizes(const SplitReport& part) {
  const double bounds[] = {0.01, 0.03, 0.1, 0.2, 0.4, 1};
  std::map<double, int64_t> count;
  int64_t most = 1;
  for (const PairVerdict& v : part.verdicts)
    if (v.problem.empty() && v.object > 0)
      most = std::max(most, ++count[*std::lower_bound(bounds, std::end(bounds), v.object)]);
  std::printf("  size of the object, in per cent of the picture:\n");
  double from = 0;
  for (double to : bounds) {
    const int64_t n = count[to];
    std::printf("    %3.0f to %3.0f  %6lld  %s\n", 100 * from, 100 * to, (long long)n,
                std::string(size_t(n * 40 / most), '#').c_str());
    from = to;
  }
}

void print_sizes(const SplitReport& part) {
  int64_t least = INT64_MAX, most = 0;
  std::map<std::string, int64_t> sizes;
  for (const PairVerdict& v : part.verdicts)
    if (v.problem.empty()) {
      least = std::min({least, v.height, v.width}), most = std::max({most, v.height, v.width});
      ++sizes[to_string(ImageSize{v.height, v.width})];
    }
  if (most)
    std::printf("  sizes: %zu different, sides %lld to %lld pixels\n", sizes.size(), (long long)least, (long long)most);
}

void print_part(const SplitReport& part, const Reading& how) {
  std::vector<std::string> unreadable = part.found.unreadable;
  std::map<int, int64_t> turned;
  for (const PairVerdict& v : part.verdicts) {
    if (!v.problem.empty()) unreadable.push_back(v.problem);
    else if (v.orientation != 1) ++turned[v.orientation];
  }
  std::printf("%s: %zu pairs in %s\n", part.name.c_str(), part.found.pairs.size(), part.found.where.c_str());
  print_list("notes", part.found.notes);
  print_list("do not fit", part.found.complaints);
  print_list("cannot be read", unreadable);
  print_sizes(part);
  for (const auto& [orientation, n] : turned)
    std::printf("  EXIF orientation %d: %lld photographs\n", orientation, (long long)n);
  if (const std::string note = turned_note(part.verdicts, how); !note.empty())
    std::printf("  note: %s\n", note.c_str());
  print_masks(part);
  print_object_sizes(part);
  if (const std::string problem = mask_problem(part.verdicts, how); !problem.empty())
    std::printf("  problem: %s\n", problem.c_str());
}

/// Photographs with the same pixels, across splits.
std::vector<std::string> duplicates(const std::vector<SplitReport>& parts) {
  std::map<uint64_t, std::vector<std::string>> files;
  for (const SplitReport& part : parts)
    for (size_t i = 0; i < part.verdicts.size(); ++i)
      if (part.verdicts[i].problem.empty()) files[part.verdicts[i].content].push_back(part.found.pairs[i].image);
  std::vector<std::string> out;
  for (const auto& [content, same] : files)
    for (size_t i = 1; i < same.size(); ++i) out.push_back(same[0] + " = " + same[i]);
  std::sort(out.begin(), out.end());
  return out;
}

/// Why training would stop; empty if it would not.
std::string obstacle(const SplitReport& part, const Reading& how) {
  if (part.name == "Test") return {};  // training never reads it
  if (!part.found.complaints.empty()) return "files do not fit";
  if (!part.found.unreadable.empty()) return "files cannot be read";
  for (const PairVerdict& v : part.verdicts)
    if (!v.problem.empty()) return "files cannot be read";
  return mask_problem(part.verdicts, how);
}

/// Writes the pairs that can be read to OUT/SPLIT/Image and OUT/SPLIT/GT: photographs as they are, or upright as PNG if
/// they are turned; masks as black and white PNG of the photograph's size.
int64_t write_clean(const std::vector<SplitReport>& parts, const Reading& how, const std::string& out) {
  check<ConfigError>(!fs::exists(out), "camo check-data --fix: ", out, " exists already");
  for (const SplitReport& part : parts) {
    std::map<std::string, std::string> names;
    for (const Pair& p : part.found.pairs) {
      const auto [it, fresh] = names.emplace(p.name, p.image);
      check<DataError>(fresh, "camo check-data --fix: ", p.image, " and ", it->second, " would get one name");
    }
  }
  int64_t written = 0;
  for (const SplitReport& part : parts) {
    const fs::path to =
        parts.size() == 1 ? fs::path(out) : fs::path(out) / (part.name == "training" ? "Train" : part.name);
    const fs::path images = to / "Image", masks = to / "GT";
    make_folder(images, "camo check-data --fix"), make_folder(masks, "camo check-data --fix");
    for (size_t i = 0; i < part.found.pairs.size(); ++i) {
      const Pair& pair = part.found.pairs[i];
      Reading lenient = how;
      lenient.mask_resize = MaskResize::nearest;
      Picture picture;
      try {
        picture = read_pair(pair, lenient);
      } catch (const DataError&) {
        continue;
      }
      if (part.verdicts[i].orientation == 1) fs::copy_file(pair.image, images / fs::path(pair.image).filename());
      else write_png(images / (pair.name + ".png"), picture.image);
      uint8_t* m = picture.mask.write<uint8_t>();
      for (int64_t k = 0; k < picture.mask.numel(); ++k) m[k] = m[k] > Reading{}.mask_above ? 255 : 0;
      write_png(masks / (pair.name + ".png"), picture.mask);
      ++written, at_work();
    }
  }
  return written;
}

}  // namespace

int check_data_command(const Arguments& words) {
  Processes& all = join_processes();
  std::string fix;
  Reading how;
  Machine machine;
  Command command{
      .name = "check-data",
      .summary =
          "Decodes every photograph and mask of a data folder, and lists what is wrong: files that cannot be "
          "read, that have no partner or another size, EXIF turns, what the masks hold, photographs that "
          "occur twice.  Says what camo train would do.  Exit code 3 if it would stop.",
      .usage = "camo check-data DIR|LIST [flags]",
      .options = {{"fix", &fix,
                   "write the pairs that can be read to this new folder: photographs upright, masks black "
                   "and white and of their photograph's size"}},
      .rest = "DIR"};
  command.options.add(options(how)).add(options(machine).only({"threads", "deadline"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(line.rest.size() == (how.images.empty() ? 1 : 0),
                     "camo check-data: needs one data folder or list file, or --images and --masks");
  validate(how, "camo check-data");
  set_threads(int(machine.threads));
  all.deadline = machine.deadline;

  const Stopwatch watch;
  std::vector<SplitReport> parts = parts_of(line.rest.empty() ? "" : line.rest[0], how);
  std::string stop = parts[0].name == "training" ? "" : "no photographs for training";
  int64_t pairs = 0;
  for (SplitReport& part : parts) {
    part.verdicts = look_together(all, part.found.pairs, how);
    pairs += int64_t(part.found.pairs.size());
    print_part(part, how);
    if (const std::string why = obstacle(part, how); stop.empty() && !why.empty()) stop = part.name + ": " + why;
  }
  const std::vector<std::string> twice = duplicates(parts);
  print_list("the same photograph twice", twice);
  std::printf("%lld pairs in %s s\n", (long long)pairs, fixed(watch.seconds(), 2).c_str());
  if (stop.empty()) std::printf("camo train would start\n");
  else std::printf("camo train would stop: %s\n", stop.c_str());
  if (!fix.empty() && all.first())
    std::printf("%lld pairs written to %s\n", (long long)write_clean(parts, how, fix), fix.c_str());
  return stop.empty() ? 0 : 3;
}

}  // namespace camo::program
