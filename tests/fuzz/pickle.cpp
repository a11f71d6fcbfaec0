// Reads pickles and the tensors that they describe: the input is data.pkl in an archive with ten storages.
#include "tensor/io/torch_file.h"
#include "tensor/io/torch_state.h"
#include "tests/fuzz/fuzz.h"
#include "tests/io/torch_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camo;
  static fuzz::InputInMemory file;
  const std::string pickle(reinterpret_cast<const char*>(data), size);
  try {
    if (detail::read_state(detail::read_pickle(pickle, "fuzz"), "fuzz").tensors.empty()) return 0;
    const std::string archive = torch_writer::file(pickle, torch_writer::ten_storages());
    int64_t bytes = 0;
    for (const auto& [name, x] : read_torch(file(archive.data(), archive.size())).tensors) bytes += x.bytes();
    fuzz::require(bytes <= int64_t(8 * archive.size()) + (1 << 20));
  } catch (const WeightsError&) {}
  return 0;
}
