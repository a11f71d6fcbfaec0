// The header of a safetensors file, parsed and checked.  Works on memory alone.  Internal to the readers in tensor/.
#pragma once

#include <string_view>

#include "tensor/io/io.h"
#include "tensor/io/json_scanner.h"

namespace camo::detail {

constexpr const char *kSumsKey = "camo.crc32", *kHeaderSumKey = "camo.header_crc32";

struct ParsedHeader {
  std::vector<TensorInfo> tensors;  // by position in the file; with their sums where it has them
  Metadata metadata;                // all of it
  size_t header_sum_at = 0;         // where the digits of kHeaderSumKey begin in the header; 0 when it has none
};

/// Checks rules 3 to 12, and 16 for the two entries, over a header and a data part of `buffer` bytes.  Throws
/// WeightsError that begins with `who`.
ParsedHeader parse_header(std::string_view header, int64_t buffer, const std::string& who);

/// Reads an object of text values into `out` (rules 4 and 11): strings, or with a depth whatever is that flat.
void parse_metadata(JsonScanner& s, Metadata& out, int depth, size_t* header_sum_at = nullptr);

/// Why a tensor may not have this name, or nullptr (rule 12).
const char* bad_name(std::string_view name);

}  // namespace camo::detail
