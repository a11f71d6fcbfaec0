// Parses and checks the header of a safetensors file, in memory.  Internal to the readers in tensor/io/.
#pragma once

#include <string_view>

#include "tensor/io/io.h"
#include "tensor/io/json_scanner.h"

namespace camo::detail {

constexpr const char *kSumsKey = "camo.crc32", *kHeaderSumKey = "camo.header_crc32";

struct ParsedHeader {
  std::vector<TensorInfo> tensors;  // by position in the file, with their checksums if the file has them
  Metadata metadata;                // all entries
  size_t header_sum_at = 0;         // position of kHeaderSumKey's digits in the header; 0 if it has none
};

/// Checks rules 3 to 12, and rule 16 for the two metadata entries, for a header and a data part of `buffer` bytes.
/// Throws WeightsError with a text that begins with `who`.
ParsedHeader parse_header(std::string_view header, int64_t buffer, const std::string& who);

/// Parses an object of texts into `out` (rules 4 and 11).  With depth 0 values must be strings; else any value nested
/// at most `depth` deep is taken, as JSON text.
void parse_metadata(JsonScanner& s, Metadata& out, int depth, size_t* header_sum_at = nullptr);

/// The reason why a tensor may not have this name, or nullptr (rule 12).
const char* bad_name(std::string_view name);

}  // namespace camo::detail
