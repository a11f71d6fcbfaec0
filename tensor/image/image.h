// Pictures: PNG by libpng, JPEG by libjpeg-turbo, both to and from u8 tensors (H, W, C).
//
// The first bytes say what a file is; its suffix says nothing.  A decoder's warning is an error here: libjpeg
// alone fills the missing half of a truncated picture with grey and calls that a warning.  A header that
// promises more than kMaxPixels is refused before memory is taken.
// Rules of conversion: 16 bits are rounded to 8; palettes are looked up; alpha is dropped; colour profiles
// and gamma are ignored; grey becomes RGB in an image, RGB becomes luma in a mask.  CMYK and 12-bit JPEG are
// refused.  JPEG decoding uses the accurate integer transform and smooth chroma, so pixels equal Pillow's.
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace camo {

constexpr int64_t kMaxPixels = 64'000'000, kMaxSide = 65'535;

struct ImageInfo {
  std::string format;                           // "png" or "jpeg"
  int64_t height = 0, width = 0;                // of read_image's result: upright
  int64_t stored_height = 0, stored_width = 0;  // of read_mask's result: as stored
  int channels = 0;                             // in the file: 1 grey or palette index, 2 grey and alpha, 3, 4
  int bits = 8;                                 // of one channel in the file
  int orientation = 1;                          // EXIF: 1 upright, ... 8
};

/// Reads only the header.  Throws DataError for what is no PNG or JPEG, and for what read_image would refuse
/// unread.
ImageInfo probe_image(const std::string& path);

/// A photograph, upright (EXIF orientation applied): u8 (H, W, 3).  DataError: missing, damaged, truncated,
/// refused.
Tensor read_image(const std::string& path);

/// A mask or a predicted map, never turned: u8 (H, W, 1), the values as stored (0..255, palettes looked up).
Tensor read_mask(const std::string& path);

/// Writes u8 (H, W, 3), (H, W, 1) or (H, W).  Errors as write_file's.
void write_png(const std::string& path, const Tensor& image);
void write_jpeg(const std::string& path, const Tensor& image, int quality = 95);

/// u8 (H, W, C) -> u8 (h, w, C), bilinear with a filter as wide as the scale when shrinking: what Pillow's
/// BILINEAR does, within one grey level.  Pixel centres are at halves; columns are resized before rows.
Tensor resize_image(const Tensor& image, int64_t h, int64_t w);

}  // namespace camo
