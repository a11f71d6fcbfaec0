#include "examples/camo/data/cache.h"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <unordered_map>

#include "examples/camo/options/format.h"

namespace camo::program {
namespace {

std::string place_of(const Pair& pair) { return pair.image + "\n" + pair.mask; }

class InMemory : public DecodedPictures {
 public:
  explicit InMemory(const Reading& how) : how_(how) {}

  Picture load(const Pair& pair) override {
    const std::string place = place_of(pair);
    {
      std::lock_guard lock(mutex_);
      if (auto it = known_.find(place); it != known_.end()) return it->second;
    }
    Picture fresh = read_pair(pair, how_);  // without the lock: others decode too
    std::lock_guard lock(mutex_);
    return known_.emplace(place, std::move(fresh)).first->second;
  }

 private:
  const Reading how_;
  std::mutex mutex_;
  std::unordered_map<std::string, Picture> known_;
};

/// The number in a file of the system that follows `key`; -1 if there is none.
int64_t number_in(const char* path, const std::string& key = "") {
  std::ifstream file(path);
  std::string word = key;
  int64_t value = -1;
  while (!key.empty() && file >> word && word != key) {}
  return word == key && file >> value ? value : -1;
}

}  // namespace

int64_t available_memory() {
  const int64_t system = number_in("/proc/meminfo", "MemAvailable:");
  const int64_t limit = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current"),
                files = number_in("/sys/fs/cgroup/memory.stat", "inactive_file");  // the system can drop these
  const int64_t of_group = std::max<int64_t>(0, limit - used + std::max<int64_t>(0, files));
  const bool limited = limit >= 0 && used >= 0;
  if (system < 0) return limited ? of_group : -1;
  return limited ? std::min(system * 1024, of_group) : system * 1024;
}

std::shared_ptr<DecodedPictures> decoded_in_memory(const std::vector<Pair>& pairs, const Reading& how,
                                                   int64_t available) {
  int64_t needed = 0;
  for (const Pair& p : pairs) {
    const ImageSize size = size_of(probe_image(p.image), how);
    needed += size.height * size.width * 4;  // three channels and a mask
  }
  check<MemoryError>(available < 0 || needed <= available, "cache: ", pairs.size(), " photographs decoded need ",
                     bytes_text(double(needed)), ", the memory has ", bytes_text(double(available)),
                     " left [--cache FILE]");
  return std::make_shared<InMemory>(how);
}

void keep_decoded(const std::vector<Dataset*>& sets, const std::string& cache, int64_t threads) {
  if (cache == "off") return;
  std::vector<Pair> pairs;
  for (const Dataset* set : sets) pairs.insert(pairs.end(), set->pairs.begin(), set->pairs.end());
  if (pairs.empty()) return;
  const Reading& how = sets.front()->reading;
  const std::shared_ptr<DecodedPictures> store =
      cache == "memory" ? decoded_in_memory(pairs, how) : decoded_in_file(cache, pairs, how, threads);
  for (Dataset* set : sets) set->decoded = store;
}

}  // namespace camo::program
