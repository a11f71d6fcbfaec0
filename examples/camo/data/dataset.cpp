#include "examples/camo/data/dataset.h"

#include "examples/camo/data/cache.h"
#include "examples/camo/data/synth.h"

namespace camo::program {
namespace {

/// Each pixel takes the nearest one of the mask.
Tensor resize_nearest(const Tensor& mask, int64_t height, int64_t width) {
  Tensor out = empty({height, width, 1}, DType::u8);
  const int64_t H = mask.dim(0), W = mask.dim(1);
  const uint8_t* from = mask.read<uint8_t>();
  uint8_t* to = out.write<uint8_t>();
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      *to++ = from[(2 * y + 1) * H / (2 * height) * W + (2 * x + 1) * W / (2 * width)];
  return out;
}

}  // namespace

std::string Dataset::name(int64_t i) const { return synthetic ? text("synthetic_", i) : pairs.at(size_t(i)).name; }

Picture read_pair(const Pair& pair, const Reading& how) {
  Picture out{read_image(pair.image, how.orientation()), read_mask(pair.mask, how)};
  const bool same = out.image.dim(0) == out.mask.dim(0) && out.image.dim(1) == out.mask.dim(1);
  check<DataError>(same || how.mask_resize != MaskResize::off, pair.image, ": ", out.image.shape(), ", but its mask ",
                   pair.mask, " is ", out.mask.shape());
  if (!same && how.exif == Exif::apply) {
    const ImageInfo info = probe_image(pair.image);
    check<DataError>(out.mask.dim(0) != info.stored_height || out.mask.dim(1) != info.stored_width, pair.image,
                     ": is turned by its EXIF orientation, its mask ", pair.mask, " is not [--exif ignore]");
  }
  if (!same) out.mask = resize_nearest(out.mask, out.image.dim(0), out.image.dim(1));
  return out;
}

Picture Dataset::load(int64_t i, int64_t epoch) const {
  if (!synthetic && decoded) return decoded->load(pairs.at(size_t(i)));
  if (!synthetic) return read_pair(pairs.at(size_t(i)), reading);
  const Synthetic& s = *synthetic;
  SynthPair made = make_synthetic(s.seed, uint64_t(s.fresh ? epoch * s.count + i : i), s.height, s.width, s.difficulty);
  return {made.image, made.mask};
}

}  // namespace camo::program
