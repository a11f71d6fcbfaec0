// An open safetensors file whose header has been read.  Internal to the readers in tensor/io/.
#pragma once

#include "tensor/io/file.h"
#include "tensor/io/safetensors_header.h"

namespace camo::detail {

struct OpenFile {
  InputFile file;
  std::string who;  // "read_safetensors: PATH"
  ParsedHeader header;
  int64_t data_at = 0;  // offset of the data in the file
  bool verified = false;
};

/// Opens a file and checks rules 1 to 13, 15, and the header's part of 16.
OpenFile open_safetensors(const std::string& path, const ReadOptions& options);
/// Rule 14: throws for the first tensor that Camo has no dtype for.
void check_held(const OpenFile& in);
/// Reads the data behind the header and appends the tensors (rules 14 to 16).
void read_data(OpenFile& in, NamedTensors& out);
/// Rule 15: throws when the file has changed since it was opened.
void check_unchanged(const OpenFile& in);

/// Reads n bytes at `at` and continues the checksum `sum` over them while they are in the cache.  False
/// if the read fails.
bool read_summed(const InputFile& file, int64_t at, void* to, int64_t n, uint32_t& sum);

/// Reads a sharded set from its index (tensor/io/safetensors_shards.cpp).
SafeTensors read_shards(const std::string& path, const ReadOptions& options);
SafeHeader read_shards_header(const std::string& path, const ReadOptions& options);

}  // namespace camo::detail
