// One open safetensors file, between its header and its data.  Internal to the readers in tensor/.
#pragma once

#include "tensor/io/file.h"
#include "tensor/io/safetensors_header.h"

namespace camo::detail {

struct OpenFile {
  InputFile file;
  std::string who;  // "read_safetensors: PATH"
  ParsedHeader header;
  int64_t data_at = 0;  // where in the file the data begins
  bool verified = false;
};

/// Rules 1 to 13, 15 and 16 as far as a header tells.
OpenFile open_safetensors(const std::string& path, const ReadOptions& options);
/// Rule 14: throws for the first tensor that Camo cannot hold.
void check_held(const OpenFile& in);
/// Reads the data behind the header and appends the tensors (rules 14 to 16).
void read_data(OpenFile& in, NamedTensors& out);
/// Rule 15: throws when the file is no longer what it was when it was opened.
void check_unchanged(const OpenFile& in);

/// Reads n bytes at `at` and continues `sum` over them while they are in the cache; false when they cannot be read.
bool read_summed(const InputFile& file, int64_t at, void* to, int64_t n, uint32_t& sum);

/// The index of a sharded set (tensor/io/safetensors_shards.cpp).
SafeTensors read_shards(const std::string& path, const ReadOptions& options);
SafeHeader read_shards_header(const std::string& path, const ReadOptions& options);

}  // namespace camo::detail
