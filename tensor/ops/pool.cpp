// Averages are separable linear maps (tensor/ops/separable.h).  Max pooling keeps where each maximum was; its
// backward lets every input look at the windows that cover it, so that nothing is scattered.
#include "tensor/ops/pool.h"

#include <limits>

#include "tensor/cpu/kernels/rows.h"
#include "tensor/ops/separable.h"
#include "tensor/parallel.h"

namespace camo {
namespace kernel {

void max_pool(Cpu, const Tensor& x, const PoolSpec& spec, MaxPoolOut& out) {
  with_float(x.dtype(), "max_pool", [&]<class T>() {
    using A = acc_t<T>;
    using Index = typename Vec<A>::Mask;  // an integer per lane
    const int64_t H = x.dim(1), W = x.dim(2), C = x.dim(3), OH = out.y.dim(1), OW = out.y.dim(2);
    const T* in = x.read<T>();
    T* y = out.y.write<T>();
    int64_t* index = out.index.write<int64_t>();
    parallel_for(out.y.dim(0) * OH, OW * C * spec.kernel * spec.kernel, [=](int64_t r) {
      const T* image = in + r / OH * H * W * C;
      const int64_t top = r % OH * spec.stride - spec.padding;
      const int64_t h0 = std::max<int64_t>(top, 0), h1 = std::min(H, top + spec.kernel);
      for (int64_t ow = 0; ow < OW; ++ow) {
        const int64_t left = ow * spec.stride - spec.padding;
        const int64_t w0 = std::max<int64_t>(left, 0), w1 = std::min(W, left + spec.kernel);
        each_vec<A>(C, [&](int64_t c, auto lanes) {
          Vec<A> best(-std::numeric_limits<A>::infinity());
          Index place = Index{} + typename Vec<A>::Int(h0 * W + w0);
          for (int64_t h = h0; h < h1; ++h)
            for (int64_t w = w0; w < w1; ++w) {
              Vec<A> v = load<A>(image + (h * W + w) * C + c, lanes);
              Index larger = (v > best) | (~(v == v) & (best == best));
              best = where(larger, v, best);
              place = larger ? Index{} + typename Vec<A>::Int(h * W + w) : place;
            }
          const int64_t at = (r * OW + ow) * C + c;
          store(best, y + at, lanes);
          for (int64_t i = 0; i < std::min<int64_t>(Vec<A>::size, C - c); ++i) index[at + i] = place[i];
        });
      }
    });
  });
}

void max_pool_backward(Cpu, const Tensor& dy, const Tensor& index, const PoolSpec& spec, Tensor dx) {
  with_float(dy.dtype(), "max_pool_backward", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t H = dx.dim(1), W = dx.dim(2), C = dx.dim(3), OH = dy.dim(1), OW = dy.dim(2);
    const T* grad = dy.read<T>();
    const int64_t* from = index.read<int64_t>();
    T* to = dx.write<T>();
    auto first = [=](int64_t i) {  // of the windows over i
      int64_t past = i + spec.padding - spec.kernel;
      return past < 0 ? 0 : past / spec.stride + 1;
    };
    auto last = [=](int64_t i, int64_t n) { return std::min(n, (i + spec.padding) / spec.stride + 1); };
    parallel_for(dx.dim(0) * H, W * C * 2, [=](int64_t r) {
      const int64_t b = r / H, h = r % H;
      std::vector<A> sum(C);
      for (int64_t w = 0; w < W; ++w) {
        std::fill(sum.begin(), sum.end(), A(0));
        for (int64_t oh = first(h); oh < last(h, OH); ++oh)
          for (int64_t ow = first(w); ow < last(w, OW); ++ow) {
            const int64_t at = ((b * OH + oh) * OW + ow) * C;
            for (int64_t c = 0; c < C; ++c) sum[c] += from[at + c] == h * W + w ? A(grad[at + c]) : A(0);
          }
        for (int64_t c = 0; c < C; ++c) to[(r * W + w) * C + c] = T(sum[c]);
      }
    });
  });
}

}  // namespace kernel

namespace {

void check_image(const char* op, const Tensor& x) {
  check<DTypeError>(is_float(x.dtype()), op, ": takes f32, f64 or bf16, got ", x.dtype(), " ", x.shape());
  check(x.rank() == 4, op, ": x is (B, H, W, C), got ", x.shape());
}

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
    const int64_t begin = o * in / out, end = ((o + 1) * in + out - 1) / out;
    for (int64_t i = begin; i < end; ++i) map.taps.push_back({i, 1 / double(end - begin)});
    map.close();
  }
  return map;
}

Tensor apply(const Tensor& x, const AxisMap& rows, const AxisMap& columns, const Shape& shape) {
  Tensor y = empty(shape, x.dtype(), x.device());
  on(x.device(), [&](auto where) { kernel::separable(where, x, rows, columns, y); });
  return y;
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

}  // namespace camo
