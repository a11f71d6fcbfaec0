#include "cuda/tools/cached_tables.cuh"

#include <map>
#include <mutex>

#include "tensor/memory/scratch.h"

namespace camo::cuda {

Tensor table(Cuda where, std::vector<int64_t> numbers) {
  using Key = std::pair<int, std::vector<int64_t>>;
  constexpr size_t kMost = 256;
  static std::mutex mutex;
  static auto* tables = new std::map<Key, Tensor>;  // never destroyed: the driver may shut down first
  Key key(where.index, std::move(numbers));
  std::lock_guard lock(mutex);
  if (auto found = tables->find(key); found != tables->end()) return found->second;
  if (tables->size() == kMost) tables->clear();
  Tensor out = from(key.second, {int64_t(key.second.size())}).to(device_of(where));
  tables->emplace(std::move(key), out);
  return out;
}

}  // namespace camo::cuda
