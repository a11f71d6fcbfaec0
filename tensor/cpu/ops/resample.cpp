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

/// An AxisMap in the kernel's numbers.
template <class A> struct Taps {
  std::vector<int64_t> begin, offset;  // of each tap: index * stride
  std::vector<A> weight;
  Taps(const AxisMap& map, int64_t stride) : begin(map.begin) {
    for (const auto& tap : map.taps) offset.push_back(tap.index * stride), weight.push_back(A(tap.weight));
  }
};

/// to[c] = sum over N taps from t of weight * from[offset + c], c in [0, n).
template <int N, class A, class From, class To>
void sum_of_taps(const Taps<A>& taps, int64_t t, const From* from, To* to, int64_t n) {
  const From* x[N];
  Vec<A> weight[N];
  for (int k = 0; k < N; ++k) x[k] = from + taps.offset[t + k], weight[k] = Vec<A>(taps.weight[t + k]);
  each_vec<A>(n, [&](int64_t c, auto lanes) {
    Vec<A> sum = load<A>(x[0] + c, lanes) * weight[0];
    for (int k = 1; k < N; ++k) sum += load<A>(x[k] + c, lanes) * weight[k];
    store(sum, to + c, lanes);
  });
}

/// The same for the taps of output o; the usual numbers of taps are compiled.
template <class A, class From, class To>
void weighted_sum(const Taps<A>& taps, int64_t o, const From* from, To* to, int64_t n) {
  const int64_t first = taps.begin[o], last = taps.begin[o + 1];
  if (last - first == 0) return void(std::fill_n(to, n, To(0.f)));
  if (last - first == 1) return sum_of_taps<1>(taps, first, from, to, n);
  if (last - first == 2) return sum_of_taps<2>(taps, first, from, to, n);
  if (last - first == 3) return sum_of_taps<3>(taps, first, from, to, n);
  each_vec<A>(n, [&](int64_t c, auto lanes) {
    Vec<A> sum = load<A>(from + taps.offset[first] + c, lanes) * Vec<A>(taps.weight[first]);
    for (int64_t t = first + 1; t < last; ++t)
      sum += load<A>(from + taps.offset[t] + c, lanes) * Vec<A>(taps.weight[t]);
    store(sum, to + c, lanes);
  });
}

/// The taps of all outputs by their rank: first ones, second ones, ...; weight 0 where an output has fewer.  For images of
/// one channel, whose vectors are rows of outputs.
template <class A> struct RankedTaps {
  int64_t outputs, most = 0;
  std::vector<int32_t> index;
  std::vector<A> weight;
  explicit RankedTaps(const AxisMap& map) : outputs(map.outputs()) {
    for (int64_t o = 0; o < outputs; ++o) most = std::max(most, map.begin[o + 1] - map.begin[o]);
    index.resize(size_t(most * outputs)), weight.resize(size_t(most * outputs));
    for (int64_t o = 0; o < outputs; ++o)
      for (int64_t t = map.begin[o], at = o; t < map.begin[o + 1]; ++t, at += outputs)
        index[size_t(at)] = int32_t(map.taps[size_t(t)].index), weight[size_t(at)] = A(map.taps[size_t(t)].weight);
  }
  /// to[o] = the weighted sum of output o, with the sums in `sum`.
  template <class To> void apply(const A* from, A* sum, To* to) const {
    std::fill_n(sum, outputs, A(0));
    for (int64_t k = 0; k < most; ++k) {
      const int32_t* i = index.data() + k * outputs;
      const A* w = weight.data() + k * outputs;
      if (k == 0)
        for (int64_t o = 0; o < outputs; ++o) sum[o] = w[o] == 0 ? A(0) : from[i[o]] * w[o];
      else
        for (int64_t o = 0; o < outputs; ++o) sum[o] = w[o] == 0 ? sum[o] : sum[o] + from[i[o]] * w[o];
    }
    each_vec<A>(outputs, [=](int64_t o, auto lanes) { store(load<A>(sum + o, lanes), to + o, lanes); });
  }
};

/// The inputs that some output reads, as runs [first, second).
std::vector<std::pair<int64_t, int64_t>> runs_read(const AxisMap& map, int64_t inputs) {
  std::vector<bool> read(inputs);
  for (const auto& tap : map.taps) read[tap.index] = true;
  std::vector<std::pair<int64_t, int64_t>> runs;
  for (int64_t i = 0; i < inputs; ++i)
    if (read[i]) {
      if (runs.empty() || runs.back().second < i) runs.push_back({i, i});
      runs.back().second = i + 1;
    }
  return runs;
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

// For each output row: adds up its input rows where columns are read, then adds columns within the sum.  The cost is the
// sum of the taps of both axes, not their product.
void separable(Cpu, const Tensor& x, const AxisMap& rows, const AxisMap& columns, Tensor y) {
  with_float(x.dtype(), "separable", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t H = x.dim(1), W = x.dim(2), C = x.dim(3), OH = y.dim(1), OW = y.dim(2);
    const T* in = x.read<T>();
    T* out = y.write<T>();
    const Taps<A> down(rows, W * C), across(columns, C);
    const RankedTaps<A> ranked(C == 1 ? columns : AxisMap{});
    const auto runs = runs_read(columns, W);
    int64_t width = 0;
    for (auto [begin, end] : runs) width += end - begin;
    const int64_t taps = int64_t(rows.taps.size()) / std::max<int64_t>(OH, 1) + 1;
    const int64_t cost = std::max<int64_t>((width * taps + 2 * OW) * C, 1);
    parallel_chunks(y.dim(0) * OH, kGrain / cost, [&, in, out](int64_t first, int64_t last) {
      Scratch<A> sum(std::max<int64_t>(W * C + OW, 1));
      const A* row = sum;
      for (int64_t r = first; r < last; ++r) {
        const T* image = in + r / OH * H * W * C;
        T* to = out + r * OW * C;
        for (auto [begin, end] : runs)
          weighted_sum(down, r % OH, image + begin * C, sum + begin * C, (end - begin) * C);
        if (down.begin[r % OH] == down.begin[r % OH + 1]) std::fill_n(to, OW * C, T(0.f));  // in a backward pass
        else if (C == 1) ranked.apply(row, sum + W, to);
        else
          for (int64_t o = 0; o < OW; ++o) weighted_sum(across, o, row, to + o * C, C);
      }
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
