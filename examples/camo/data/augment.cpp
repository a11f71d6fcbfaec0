#include "examples/camo/data/augment.h"

#include <algorithm>
#include <cmath>

#include "examples/camo/data/blur.h"
#include "tensor/image/image.h"
#include "tensor/ops/layout.h"

namespace camo::program {
namespace {

/// Colour temperature, saturation, brightness and contrast about mid grey combine to one affine map of rgb.
PictureChange change_of(const Augmentation& d) {
  PictureChange out{.angle = d.angle, .flip = d.flip};
  const double luma[] = {0.299, 0.587, 0.114}, gain = d.brightness * d.contrast;
  const double light[] = {1 + d.temperature, 1, 1 - d.temperature};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      out.colour[i][j] = float(gain * ((1 - d.saturation) * luma[j] + (i == j ? d.saturation : 0)) * light[j]);
  out.shift = float(0.5 * (1 - d.contrast));
  return out;
}

/// The pixels [first, last) of a side of n that a share of it covers; at least one.
std::pair<int64_t, int64_t> range(double begin, double share, int64_t n) {
  int64_t length = std::clamp<int64_t>(std::llround(share * double(n)), 1, n);
  int64_t first = std::clamp<int64_t>(std::llround(begin * double(n)), 0, n - length);
  return {first, first + length};
}

Tensor cropped(const Tensor& x, const Augmentation& d) {
  auto [y0, y1] = range(d.top, d.height, x.dim(0));
  auto [x0, x1] = range(d.left, d.width, x.dim(1));
  Tensor rows = x.slice(y0, y1);
  return x1 - x0 == x.dim(1) ? rows : slice(rows, 1, x0, x1);
}

/// Fills a rectangle of x (H, W, 3) u8 with the mean colour.
void fill_box(Tensor& x, const Augmentation::Box& box) {
  auto [H, W, C] = dims<3>(x, "cutout: image (H, W, 3)");
  auto [y0, y1] = range(box.top, box.height, H);
  auto [x0, x1] = range(box.left, box.width, W);
  uint8_t* p = x.write<uint8_t>();
  for (int64_t c = 0; c < C; ++c) {
    int64_t sum = 0;
    for (int64_t i = 0; i < H * W; ++i) sum += p[i * C + c];
    const uint8_t mean = uint8_t((sum + H * W / 2) / (H * W));
    for (int64_t i = y0; i < y1; ++i)
      for (int64_t j = x0; j < x1; ++j) p[(i * W + j) * C + c] = mean;
  }
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

Augmentation draw(const RandomKey& key, const AugmentSettings& settings) {
  Augmentation d = settings.usual ? draw(key) : Augmentation{};
  auto stream = [&](uint32_t call) {
    RandomKey own = key;
    own.call = call;
    return Random(own);
  };
  if (settings.temperature > 0) d.temperature = stream(1).uniform(-settings.temperature, settings.temperature);
  if (Random random = stream(2); random.uniform() < settings.blur) d.blur = random.uniform(0.1, 2);
  if (Random random = stream(3); random.uniform() < settings.cutout) {
    const double share = random.uniform(0.02, 0.2), ratio = std::exp(random.uniform(-std::log(3.), std::log(3.)));
    Augmentation::Box& box = d.cutout;
    box.height = std::sqrt(share * ratio), box.width = std::sqrt(share / ratio);
    box.top = random.uniform(0, 1 - box.height), box.left = random.uniform(0, 1 - box.width);
  }
  return d;
}

RawSample cut(const Picture& picture, ImageSize size, const Augmentation& d) {
  RawSample out{resize_image(cropped(picture.image, d), size.height, size.width),
                resize_image(cropped(picture.mask, d), size.height, size.width), change_of(d)};
  const double side = std::sqrt(double(size.height * size.width));
  if (d.blur > 0) out.image = blur_background(out.image, out.mask, d.blur * side / 224);
  if (d.cutout.height > 0) fill_box(out.image, d.cutout);
  return out;
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
