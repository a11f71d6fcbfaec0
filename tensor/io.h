// safetensors: eight bytes of header length, a JSON header, raw little-endian numbers.
//
// No number in a file is trusted: io_header.cpp lists the rules, an error names the broken one.
// Files that Camo writes carry CRC-32 sums, of each tensor and of the header, as two metadata entries:
//   camo.crc32         {"name": "8 hex digits", ...}
//   camo.header_crc32  of the 8 length bytes and the header, these eight digits themselves read as zeros
// Either one without the other is damage, so that no single flipped bit can hide both; others' files have
// none. Format: https://github.com/huggingface/safetensors
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace camo {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using Metadata = std::map<std::string, std::string>;

struct SafeTensors {
  NamedTensors tensors;   // in the order of the file's data; F16 is read as f32
  Metadata metadata;      // without the two checksum entries
  bool verified = false;  // the file had checksums, and they are right

  /// The tensor of that name, or nullptr.
  const Tensor* find(std::string_view name) const;
};

/// One line of a header.
struct TensorInfo {
  std::string name, dtype;  // dtype as the file names it: F32, F16, ...
  Shape shape;
  int64_t begin = 0, end = 0;  // bytes, from the end of the header
};
struct SafeHeader {
  std::vector<TensorInfo> tensors;
  Metadata metadata;
  bool verified = false;  // the header's own sum; the tensors' are not looked at
};

struct ReadOptions {
  int64_t max_header = 16 << 20;   // bytes; the format's own limit is 100 000 000
  bool require_checksums = false;  // refuse a file without them: for checkpoints, which always have them
};

/// Throws WeightsError, naming file and rule, for whatever is not a whole and undamaged safetensors file; for
/// a pickle, a zip, a Git LFS pointer, a web page and the like it says what to do.
SafeTensors read_safetensors(const std::string& path, const ReadOptions& options = {});
/// The header alone: names, shapes, metadata.
SafeHeader read_safetensors_header(const std::string& path, const ReadOptions& options = {});

/// Writes f32, f64, bf16, i64 and u8 tensors, wide types first, each aligned to its type, the data to 64
/// bytes.  A crash leaves the old file or the new one (tensor/file.h).  Throws WeightsError for a name that
/// is not legal or not unique, MemoryError for a full disk (bytes needed and free), DataError when the system
/// refuses.
void write_safetensors(const std::string& path, const NamedTensors& tensors, const Metadata& metadata = {},
                       bool checksums = true);

}  // namespace camo
