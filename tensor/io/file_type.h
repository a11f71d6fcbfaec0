// Element types in weight files, and the dtype that Camo reads each as.  The table is in file_type.cpp.
#pragma once

#include <optional>
#include <string_view>

#include "tensor/dtype.h"

namespace camo {

struct FileType {
  std::string_view name;         // name in safetensors: F32, BOOL, ...
  int bits;                      // bits per number
  std::optional<DType> read_as;  // empty if Camo has no dtype for it
  /// Converts n numbers at the front of `data` to read_as, in place; nullptr if the bits can stay as they are.
  void (*widen)(void* data, int64_t n) = nullptr;
};

/// The row with that name, or nullptr.
const FileType* find_file_type(std::string_view name);
/// The file type as which Camo writes a tensor of dtype t.
const FileType& file_type(DType t);

}  // namespace camo
