// Resizing is a separable linear map: two taps an axis (bilinear) or one (nearest).  See tensor/ops/separable.h.
#include "tensor/ops/resize.h"

#include <cmath>

#include "tensor/ops/separable.h"

namespace camo {
namespace {

AxisMap bilinear(int64_t in, int64_t out, bool align_corners) {
  AxisMap map;
  for (int64_t o = 0; o < out; ++o) {
    double at = !align_corners ? (double(o) + 0.5) * double(in) / double(out) - 0.5
                : out > 1      ? double(o) * double(in - 1) / double(out - 1)
                               : 0;
    at = std::max(at, 0.0);
    int64_t low = std::min(int64_t(at), in - 1);
    double far = at - double(low);
    if (far == 0 || low + 1 == in) {
      map.taps.push_back({low, 1});
    } else {
      map.taps.push_back({low, 1 - far});
      map.taps.push_back({low + 1, far});
    }
    map.close();
  }
  return map;
}

AxisMap nearest(int64_t in, int64_t out) {
  AxisMap map;
  for (int64_t o = 0; o < out; ++o) {
    map.taps.push_back({o * in / out, 1});
    map.close();
  }
  return map;
}

template <class Map> Tensor resize(const char* op, const Tensor& x, int64_t height, int64_t width, const Map& map) {
  check<DTypeError>(is_float(x.dtype()), op, ": takes f32, f64 or bf16, got ", x.dtype(), " ", x.shape());
  check(x.rank() == 4, op, ": x is (B, H, W, C), got ", x.shape());
  check(height > 0 && width > 0 && x.dim(1) > 0 && x.dim(2) > 0, op, ": sizes are positive, got x ", x.shape(), " to (",
        height, ", ", width, ")");
  Tensor y = empty({x.dim(0), height, width, x.dim(3)}, x.dtype(), x.device());
  AxisMap rows = map(x.dim(1), height), columns = map(x.dim(2), width);
  on(x.device(), [&](auto where) { kernel::separable(where, x, rows, columns, y); });
  return y;
}

template <class Map> Tensor resize_backward(const char* op, const Tensor& dy, const Shape& x_shape, const Map& map) {
  check(dy.rank() == 4 && x_shape.rank() == 4 && dy.dim(0) == x_shape[0] && dy.dim(3) == x_shape[3], op,
        ": dy and x are (B, H, W, C) with one B and C, got ", dy.shape(), " and ", x_shape);
  Tensor dx = empty(x_shape, dy.dtype(), dy.device());
  AxisMap rows = transposed(map(x_shape[1], dy.dim(1)), x_shape[1]);
  AxisMap columns = transposed(map(x_shape[2], dy.dim(2)), x_shape[2]);
  on(dy.device(), [&](auto where) { kernel::separable(where, dy, rows, columns, dx); });
  return dx;
}

auto bilinear_map(bool align_corners) {
  return [=](int64_t in, int64_t out) { return bilinear(in, out, align_corners); };
}

}  // namespace

Tensor resize_bilinear(const Tensor& x, int64_t height, int64_t width, bool align_corners) {
  return resize("resize_bilinear", x, height, width, bilinear_map(align_corners));
}
Tensor resize_bilinear_backward(const Tensor& dy, const Shape& x_shape, bool align_corners) {
  return resize_backward("resize_bilinear_backward", dy, x_shape, bilinear_map(align_corners));
}
Tensor resize_nearest(const Tensor& x, int64_t height, int64_t width) {
  return resize("resize_nearest", x, height, width, nearest);
}
Tensor resize_nearest_backward(const Tensor& dy, const Shape& x_shape) {
  return resize_backward("resize_nearest_backward", dy, x_shape, nearest);
}

}  // namespace camo
