// Reads the index of a sharded set that has two shards beside it.
#include "tensor/io/io.h"
#include "tensor/io/safetensors_index.h"
#include "tests/fuzz/fuzz.h"

namespace {

struct Folder : camo::fuzz::InputInMemory {
  Folder() {
    camo::write_safetensors(folder() + "/a", {{"x", camo::ones({2})}, {"y", camo::ones({})}});
    camo::write_safetensors(folder() + "/b", {{"z", camo::ones({0, 3})}});
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camo;
  static Folder file;
  const std::string json(reinterpret_cast<const char*>(data), size);
  try {
    const detail::ParsedIndex index = detail::parse_index(json, "fuzz");
    size_t tensors = 0;
    detail::walk_index(json, "fuzz", [&](const std::string&, const std::string&) { ++tensors; });
    fuzz::require(tensors == index.tensors);
    const std::string& path = file(data, size);
    fuzz::require(read_tensors(path).tensors.size() == read_tensors_header(path).tensors.size());
  } catch (const WeightsError&) {}
  return 0;
}
