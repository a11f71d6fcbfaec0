// Weight files.  A safetensors file has eight bytes of header length, a JSON header, and raw little-endian numbers.
//
// No number in a file is trusted: safetensors_header.cpp lists the rules, and an error names the broken one.  Nothing
// is allocated for data before the whole header has been checked.
// Memory: reading takes at most the file size + 3 x its header + 1 MiB, whatever the header claims.  Types that are
// widened (F16, small integers) count at their new width.  The objects of the tensors themselves, under 512 bytes each,
// come on top.  A sharded set takes the sum over its files.
// Files that Camo writes carry a CRC-32 of each tensor and of the header in two metadata entries:
//   camo.crc32         {"name": "8 hex digits", ...}
//   camo.header_crc32  of the 8 length bytes and the header, with these eight digits read as zeros
// One entry without the other counts as damage, so that no single flipped bit can hide both.  Files from other programs
// have neither.  Format: https://github.com/huggingface/safetensors
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tensor/io/file_type.h"
#include "tensor/tensor.h"

namespace camo {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using Metadata = std::map<std::string, std::string>;

struct SafeTensors {
  NamedTensors tensors;   // in the order of the file's data; FileType lists the dtypes
  Metadata metadata;      // without the two checksum entries
  bool verified = false;  // the file has checksums and they match
  std::string format;     // "safetensors", "safetensors, 3 shards", "PyTorch zip", "PyTorch file from before 1.6"

  /// The tensor with that name, or nullptr.
  const Tensor* find(std::string_view name) const;
};

/// A shape in a file may have up to 8 axes; a Camo tensor has at most kMaxRank.
struct FileShape {
  int64_t dims[8] = {};
  int rank = 0;

  const int64_t* begin() const { return dims; }
  const int64_t* end() const { return dims + rank; }
  int64_t numel() const;
};
std::ostream& operator<<(std::ostream& out, const FileShape& shape);

/// One tensor's entry in a header.
struct TensorInfo {
  std::string name;
  const FileType* type = nullptr;  // any type the format defines, even one that Camo has no dtype for
  FileShape shape;
  uint32_t crc = 0;            // CRC-32 of its bytes, if the file has checksums
  int64_t begin = 0, end = 0;  // byte range within the data of its file
};
struct SafeHeader {
  std::vector<TensorInfo> tensors;
  Metadata metadata;
  bool verified = false;  // the checksum of the header matches; the tensors' are not read
  std::string format;     // as in SafeTensors
};

struct ReadOptions {
  int64_t max_header = 16 << 20;   // bytes; the format itself allows 100 000 000
  bool require_checksums = false;  // refuse a file without checksums; set for checkpoints, which always have them
};

/// Reads a weight file of any supported kind, recognised by its content:
///   a safetensors file; the index JSON of a sharded set, with the shards beside it; a file of torch.save's.
/// Throws WeightsError with file and rule for a file that is damaged or incomplete.  For a Git LFS pointer, a
/// web page and the like the error says what to do.
SafeTensors read_tensors(const std::string& path, const ReadOptions& options = {});
/// Reads names, types, shapes and metadata, but never the tensors' data.
SafeHeader read_tensors_header(const std::string& path, const ReadOptions& options = {});

/// Like read_tensors, but accepts only a single safetensors file.
SafeTensors read_safetensors(const std::string& path, const ReadOptions& options = {});
SafeHeader read_safetensors_header(const std::string& path, const ReadOptions& options = {});

/// Writes f32, f64, bf16, i64 and u8 tensors.  Wide types come first, so each tensor is aligned to its type; the data
/// begins at a multiple of 64 bytes.  A crash leaves the old file or the new one (tensor/io/file.h).  Throws
/// WeightsError for an illegal or repeated name, MemoryError for a full disk (with the bytes needed and free), and
/// DataError when the system refuses.
void write_safetensors(const std::string& path, const NamedTensors& tensors, const Metadata& metadata = {},
                       bool checksums = true);

}  // namespace camo
