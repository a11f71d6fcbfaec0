// The index of a sharded set, {"metadata": {...}, "weight_map": {"tensor": "file", ...}}.  Works on memory alone.
// Internal to tensor/io/safetensors_shards.cpp.
#pragma once

#include <functional>

#include "tensor/io/safetensors_header.h"

namespace camo::detail {

struct ParsedIndex {
  std::vector<std::string> files;  // each once, sorted
  Metadata metadata;               // what is no string, as its JSON
  size_t tensors = 0;
};

/// Checks rules 3, 4, 11, 12, 17 and 18, except for a name twice in the map.  Throws WeightsError that begins with
/// `who`.
ParsedIndex parse_index(std::string_view json, const std::string& who);
/// Calls f(tensor, file) along the map of an index that parse_index took.
void walk_index(std::string_view json, const std::string& who,
                const std::function<void(const std::string&, const std::string&)>& f);

}  // namespace camo::detail
