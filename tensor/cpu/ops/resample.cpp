// Pooling and resizing on the CPU: the separable maps of tensor/ops/resample.h, and max pooling.  In the backward pass
// of max pooling, every input looks at the windows that cover it.
#include "tensor/ops/resample.h"

#include <cstring>
#include <limits>

#include "tensor/cpu/kernels/rows.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"

namespace camo::kernel {
namespace {

/// to[c] = sum over the taps of output o of weight * from[index * stride + c], c in [0, n).
template <class A, class From, class To>
void weighted_sum(const AxisMap& map, int64_t o, const From* from, int64_t stride, To* to, int64_t n) {
  const auto *first = map.taps.data() + map.begin[o], *last = map.taps.data() + map.begin[o + 1];
  each_vec<A>(n, [&](int64_t c, auto lanes) {
    if (first == last) return store(Vec<A>(0), to + c, lanes);
    Vec<A> sum = load<A>(from + first->index * stride + c, lanes) * Vec<A>(A(first->weight));
    for (auto tap = first + 1; tap < last; ++tap)
      sum += load<A>(from + tap->index * stride + c, lanes) * Vec<A>(A(tap->weight));
    store(sum, to + c, lanes);
  });
}

/// Places in an image, i64 in memory and one integer per lane in a register.
template <class A> using Places = typename Vec<A>::Mask;
template <class A> struct InMemory { typedef int64_t Places __attribute__((vector_size(8 * Vec<A>::size))); };
template <class A> Places<A> load_places(const int64_t* p, int lanes = Vec<A>::size) {
  typename InMemory<A>::Places all{};
  std::memcpy(&all, p, size_t(lanes) * sizeof(int64_t));
  return __builtin_convertvector(all, Places<A>);
}
template <class A> Places<A> load_places(const int64_t* p, AllLanes) { return load_places<A>(p); }
template <class A> void store_places(Places<A> places, int64_t* p, int lanes = Vec<A>::size) {
  const auto all = __builtin_convertvector(places, typename InMemory<A>::Places);
  std::memcpy(p, &all, size_t(lanes) * sizeof(int64_t));
}
template <class A> void store_places(Places<A> places, int64_t* p, AllLanes) { store_places<A>(places, p); }

}  // namespace

// For each output row: adds up its input rows over their whole width, then adds columns within the sum.  The cost is
// the sum of the taps of both axes, not their product.
void separable(Cpu, const Tensor& x, const AxisMap& rows, const AxisMap& columns, Tensor y) {
  with_float(x.dtype(), "separable", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t H = x.dim(1), W = x.dim(2), C = x.dim(3), OH = y.dim(1), OW = y.dim(2);
    const T* in = x.read<T>();
    T* out = y.write<T>();
    const int64_t taps = int64_t(rows.taps.size()) / std::max<int64_t>(OH, 1) + 1;
    parallel_for(y.dim(0) * OH, (W * taps + 2 * OW) * C, [&, in, out](int64_t r) {
      Scratch<A> sum(std::max<int64_t>(W * C, 1));
      weighted_sum<A>(rows, r % OH, in + r / OH * H * W * C, W * C, sum + 0, W * C);
      for (int64_t ow = 0; ow < OW; ++ow)
        weighted_sum<A>(columns, ow, static_cast<const A*>(sum), C, out + (r * OW + ow) * C, C);
    });
  });
}

void max_pool(Cpu, const Tensor& x, const PoolSpec& spec, MaxPoolOut& out) {
  with_float(x.dtype(), "max_pool", [&]<class T>() {
    using A = acc_t<T>;
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
          Places<A> place = Places<A>{} + typename Vec<A>::Int(h0 * W + w0);
          for (int64_t h = h0; h < h1; ++h)
            for (int64_t w = w0; w < w1; ++w) {
              Vec<A> v = load<A>(image + (h * W + w) * C + c, lanes);
              Places<A> larger = (v > best) | (~(v == v) & (best == best));
              best = where(larger, v, best);
              place = larger ? Places<A>{} + typename Vec<A>::Int(h * W + w) : place;
            }
          const int64_t at = (r * OW + ow) * C + c;
          store(best, y + at, lanes);
          store_places<A>(place, index + at, lanes);
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
    auto first = [=](int64_t i) {  // first window over position i
      int64_t past = i + spec.padding - spec.kernel;
      return past < 0 ? 0 : past / spec.stride + 1;
    };
    auto last = [=](int64_t i, int64_t n) { return std::min(n, (i + spec.padding) / spec.stride + 1); };
    parallel_for(dx.dim(0) * H, W * C * 2, [=](int64_t r) {
      const int64_t b = r / H, h = r % H;
      const int64_t oh0 = first(h), oh1 = last(h, OH);
      for (int64_t w = 0; w < W; ++w) {
        const int64_t ow0 = first(w), ow1 = last(w, OW);
        const auto here = typename Vec<A>::Int(h * W + w);
        each_vec<A>(C, [&](int64_t c, auto lanes) {
          Vec<A> sum(A(0));
          for (int64_t oh = oh0; oh < oh1; ++oh)
            for (int64_t ow = ow0; ow < ow1; ++ow) {
              const int64_t at = ((b * OH + oh) * OW + ow) * C + c;
              sum += where(load_places<A>(from + at, lanes) == here, load<A>(grad + at, lanes), Vec<A>(A(0)));
            }
          store(sum, to + (r * W + w) * C + c, lanes);
        });
      }
    });
  });
}

}  // namespace camo::kernel
