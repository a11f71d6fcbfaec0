#include "tensor/cpu/kernels/depthwise.h"

#include <array>
#include <vector>

#include "tensor/cpu/kernels/rows.h"
#include "tensor/cpu/kernels/unroll.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"
#include "tensor/scalar/functors.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {
namespace {

// All three passes have this form.  Output (oh, ow) reads, for tap (ky, kx), input (i / over, j / over) with i = oh *
// stride - padding_h + ky * dilation (j likewise), if that is divisible and inside.  The input gradient is the same sum
// over dy with rotated taps: over = the stride, padding = dilation (k - 1) - padding, which may be negative.
struct Gather {
  int64_t B, IH, IW, OH, OW, C, kh, kw, stride, over, padding_h, padding_w, dilation;

  static int64_t source(int64_t i, int64_t over, int64_t length) {  // -1: outside
    return i >= 0 && i % over == 0 && i / over < length ? i / over : -1;
  }
  int64_t row(int64_t oh, int64_t ky) const { return source(oh * stride - padding_h + ky * dilation, over, IH); }
  int64_t column(int64_t ow, int64_t kx) const { return source(ow * stride - padding_w + kx * dilation, over, IW); }
  /// column(ow, kx) at ow * kw + kx: the plain path looks it up, because it would divide for every tap of every pixel.
  std::vector<int64_t> columns() const {
    std::vector<int64_t> out;
    for (int64_t ow = 0; ow < OW; ++ow)
      for (int64_t kx = 0; kx < kw; ++kx) out.push_back(column(ow, kx));
    return out;
  }
  bool blocked() const {
    return stride == 1 && over == 1 && dilation == 1 && kh == kw && OW >= 4 && kw >= 3 && kw <= 9 && kw % 2;
  }
};

Gather forward_of(const Depthwise& s) {
  return {s.B, s.H, s.W, s.out_h(), s.out_w(), s.C, s.kh, s.kw, s.stride, 1, s.pad_h(), s.pad_w(), s.dilation};
}
Gather backward_of(const Depthwise& s) {
  return {s.B,
          s.out_h(),
          s.out_w(),
          s.H,
          s.W,
          s.C,
          s.kh,
          s.kw,
          1,
          s.stride,
          s.dilation * (s.kh - 1) - s.pad_h(),
          s.dilation * (s.kw - 1) - s.pad_w(),
          s.dilation};
}

/// Whether sums are blocked in registers.  f64 takes the plain path, which gives the same bits and compiles in less time:
/// it is there to check gradients.
template <class T> constexpr bool kBlocked = !std::is_same_v<T, double>;

/// Calls f.operator()<K>() for the side K = 3, 5, 7 or 9 of a blocked kernel.
template <class T, class F> void with_side(int64_t side, const F& f) {
  if constexpr (kBlocked<T>) {
    if (side == 3) f.template operator()<3>();
    else if (side == 5) f.template operator()<5>();
    else if (side == 7) f.template operator()<7>();
    else f.template operator()<9>();
  }
}

/// Prefetches vector c of P pixels.  The row below the last tap row is needed next, and hardware does not prefetch it.
template <int P, class T> [[gnu::always_inline]] inline void prefetch(const T* pixels, int64_t C, int64_t c) {
  unroll<P>([&](auto p) __attribute__((always_inline)) { __builtin_prefetch(pixels + p * C + c); });
}

// ---- y = sum over taps --------------------------------------------------------------------------------------

/// Where sums go: to y, and their GELU to `active`; either may be null.
template <class T> struct Sums {
  T *y, *active;
  Sums at(int64_t i) const { return {y ? y + i : nullptr, active ? active + i : nullptr}; }
};

/// Computes P pixels of one row.  in[ky * (P + K - 1) + j] is column j of tap row ky; columns outside point at zeros.
/// `next` (or null) points to the pixels of the row below, to prefetch.
template <int K, int P, class T, class A>
void block(const T* const* in, int rows, const T* next, const A* weight, const A* bias, const Sums<T>& out, int64_t C) {
  each_vec<A>(C, [&](int64_t c, auto n) {
    if (next) prefetch<P>(next, C, c);
    Vec<A> acc[P];
    Vec<A> start = bias ? load<A>(bias + c, n) : Vec<A>(0);
    unroll<P>([&](auto p) __attribute__((always_inline)) { acc[p] = start; });
    for (int ky = 0; ky < rows; ++ky) {
      const T* const* row = in + ky * (P + K - 1);
      Vec<A> w[K];
      unroll<K>([&](auto kx) __attribute__((always_inline)) { w[kx] = load<A>(weight + (ky * K + kx) * C + c, n); });
      unroll<P + K - 1>([&](auto j) __attribute__((always_inline)) {
        Vec<A> x = load<A>(row[j] + c, n);
        unroll<K>([&](auto kx) __attribute__((always_inline)) {
          if constexpr (j - kx >= 0 && j - kx < P) acc[j - kx] += x * w[kx];
        });
      });
    }
    T near[P * Vec<A>::size];
    T* const to = out.y ? out.y + c : near;
    const int64_t step = out.y ? C : Vec<A>::size;
    unroll<P>([&](auto p) __attribute__((always_inline)) { store(acc[p], to + p * step, n); });
    if (out.active)  // of the rounded sums, as if they had been stored
      for (int p = 0; p < P; ++p) store(Gelu::f(load<A>(to + p * step, n)), out.active + p * C + c, n);
  });
}

template <int K, int P, class T, class A>
void blocked_row(const Gather& g, const T* x, const A* weight, const A* bias, const T* zeros, const Sums<T>& out,
                 int64_t oh) {
  int64_t first = std::max<int64_t>(0, g.padding_h - oh);  // tap rows [first, last) are inside
  int64_t last = std::min<int64_t>(K, g.IH + g.padding_h - oh);
  std::array<const T*, K*(P + K - 1)> in;
  for (int64_t at = 0; at < g.OW; at += P) {
    int64_t ow = std::min(at, g.OW - P);  // the last block overlaps its neighbour
    const T** to = in.data();
    for (int64_t ky = first; ky < last; ++ky)
      for (int64_t j = ow - g.padding_w; j < ow - g.padding_w + P + K - 1; ++j)
        *to++ = j >= 0 && j < g.IW ? x + ((oh - g.padding_h + ky) * g.IW + j) * g.C : zeros;
    const T* next = oh - g.padding_h + K < g.IH ? x + ((oh - g.padding_h + K) * g.IW + ow) * g.C : nullptr;
    block<K, P>(in.data(), int(last - first), next, weight + first * K * g.C, bias, out.at(ow * g.C), g.C);
  }
}

/// The definition: adds the taps of one pixel one after another.
template <class T, class A>
void plain_row(const Gather& g, const int64_t* columns, const T* x, const A* weight, const A* bias, const Sums<T>& out,
               int64_t oh) {
  std::vector<std::pair<const T*, const A*>> rows, taps;
  for (int64_t ky = 0; ky < g.kh; ++ky)
    if (int64_t i = g.row(oh, ky); i >= 0) rows.emplace_back(x + i * g.IW * g.C, weight + ky * g.kw * g.C);
  for (int64_t ow = 0; ow < g.OW; ++ow) {
    const Sums<T> to = out.at(ow * g.C);
    taps.clear();
    for (auto [row, w] : rows)
      for (int64_t kx = 0; kx < g.kw; ++kx)
        if (int64_t j = columns[ow * g.kw + kx]; j >= 0) taps.emplace_back(row + j * g.C, w + kx * g.C);
    each_vec<A>(g.C, [&](int64_t c, auto n) {
      Vec<A> acc = bias ? load<A>(bias + c, n) : Vec<A>(0);
      for (auto [p, w] : taps) acc += load<A>(p + c, n) * load<A>(w + c, n);
      T near[Vec<A>::size];
      T* const y = to.y ? to.y + c : near;
      store(acc, y, n);
      if (to.active) store(Gelu::f(load<A>(y, n)), to.active + c, n);
    });
  }
}

template <class T, class A> void gather(const Gather& g, const T* x, const A* weight, const A* bias, const Sums<T>& y) {
  Scratch<T> zeros(g.C);
  std::fill_n(zeros + 0, g.C, T(0));
  auto image = [&](const auto& row) {
    parallel_for(g.B * g.OH, g.OW * g.C * g.kh * g.kw,
                 [&](int64_t r) { row(x + r / g.OH * g.IH * g.IW * g.C, y.at(r * g.OW * g.C), r % g.OH); });
  };
  if (!kBlocked<T> || !g.blocked()) {
    const std::vector<int64_t> columns = g.columns();
    return image(
        [&](const T* in, const Sums<T>& out, int64_t oh) { plain_row(g, columns.data(), in, weight, bias, out, oh); });
  }
  with_side<T>(g.kw, [&]<int K>() {
    image([&](const T* in, const Sums<T>& out, int64_t oh) {
      auto* row = g.OW >= 11 ? blocked_row<K, 11, T, A> : blocked_row<K, 4, T, A>;
      row(g, in, weight, bias, zeros + 0, out, oh);
    });
  });
}

// ---- weight gradient ------------------------------------------------------------------------------------------------

/// Adds P pixels to the sums of G tap rows: sum[(ky * K + kx) * C + c] += dy[p] x[p + kx].
template <int K, int P, int G, class T, class A>
void block_grad(const T* const* dy, const T* const* in, const T* next_dy, const T* next_x, A* sum, int64_t C) {
  each_vec<A>(C, [&](int64_t c, auto n) {
    if (next_dy) prefetch<P>(next_dy, C, c);
    if (next_x) prefetch<P>(next_x, C, c);
    Vec<A> d[P], acc[G * K];
    unroll<P>([&](auto p) __attribute__((always_inline)) { d[p] = load<A>(dy[p] + c, n); });
    unroll<G * K>([&](auto t) __attribute__((always_inline)) { acc[t] = load<A>(sum + t * C + c, n); });
    unroll<P + K - 1>([&](auto j) __attribute__((always_inline)) {
      unroll<G>([&](auto ky) __attribute__((always_inline)) {
        Vec<A> x = load<A>(in[ky * (P + K - 1) + j] + c, n);
        unroll<K>([&](auto kx) __attribute__((always_inline)) {
          if constexpr (j - kx >= 0 && j - kx < P) acc[ky * K + kx] += d[j - kx] * x;
        });
      });
    });
    unroll<G * K>([&](auto t) __attribute__((always_inline)) { store(acc[t], sum + t * C + c, n); });
  });
}

template <int K, class T, class A>
void blocked_row_grad(const Gather& g, const T* dy, const T* x, const T* zeros, A* sum, int64_t oh) {
  constexpr int P = 11, G = K == 3 ? 3 : 1, columns = P + K - 1;
  std::array<const T*, P> d;
  std::array<const T*, G * columns> in;
  for (int64_t ow = 0; ow < g.OW; ow += P) {
    for (int64_t p = 0; p < P; ++p) d[p] = ow + p < g.OW ? dy + (ow + p) * g.C : zeros;
    for (int64_t ky = 0; ky < K; ky += G) {
      for (int64_t t = 0; t < G * columns; ++t) {
        int64_t i = oh - g.padding_h + ky + t / columns, j = ow - g.padding_w + t % columns;
        in[t] = i >= 0 && i < g.IH && j >= 0 && j < g.IW ? x + (i * g.IW + j) * g.C : zeros;
      }
      const bool last = ky + G >= K;
      const T* next_dy = last && oh + 1 < g.OH ? dy + (g.OW + ow) * g.C : nullptr;
      const T* next_x = last && oh - g.padding_h + K < g.IH ? x + ((oh - g.padding_h + K) * g.IW + ow) * g.C : nullptr;
      block_grad<K, P, G>(d.data(), in.data(), next_dy, next_x, sum + ky * K * g.C, g.C);
    }
  }
}

template <class T, class A>
void plain_row_grad(const Gather& g, const int64_t* columns, const T* dy, const T* x, const T* zeros, A* sum,
                    int64_t oh) {
  constexpr int P = 8;
  std::vector<const T*> in(g.kh * g.kw * P);
  for (int64_t ow = 0; ow < g.OW; ow += P) {
    int count = int(std::min<int64_t>(P, g.OW - ow));
    for (int64_t ky = 0; ky < g.kh; ++ky)
      for (int64_t i = g.row(oh, ky), kx = 0; kx < g.kw; ++kx)
        for (int64_t p = 0; p < count; ++p) {
          const int64_t j = columns[(ow + p) * g.kw + kx];
          in[(ky * g.kw + kx) * P + p] = i >= 0 && j >= 0 ? x + (i * g.IW + j) * g.C : zeros;
        }
    each_vec<A>(g.C, [&](int64_t c, auto n) {
      for (int64_t t = 0; t < g.kh * g.kw; ++t) {
        Vec<A> acc = load<A>(sum + t * g.C + c, n);
        for (int p = 0; p < count; ++p) acc += load<A>(dy + (ow + p) * g.C + c, n) * load<A>(in[t * P + p] + c, n);
        store(acc, sum + t * g.C + c, n);
      }
    });
  }
}

template <class T, class A> void row_bias(const Gather& g, const T* dy, A* sum) {
  each_vec<A>(g.C, [&](int64_t c, auto n) {
    Vec<A> acc = load<A>(sum + c, n);
    for (int64_t ow = 0; ow < g.OW; ++ow) acc += load<A>(dy + ow * g.C + c, n);
    store(acc, sum + c, n);
  });
}

/// (C, taps) -> (taps, C); reverses the taps if `rotate`.
template <class A> void transpose(const A* weight, A* out, int64_t C, int64_t taps, bool rotate) {
  for (int64_t c = 0; c < C; ++c)
    for (int64_t t = 0; t < taps; ++t) out[(rotate ? taps - 1 - t : t) * C + c] = weight[c * taps + t];
}

}  // namespace

