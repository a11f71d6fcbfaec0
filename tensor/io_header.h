// The header of a safetensors file, parsed and checked.  Internal to tensor/io.cpp.
#pragma once

#include <optional>
#include <string_view>

#include "tensor/io.h"

namespace camo::detail {

constexpr const char *kSumsKey = "camo.crc32", *kHeaderSumKey = "camo.header_crc32";

struct ParsedHeader {
  std::vector<TensorInfo> tensors;  // by position in the file
  Metadata metadata;                // all of it
  size_t header_sum_at = 0;  // where the digits of kHeaderSumKey begin in the header; 0 when it has none
};

/// Checks rules 3 to 12 over a header and a data part of `buffer` bytes.  Throws WeightsError that begins
/// with `who`.
ParsedHeader parse_header(std::string_view header, int64_t buffer, const std::string& who);

/// {"key": "value", ...}, as the sums are kept.  Throws WeightsError that begins with `who`.
Metadata parse_strings(std::string_view json, const std::string& who);

/// The type a tensor of the file's type is read as; nothing when Camo cannot hold it.
std::optional<DType> read_type(std::string_view dtype);
int64_t file_size_of(std::string_view dtype);

/// A JSON string with its quotes.
std::string quoted(std::string_view s);
bool valid_utf8(std::string_view s);
/// Why a tensor may not have this name, or nullptr (rule 12).
const char* bad_name(std::string_view name);

}  // namespace camo::detail
