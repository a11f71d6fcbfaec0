#include "tensor/io/checksum.h"

#ifndef CAMO_NO_ZLIB
#include <zlib.h>
#endif

#include <array>

namespace camo {

namespace {

/// The sum of n bytes after `before`, for a reflected polynomial, byte by byte.
template <uint32_t kPolynomial> uint32_t crc_by_table(const void* data, int64_t n, uint32_t before) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> t;
    for (uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = t[i] >> 1 ^ (t[i] & 1 ? kPolynomial : 0);
    }
    return t;
  }();
  uint32_t sum = ~before;
  for (const auto *p = static_cast<const uint8_t*>(data), *end = p + n; p != end; ++p)
    sum = sum >> 8 ^ table[(sum ^ *p) & 255];
  return ~sum;
}

}  // namespace

uint32_t crc32(const void* data, int64_t n, uint32_t before) {
#ifndef CAMO_NO_ZLIB
  return uint32_t(::crc32_z(before, static_cast<const Bytef*>(data), size_t(n)));
#else
  return crc_by_table<0xedb88320u>(data, n, before);
#endif
}

uint32_t crc32c(const void* data, int64_t n, uint32_t before) { return crc_by_table<0x82f63b78u>(data, n, before); }

std::string hex8(uint32_t x) {
  std::string out(8, '0');
  for (int i = 7; i >= 0; --i, x >>= 4) out[i] = "0123456789abcdef"[x & 15];
  return out;
}

std::optional<uint32_t> parse_hex8(std::string_view digits) {
  uint32_t x = 0;
  for (char c : digits) {
    const size_t digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    x = x << 4 | uint32_t(digit);
  }
  return digits.size() == 8 ? std::optional(x) : std::nullopt;
}

}  // namespace camo
