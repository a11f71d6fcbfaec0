#include "examples/camo/predict/shapes.h"

#include <algorithm>
#include <array>

namespace camo::program {
namespace {

using GreyCounts = std::array<int64_t, 256>;

GreyCounts grey_counts(const Tensor& map) {
  GreyCounts out{};
  const uint8_t* v = map.read<uint8_t>();
  for (int64_t i = 0; i < map.numel(); ++i) ++out[v[i]];
  return out;
}

bool is_object(int grey, double threshold) { return grey / 255.0 > threshold; }

}  // namespace

Tensor object_mask(const Tensor& map, double threshold) {
  check_plane("object_mask", map);
  check<ConfigError>(threshold >= 0 && threshold < 1, "object_mask: the threshold must lie in [0, 1), got ", threshold);
  std::array<uint8_t, 256> value;
  for (int v = 0; v < 256; ++v) value[size_t(v)] = is_object(v, threshold) ? 255 : 0;
  Tensor out = empty_like(map);
  const uint8_t* v = map.read<uint8_t>();
  std::transform(v, v + map.numel(), out.write<uint8_t>(), [&](uint8_t grey) { return value[grey]; });
  return out;
}

int64_t mask_area(const Tensor& mask) {
  check_plane("mask_area", mask);
  return mask.numel() - grey_counts(mask)[0];
}

Box mask_box(const Tensor& mask) {
  check_plane("mask_box", mask);
  const int64_t H = mask.dim(0), W = mask.dim(1);
  const uint8_t* m = mask.read<uint8_t>();
  int64_t left = W, right = -1, top = H, bottom = -1;
  for (int64_t y = 0; y < H; ++y)
    for (int64_t x = 0; x < W; ++x)
      if (m[y * W + x]) {
        left = std::min(left, x), right = std::max(right, x);
        top = std::min(top, y), bottom = y;
      }
  return bottom < 0 ? Box{} : Box{left, top, right - left + 1, bottom - top + 1};
}

FoundObject find_object(const Tensor& map, double threshold) {
  FoundObject out;
  out.mask = object_mask(map, threshold), out.threshold = threshold;
  out.area = mask_area(out.mask), out.box = mask_box(out.mask), out.parts = contours(out.mask);
  const GreyCounts count = grey_counts(map);
  int64_t inside = 0, doubt = 0;
  for (int v = 0; v < 256; ++v) {
    if (is_object(v, threshold)) inside += v * count[size_t(v)];
    doubt += 4 * v * (255 - v) * count[size_t(v)];
  }
  if (out.area > 0) out.mean_probability = double(inside) / (255.0 * double(out.area));
  if (map.numel() > 0) out.uncertainty = double(doubt) / (255.0 * 255.0 * double(map.numel()));
  return out;
}

}  // namespace camo::program
