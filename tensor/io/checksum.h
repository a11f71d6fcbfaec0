// CRC-32 as zlib, PNG and zip files use it (ISO 3309, reflected polynomial edb88320), and CRC-32C.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace camo {

/// The checksum of n bytes.  To continue an earlier checksum, pass it as `before`.
uint32_t crc32(const void* data, int64_t n, uint32_t before = 0);
/// CRC-32C (Castagnoli, Braeuer, Herrmann 1993; reflected polynomial 82f63b78), as iSCSI and TensorBoard's files use
/// it.
uint32_t crc32c(const void* data, int64_t n, uint32_t before = 0);

/// Writes a checksum as eight lower-case hex digits, and reads one back; any other text gives nothing.
std::string hex8(uint32_t x);
std::optional<uint32_t> parse_hex8(std::string_view digits);

}  // namespace camo
