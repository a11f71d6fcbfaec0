#include "examples/camo/data/augment.h"

#include <algorithm>
#include <cmath>

#include "tensor/image/image.h"
#include "tensor/ops/layout.h"

namespace camo::program {
namespace {

/// Brightness, contrast about mid grey and saturation combine to one affine map of rgb.
PictureChange change_of(const Augmentation& d) {
  PictureChange out{.angle = d.angle, .flip = d.flip};
  const double luma[] = {0.299, 0.587, 0.114}, gain = d.brightness * d.contrast;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      out.colour[i][j] = float(gain * ((1 - d.saturation) * luma[j] + (i == j ? d.saturation : 0)));
  out.shift = float(0.5 * (1 - d.contrast));
  return out;
}

Tensor cropped(const Tensor& x, const Augmentation& d) {
  auto range = [](double begin, double share, int64_t n) {
    int64_t length = std::clamp<int64_t>(std::llround(share * double(n)), 1, n);
    int64_t first = std::clamp<int64_t>(std::llround(begin * double(n)), 0, n - length);
    return std::pair(first, first + length);
  };
  auto [y0, y1] = range(d.top, d.height, x.dim(0));
  auto [x0, x1] = range(d.left, d.width, x.dim(1));
  Tensor rows = x.slice(y0, y1);
  return x1 - x0 == x.dim(1) ? rows : slice(rows, 1, x0, x1);
}

}  // namespace

Augmentation draw(const RandomKey& key) {
  Random random(key);
  Augmentation d;
  d.height = random.uniform(0.65, 1), d.width = random.uniform(0.65, 1);
  d.top = random.uniform(0, 1 - d.height), d.left = random.uniform(0, 1 - d.width);
  bool turn = random.uniform() < 0.5;
  double angle = random.uniform(-0.26, 0.26);  // 15 degrees
  if (turn) d.angle = angle;
  d.flip = random.uniform() < 0.5;
  d.brightness = random.uniform(0.8, 1.2), d.contrast = random.uniform(0.8, 1.2),
  d.saturation = random.uniform(0.8, 1.2);
  return d;
}

RawSample cut(const Picture& picture, ImageSize size, const Augmentation& d) {
  return {resize_image(cropped(picture.image, d), size.height, size.width),
          resize_image(cropped(picture.mask, d), size.height, size.width), change_of(d)};
}

Sample transform(const Picture& picture, ImageSize size, const Augmentation& d, const Normalisation& normalisation) {
  Sample one = prepare({cut(picture, size, d)}, Device{}, normalisation);
  return {one.image.reshape(one.image.shape().without(0)), one.mask.reshape(one.mask.shape().without(0))};
}

Sample plain(const Picture& picture, ImageSize size, const Normalisation& normalisation) {
  return transform(picture, size, Augmentation{}, normalisation);
}

Tensor normalised(const Tensor& image, ImageSize size, const Normalisation& normalisation) {
  Tensor small = resize_image(image, size.height, size.width);
  return change_photographs(small.reshape(small.shape().inserted(0, 1)), {PictureChange{}}, normalisation)
      .reshape(small.shape());
}

}  // namespace camo::program
