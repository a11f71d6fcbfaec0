// Pooling and resizing: checks, and the taps of each output along an axis.
#include "tensor/ops/resample.h"

#include <cmath>
#include <limits>

#include "tensor/scalar/integer.h"

namespace camo {
using kernel::AxisMap;

namespace {

/// The adjoint, for an axis of `inputs` numbers; each list has ascending outputs.
AxisMap transposed(const AxisMap& map, int64_t inputs) {
  std::vector<std::vector<AxisMap::Tap>> lists(inputs);
  for (int64_t o = 0; o < map.outputs(); ++o)
    for (int64_t t = map.begin[o]; t < map.begin[o + 1]; ++t)
      lists[map.taps[t].index].push_back({o, map.taps[t].weight});
  AxisMap out;
  for (const auto& list : lists) {
    out.taps.insert(out.taps.end(), list.begin(), list.end());
    out.close();
  }
  return out;
}

void check_image(const char* op, const Tensor& x) {
  check<DTypeError>(is_float(x.dtype()), op, ": takes f32, f64 or bf16, got ", x.dtype(), " ", x.shape());
  check(x.rank() == 4, op, ": x is (B, H, W, C), got ", x.shape());
}

Tensor apply(const Tensor& x, const AxisMap& rows, const AxisMap& columns, const Shape& shape) {
  Tensor y = empty(shape, x.dtype(), x.device());
  on(x.device(), [&](auto where) { kernel::separable(where, x, rows, columns, y); });
  return y;
}

}  // namespace

// ---- pooling ----------------------------------------------------------------------------------------------

namespace {

int64_t pooled(int64_t length, const PoolSpec& s) { return (length + 2 * s.padding - s.kernel) / s.stride + 1; }

Shape pooled(const char* op, const Shape& x, const PoolSpec& s) {
  check(s.kernel > 0 && s.stride > 0 && s.padding >= 0 && 2 * s.padding <= s.kernel, op,
        ": kernel and stride are positive, padding half a kernel at most, got kernel ", s.kernel, ", stride ", s.stride,
        ", padding ", s.padding);
  check(x[1] > 0 && x[2] > 0 && std::min(x[1], x[2]) + 2 * s.padding >= s.kernel, op, ": kernel ", s.kernel,
        " with padding ", s.padding, " does not fit x ", x);
  return {x[0], pooled(x[1], s), pooled(x[2], s), x[3]};
}

AxisMap averages(int64_t in, const PoolSpec& s) {
  AxisMap map;
  for (int64_t o = 0; o < pooled(in, s); ++o) {
    for (int64_t i = o * s.stride - s.padding; i < o * s.stride - s.padding + s.kernel; ++i)
      if (i >= 0 && i < in) map.taps.push_back({i, 1 / double(s.kernel)});
    map.close();
  }
  return map;
}

AxisMap bins(int64_t in, int64_t out) {
  AxisMap map;
  for (int64_t o = 0; o < out; ++o) {
    const int64_t begin = o * in / out, end = ceil_div((o + 1) * in, out);
    for (int64_t i = begin; i < end; ++i) map.taps.push_back({i, 1 / double(end - begin)});
    map.close();
  }
  return map;
}

}  // namespace

Tensor avg_pool(const Tensor& x, const PoolSpec& spec) {
  check_image("avg_pool", x);
  Shape shape = pooled("avg_pool", x.shape(), spec);
  return apply(x, averages(x.dim(1), spec), averages(x.dim(2), spec), shape);
}

Tensor avg_pool_backward(const Tensor& dy, const Shape& x_shape, const PoolSpec& spec) {
  check_image("avg_pool_backward", dy);
  check(dy.shape() == pooled("avg_pool_backward", x_shape, spec), "avg_pool_backward: dy ", dy.shape(), " for x ",
        x_shape);
  return apply(dy, transposed(averages(x_shape[1], spec), x_shape[1]),
               transposed(averages(x_shape[2], spec), x_shape[2]), x_shape);
}

Tensor adaptive_avg_pool(const Tensor& x, int64_t height, int64_t width) {
  check_image("adaptive_avg_pool", x);
  check(height > 0 && width > 0 && x.dim(1) > 0 && x.dim(2) > 0, "adaptive_avg_pool: sizes are positive, got x ",
        x.shape(), " to (", height, ", ", width, ")");
  return apply(x, bins(x.dim(1), height), bins(x.dim(2), width), {x.dim(0), height, width, x.dim(3)});
}

Tensor adaptive_avg_pool_backward(const Tensor& dy, const Shape& x_shape) {
  check_image("adaptive_avg_pool_backward", dy);
  check(x_shape.rank() == 4 && dy.dim(0) == x_shape[0] && dy.dim(3) == x_shape[3], "adaptive_avg_pool_backward: dy ",
        dy.shape(), " for x ", x_shape);
  return apply(dy, transposed(bins(x_shape[1], dy.dim(1)), x_shape[1]),
               transposed(bins(x_shape[2], dy.dim(2)), x_shape[2]), x_shape);
}

MaxPoolOut max_pool(const Tensor& x, const PoolSpec& spec) {
  check_image("max_pool", x);
  Shape shape = pooled("max_pool", x.shape(), spec);
  check(x.dim(1) * x.dim(2) <= std::numeric_limits<int32_t>::max(), "max_pool: more than 2^31 positions in x ",
        x.shape());
  MaxPoolOut out{empty(shape, x.dtype(), x.device()), empty(shape, DType::i64, x.device())};
  on(x.device(), [&](auto where) { kernel::max_pool(where, x, spec, out); });
  return out;
}

Tensor max_pool_backward(const Tensor& dy, const Tensor& index, const Shape& x_shape, const PoolSpec& spec) {
  check_image("max_pool_backward", dy);
  check(dy.shape() == pooled("max_pool_backward", x_shape, spec) && index.shape() == dy.shape(),
        "max_pool_backward: dy ", dy.shape(), " and index ", index.shape(), " for x ", x_shape);
  Tensor dx = empty(x_shape, dy.dtype(), dy.device());
  on(dy.device(), [&](auto where) { kernel::max_pool_backward(where, dy, index, spec, dx); });
  return dx;
}

// ---- resizing ---------------------------------------------------------------------------------------------

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

AxisMap nearest_map(int64_t in, int64_t out) {
  AxisMap map;
  for (int64_t o = 0; o < out; ++o) {
    map.taps.push_back({o * in / out, 1});
    map.close();
  }
  return map;
}

template <class Map> Tensor resize(const char* op, const Tensor& x, int64_t height, int64_t width, const Map& map) {
  check_image(op, x);
  check(height > 0 && width > 0 && x.dim(1) > 0 && x.dim(2) > 0, op, ": sizes are positive, got x ", x.shape(), " to (",
        height, ", ", width, ")");
  return apply(x, map(x.dim(1), height), map(x.dim(2), width), {x.dim(0), height, width, x.dim(3)});
}

template <class Map> Tensor resize_backward(const char* op, const Tensor& dy, const Shape& x_shape, const Map& map) {
  check(dy.rank() == 4 && x_shape.rank() == 4 && dy.dim(0) == x_shape[0] && dy.dim(3) == x_shape[3], op,
        ": dy and x are (B, H, W, C) with one B and C, got ", dy.shape(), " and ", x_shape);
  return apply(dy, transposed(map(x_shape[1], dy.dim(1)), x_shape[1]),
               transposed(map(x_shape[2], dy.dim(2)), x_shape[2]), x_shape);
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
  return resize("resize_nearest", x, height, width, nearest_map);
}
Tensor resize_nearest_backward(const Tensor& dy, const Shape& x_shape) {
  return resize_backward("resize_nearest_backward", dy, x_shape, nearest_map);
}

}  // namespace camo
