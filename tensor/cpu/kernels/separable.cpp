#include "tensor/ops/separable.h"

#include "tensor/cpu/kernels/rows.h"
#include "tensor/cpu/kernels/scratch.h"
#include "tensor/parallel.h"

namespace camo {

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

namespace kernel {
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

}  // namespace kernel
}  // namespace camo