template <class T>
void depthwise(const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y, T* active, const Depthwise& s) {
  Scratch<acc_t<T>> taps(s.kh * s.kw * s.C);
  transpose(weight, taps + 0, s.C, s.kh * s.kw, false);
  gather(forward_of(s), x, static_cast<const acc_t<T>*>(taps), bias, Sums<T>{y, active});
}

template <class T> void depthwise_input_grad(const T* dy, const acc_t<T>* weight, T* dx, const Depthwise& s) {
  Scratch<acc_t<T>> taps(s.kh * s.kw * s.C);
  transpose(weight, taps + 0, s.C, s.kh * s.kw, true);
  gather(backward_of(s), dy, static_cast<const acc_t<T>*>(taps), static_cast<const acc_t<T>*>(nullptr),
         Sums<T>{dx, nullptr});
}

template <class T>
void depthwise_weight_grad(const T* dy, const T* x, acc_t<T>* dweight, acc_t<T>* dbias, const Depthwise& s) {
  using A = acc_t<T>;
  const Gather g = forward_of(s);
  const int64_t rows = g.B * g.OH, taps = g.kh * g.kw, size = (taps + 1) * g.C;  // the last row of sums is dbias
  // A chunk has enough pixels to pay for its sums, but not so many that f32 sums lose precision.
  const int64_t width = std::max<int64_t>(g.OW, 1), least = ceil_div(8 * taps, width);
  const int64_t chunk = std::max({least, std::min((rows + 63) / 64, 4096 / width), int64_t(1)});
  const int64_t chunks = ceil_div(rows, chunk);
  Scratch<A> sums(chunks * size);
  Scratch<T> zeros(g.C);
  std::fill_n(zeros + 0, g.C, T(0));
  const bool plain = !kBlocked<T> || !g.blocked();
  const std::vector<int64_t> columns = plain ? g.columns() : std::vector<int64_t>{};

  parallel_chunks(rows, chunk, [&](int64_t begin, int64_t end) {
    A* sum = sums + begin / chunk * size;
    std::fill_n(sum, size, A(0));
    for (int64_t r = begin; r < end; ++r) {
      const T* d = dy + r * g.OW * g.C;
      const T* in = x + r / g.OH * g.IH * g.IW * g.C;
      const T* none = zeros;
      if (plain) plain_row_grad(g, columns.data(), d, in, none, sum, r % g.OH);
      else with_side<T>(g.kw, [&]<int K>() { blocked_row_grad<K>(g, d, in, none, sum, r % g.OH); });
      if (dbias) row_bias(g, d, sum + taps * g.C);
    }
  });

  parallel_for(taps + (dbias ? 1 : 0), chunks * g.C, [&](int64_t t) {
    Scratch<A> total(g.C);
    std::fill_n(total + 0, g.C, A(0));
    for (int64_t i = 0; i < chunks; ++i)
      for (int64_t c = 0; c < g.C; ++c) total[c] += sums[i * size + t * g.C + c];
    for (int64_t c = 0; c < g.C; ++c) (t < taps ? dweight[c * taps + t] : dbias[c]) = total[c];
  });
}

template void depthwise(const float*, const float*, const float*, float*, float*, const Depthwise&);
template void depthwise(const double*, const double*, const double*, double*, double*, const Depthwise&);
template void depthwise(const bf16*, const float*, const float*, bf16*, bf16*, const Depthwise&);
template void depthwise_input_grad(const float*, const float*, float*, const Depthwise&);
template void depthwise_input_grad(const double*, const double*, double*, const Depthwise&);
template void depthwise_input_grad(const bf16*, const float*, bf16*, const Depthwise&);
template void depthwise_weight_grad(const float*, const float*, float*, float*, const Depthwise&);
template void depthwise_weight_grad(const double*, const double*, double*, double*, const Depthwise&);
template void depthwise_weight_grad(const bf16*, const bf16*, float*, float*, const Depthwise&);

}  // namespace camo::kernel
