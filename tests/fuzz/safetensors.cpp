// Reads whole files with the safetensors reader.
#include "tensor/io/io.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static camo::fuzz::InputInMemory file;
  const std::string& path = file(data, size);
  try {
    const auto in = camo::read_safetensors(path);
    int64_t bytes = 0;
    for (const auto& [name, x] : in.tensors) bytes += x.bytes();
    camo::fuzz::require(bytes <= int64_t(8 * size));  // I8 is read as i64
    camo::fuzz::require(camo::read_safetensors_header(path).tensors.size() == in.tensors.size());
  } catch (const camo::WeightsError&) {}
  return 0;
}
