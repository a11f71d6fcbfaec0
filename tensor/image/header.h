// Reading picture headers.  Internal to tensor/image/image.cpp.
#pragma once

#include "tensor/image/image.h"
#include "tensor/io/file.h"

namespace camo::detail {

/// Reads the header of an open file.  Throws DataError, `op: path: reason`, for a file that is not PNG or JPEG or that
/// read_image would refuse.
ImageInfo probe_image(const InputFile& file, const std::string& path, const char* op);

}  // namespace camo::detail
