// CRC-32 (ISO 3309, polynomial edb88320 reflected): what zlib, PNG and zip files use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace camo {

/// The sum of the bytes whose sum is `before`, followed by these.
uint32_t crc32(const void* data, int64_t n, uint32_t before = 0);

/// Eight lower-case hex digits, and back; nothing for any other text.
std::string hex8(uint32_t x);
std::optional<uint32_t> parse_hex8(std::string_view digits);

}  // namespace camo
