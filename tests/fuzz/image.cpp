// Reads PNG and JPEG, told apart by content.  Half of the mutated PNGs get correct checksums again.  libpng and
// libjpeg-turbo come from the system and are not instrumented, so this tests only how Camo calls them.
#include "tensor/image/image.h"

#include <cstring>

#include "tensor/io/checksum.h"
#include "tests/fuzz/fuzz.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static camo::fuzz::InputInMemory file;
  const std::string& path = file(data, size);
  try {
    const camo::ImageInfo info = camo::probe_image(path);
    if (info.height * info.width > 1 << 16) return 0;  // larger pictures are legal but slow
    camo::fuzz::require(camo::read_image(path).shape() == camo::Shape{info.height, info.width, 3});
    camo::fuzz::require(camo::read_mask(path).shape() == camo::Shape{info.stored_height, info.stored_width, 1});
  } catch (const camo::DataError&) {}
  return 0;
}

/// Corrects the checksum of every chunk of a PNG: length, name, data, checksum of name and data, in big-endian numbers.
static void repair_sums(uint8_t* data, size_t size) {
  for (size_t at = 8; at + 12 <= size;) {
    uint32_t n;
    std::memcpy(&n, data + at, 4);
    n = __builtin_bswap32(n);
    if (n > size - at - 12) return;
    const uint32_t sum = __builtin_bswap32(camo::crc32(data + at + 4, int64_t(n) + 4));
    std::memcpy(data + at + 8 + n, &sum, 4);
    at += 12 + n;
  }
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 2 == 0 && size > 8 && std::memcmp(data, "\x89PNG", 4) == 0) repair_sums(data, size);
  return size;
}
