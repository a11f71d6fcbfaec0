// The index of a sharded set, {"metadata": {...}, "weight_map": {"tensor": "file", ...}}, parsed in memory.  Internal
// to tensor/io/safetensors_shards.cpp.
#pragma once

#include <functional>

#include "tensor/io/safetensors_header.h"

namespace camo::detail {

struct ParsedIndex {
  std::vector<std::string> files;  // sorted, each once
  Metadata metadata;               // values other than strings are kept as JSON text
  size_t tensors = 0;
};

/// Checks rules 3, 4, 11, 12, 17 and 18, except that a name may occur twice in the map.  Throws WeightsError with a
/// text that begins with `who`.
ParsedIndex parse_index(std::string_view json, const std::string& who);
/// Calls f(tensor, file) for each pair of an index that parse_index has accepted.
void walk_index(std::string_view json, const std::string& who,
                const std::function<void(const std::string&, const std::string&)>& f);

}  // namespace camo::detail
