// Reads whole files as PyTorch wrote them before 1.6: pickles and raw storages.  Nothing in them has a checksum.
#include "tensor/io/torch_file.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camo;
  static fuzz::InputInMemory file;
  const std::string& path = file(data, size);
  try {
    const SafeTensors in = read_torch(path);
    int64_t bytes = 0;
    for (const auto& [name, x] : in.tensors) bytes += x.bytes();
    fuzz::require(bytes <= int64_t(8 * size) + (1 << 20));
    fuzz::require(read_torch_header(path).tensors.size() == in.tensors.size());
  } catch (const WeightsError&) {}
  return 0;
}
