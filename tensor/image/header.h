// Internal to tensor/image/image.cpp.
#pragma once

#include "tensor/image/image.h"
#include "tensor/io/file.h"

namespace camo::detail {

/// The header of an open file; DataError `op: path: reason` for what is no PNG or JPEG or will not be read.
ImageInfo probe_image(const InputFile& file, const std::string& path, const char* op);

}  // namespace camo::detail
