// Weight files.  safetensors: eight bytes of header length, a JSON header, raw little-endian numbers.
//
// No number in a file is trusted: io_header.cpp lists the rules, an error names the broken one.
// Memory: a file takes no more than its size + 3 x its header + 1 MiB, whatever its header claims; a type that is
// widened (F16, small integers) counts at its new width.  For an accepted file that many tensors come on top: their
// objects, under 512 bytes each.  A sharded set takes the sum of its files.  Nothing is allocated for data before the
// whole header has passed.
// Files that Camo writes carry CRC-32 sums, of each tensor and of the header, as two metadata entries:
//   camo.crc32         {"name": "8 hex digits", ...}
//   camo.header_crc32  of the 8 length bytes and the header, these eight digits themselves read as zeros
// Either one without the other is damage, so that no single flipped bit can hide both; others' files have
// none.  Format: https://github.com/huggingface/safetensors
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
  NamedTensors tensors;   // in the order of the file's data; FileType says what each type is read as
  Metadata metadata;      // without the two checksum entries
  bool verified = false;  // the file had checksums, and they are right
  std::string format;     // "safetensors", "safetensors, 3 shards", "PyTorch zip"

  /// The tensor of that name, or nullptr.
  const Tensor* find(std::string_view name) const;
};

/// A file's tensor has up to 8 axes, Camo's own at most kMaxRank.
struct FileShape {
  int64_t dims[8] = {};
  int rank = 0;

  const int64_t* begin() const { return dims; }
  const int64_t* end() const { return dims + rank; }
  int64_t numel() const;
};
std::ostream& operator<<(std::ostream& out, const FileShape& shape);

/// One line of a header.
struct TensorInfo {
  std::string name;
  const FileType* type = nullptr;  // any legal one, also what Camo cannot hold
  FileShape shape;
  uint32_t crc = 0;            // of its bytes, where the file has checksums
  int64_t begin = 0, end = 0;  // bytes, in the data of its file
};
struct SafeHeader {
  std::vector<TensorInfo> tensors;
  Metadata metadata;
  bool verified = false;  // the header's own sum; the tensors' are not looked at
  std::string format;     // as in SafeTensors
};

struct ReadOptions {
  int64_t max_header = 16 << 20;   // bytes; the format's own limit is 100 000 000
  bool require_checksums = false;  // refuse a file without them: for checkpoints, which always have them
};

/// Reads a weight file of any kind that Camo knows, told by its content:
///   safetensors; the index JSON of a sharded set with the shards beside it; a PyTorch zip.
/// Throws WeightsError, naming file and rule, for whatever is not whole and undamaged; for a pickle, a Git LFS
/// pointer, a web page and the like it says what to do.
SafeTensors read_tensors(const std::string& path, const ReadOptions& options = {});
/// Names, types, shapes, metadata.  Never reads the tensors' data.
SafeHeader read_tensors_header(const std::string& path, const ReadOptions& options = {});

/// The same for a single safetensors file, any other kind refused.
SafeTensors read_safetensors(const std::string& path, const ReadOptions& options = {});
SafeHeader read_safetensors_header(const std::string& path, const ReadOptions& options = {});

/// Writes f32, f64, bf16, i64 and u8 tensors, wide types first, each aligned to its type, the data to 64
/// bytes.  A crash leaves the old file or the new one (tensor/io/file.h).  Throws WeightsError for a name that
/// is not legal or not unique, MemoryError for a full disk (bytes needed and free), DataError when the system
/// refuses.
void write_safetensors(const std::string& path, const NamedTensors& tensors, const Metadata& metadata = {},
                       bool checksums = true);

}  // namespace camo
