// Pictures as u8 tensors (H, W, C): PNG by libpng, JPEG by libjpeg-turbo.
//
// The first bytes of a file decide its format, not its suffix.  A file that lacks pixels, or whose checksums are wrong,
// is an error.  Bytes that belong nowhere are not: every viewer skips them.  A header with more pixels than max_pixels()
// is refused before memory is allocated.
// Conversions: 16 bits are rounded to 8; palettes are looked up; colour profiles and gamma are ignored; read_image turns
// grey and CMYK to RGB, read_mask turns RGB to luma.  12-bit and lossless JPEG are refused.  JPEG decoding uses the
// accurate integer transform and smooth chroma upsampling, so pixels equal Pillow's.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace camo {

constexpr int64_t kMaxPixels = 64'000'000, kMaxSide = 65'535;
/// The most pixels that a picture may have: kMaxPixels, unless set.
int64_t max_pixels();
void set_max_pixels(int64_t pixels);

/// A file that is neither PNG nor JPEG.
struct NoPicture : DataError {
  using DataError::DataError;
};
/// A picture with more pixels than max_pixels(), or a longer side than kMaxSide, or a file of more than 1 GiB.
struct PictureTooLarge : DataError {
  using DataError::DataError;
};

struct ImageInfo {
  std::string format;                           // "png" or "jpeg"
  int64_t height = 0, width = 0;                // as read_image returns it: upright
  int64_t stored_height = 0, stored_width = 0;  // as read_mask returns it: not turned
  int channels = 0;     // in the file: 1 grey or palette index, 2 grey and alpha, 3 RGB, 4 RGB and alpha or CMYK
  int bits = 8;         // per channel in the file
  int orientation = 1;  // EXIF orientation: 1 (upright) to 8
};

/// Reads only the header.  Throws DataError for a file that is not PNG or JPEG, or whose header
/// read_image would refuse.
ImageInfo probe_image(const std::string& path);
/// The same for a file in memory.  `name` stands for its path in errors.
ImageInfo probe_image(std::span<const uint8_t> bytes, const std::string& name);

enum class Orientation { upright, stored };

/// Reads a photograph: u8 (H, W, 3).  Applies its EXIF orientation, or leaves the pixels as they are stored.  Throws
/// DataError for a missing, damaged, truncated or refused file.
Tensor read_image(const std::string& path, Orientation orientation = Orientation::upright);

/// The same for a file in memory; errors are those of read_image, with `name` for the path.
Tensor decode_image(const std::vector<uint8_t>& bytes, const std::string& name,
                    Orientation orientation = Orientation::upright);

enum class MaskChannel { luma, alpha };

/// Reads a mask or a predicted map, without applying orientation: u8 (H, W, 1), values as stored (0..255, palettes
/// looked up).  Throws DataError as read_image does, and if the alpha channel is asked for and there is none.
Tensor read_mask(const std::string& path, MaskChannel channel = MaskChannel::luma);

/// Writes u8 (H, W, 3), (H, W, 1) or (H, W).  Throws as write_file does.
void write_png(const std::string& path, const Tensor& image);
void write_jpeg(const std::string& path, const Tensor& image, int quality = 95);

/// The bytes of such files.
std::vector<uint8_t> encode_png(const Tensor& image);
std::vector<uint8_t> encode_jpeg(const Tensor& image, int quality = 95);

/// u8 (H, W, C) -> u8 (h, w, C), bilinear.  When shrinking, the filter is as wide as the scale; the result equals
/// Pillow's BILINEAR within one grey level.  Pixel centres are at halves; columns are resized before rows.
Tensor resize_image(const Tensor& image, int64_t h, int64_t w);

}  // namespace camo
