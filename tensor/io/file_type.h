// The number types that weight files name, and what Camo reads each as.  One table, in file_type.cpp.
#pragma once

#include <optional>
#include <string_view>

#include "tensor/dtype.h"

namespace camo {

struct FileType {
  std::string_view name;         // as safetensors writes it: F32, BOOL, ...
  int bits;                      // of one number
  std::optional<DType> read_as;  // nothing: Camo cannot hold it
  /// Turns n numbers at the front of `data` into n of read_as, in place; nullptr where the bits stay.
  void (*widen)(void* data, int64_t n) = nullptr;
};

/// The row of that name, or nullptr.
const FileType* find_file_type(std::string_view name);
/// What Camo writes a tensor of this type as.
const FileType& file_type(DType t);

}  // namespace camo
