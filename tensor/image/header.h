// Reading picture headers.  Internal to tensor/image/image.cpp.
#pragma once

#include <functional>

#include "tensor/image/image.h"
#include "tensor/io/file.h"

namespace camo::detail {

/// Where a picture's bytes come from: an open file, or memory.  It may not outlive either.
struct PictureSource {
  explicit PictureSource(const InputFile& file);
  explicit PictureSource(std::span<const uint8_t> bytes);
  int64_t size;
  std::function<bool(int64_t offset, void* to, int64_t n)> read;  // false: it is too short
};

/// Reads the header of a picture.  Throws DataError, `op: path: reason`, for one that is not PNG or JPEG or that
/// read_image would refuse.
ImageInfo probe_image(const PictureSource& file, const std::string& path, const char* op);

}  // namespace camo::detail
