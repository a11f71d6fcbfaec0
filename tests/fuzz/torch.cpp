// Reads whole files with the reader of PyTorch zips.  Half of the mutated inputs get correct checksums again; otherwise
// no input would get past the check of the sums.
#include "tensor/io/torch_file.h"
#include "tests/fuzz/fuzz.h"
#include "tests/io/torch_writer.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static camo::fuzz::InputInMemory file;
  const std::string& path = file(data, size);
  try {
    const auto in = camo::read_torch(path);
    camo::fuzz::require(camo::read_torch_header(path).tensors.size() == in.tensors.size());
  } catch (const camo::WeightsError&) {}
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  return seed % 2 ? size : (camo::torch_writer::repair_sums(reinterpret_cast<char*>(data), size), size);
}
