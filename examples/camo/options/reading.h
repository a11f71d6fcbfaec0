// How the photographs and masks of a data set are read.  Commands that take a data folder share this table.
#pragma once

#include "examples/camo/options/options.h"
#include "tensor/image/image.h"

namespace camo::program {

enum class MaskResize { off, nearest };
constexpr auto names_of(MaskResize) { return std::array{"off", "nearest"}; }
enum class Exif { apply, ignore };
constexpr auto names_of(Exif) { return std::array{"apply", "ignore"}; }

struct Reading {
  std::string images, masks;  // two folders, in place of a known layout of one
  int64_t mask_above = 128;   // object where a mask's value is larger
  bool mask_alpha = false;    // the mask is the alpha channel
  MaskResize mask_resize = MaskResize::off;
  Exif exif = Exif::apply;
  int64_t max_pixels = kMaxPixels;

  Orientation orientation() const { return exif == Exif::apply ? Orientation::upright : Orientation::stored; }
  MaskChannel channel() const { return mask_alpha ? MaskChannel::alpha : MaskChannel::luma; }
};
Options options(Reading& reading);
/// ConfigError, beginning with `command`, unless --images and --masks are given together.
void validate(const Reading& reading, const std::string& command);

/// "32 x 48"
std::string pixels(ImageSize size);

/// The size that a photograph has when it is read so.
ImageSize size_of(const ImageInfo& photograph, const Reading& how);

/// A mask, u8 (H, W, 1).  Unless the usual rule holds (object where luma > 128), it is made 0 and 255.
Tensor read_mask(const std::string& path, const Reading& how);

}  // namespace camo::program
