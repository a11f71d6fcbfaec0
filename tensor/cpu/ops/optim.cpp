// Optimizer updates on the CPU.  A network has hundreds of tensors, most of them small.  They form one list that is cut
// into pieces, so one parallel loop reads and writes every number once.
#include "tensor/ops/optim.h"

#include <cmath>

#include "tensor/cpu/kernels/broadcast.h"
#include "tensor/scalar/math.h"

namespace camo::kernel {
namespace {

struct Piece {
  size_t item;
  int64_t begin, end;
};

/// Calls f(item, begin, end) in parallel for pieces of at most kGrain elements; numel(i) is the length of item i.
template <class Numel, class F> void parallel_pieces(size_t items, const Numel& numel, const F& f) {
  std::vector<Piece> pieces;
  int64_t total = 0;
  for (size_t i = 0; i < items; ++i) {
    const int64_t n = numel(i);
    total += n;
    for (int64_t begin = 0; begin < n; begin += kGrain) pieces.push_back({i, begin, std::min(n, begin + kGrain)});
  }
  const int64_t count = int64_t(pieces.size());
  parallel_for(count, count ? total / count : 1, [&](int64_t i) { f(pieces[i].item, pieces[i].begin, pieces[i].end); });
}

/// Calls f(i, n) for the vectors of [begin, end), with n lanes in use.
template <class V, class F> void each_vector(int64_t begin, int64_t end, const F& f) {
  for (int64_t i = begin; i < end; i += V::size) f(i, int(std::min<int64_t>(V::size, end - i)));
}

template <class T>
void adamw_piece(const AdamWItem& item, const AdamWConfig& c, T* p, const T* g, T* m, T* v, int64_t begin,
                 int64_t end) {
  using V = Vec<T>;
  const double first_scale = 1 / (1 - std::pow(c.beta1, double(item.steps)));
  const double second_scale = 1 / (1 - std::pow(c.beta2, double(item.steps)));
  const V b1(T(c.beta1)), a1(T(1 - c.beta1)), b2(T(c.beta2)), a2(T(1 - c.beta2)), eps(T(c.eps));
  const V scale(T(c.gradient_scale)), keep(T(1 - item.rate * item.decay));
  const V rate(T(item.rate * first_scale)), root(T(std::sqrt(second_scale)));
  each_vector<V>(begin, end, [&](int64_t i, int n) {
    const V d = V::load(g + i, n) * scale;
    const V first = b1 * V::load(m + i, n) + a1 * d;
    const V second = b2 * V::load(v + i, n) + a2 * d * d;
    first.store(m + i, n);
    second.store(v + i, n);
    (V::load(p + i, n) * keep - rate * first / (camo::sqrt(second) * root + eps)).store(p + i, n);
  });
}

}  // namespace

// Takes pointers before the parallel loop, because write() increments the version, which must not
// happen in two threads.

void adamw(Cpu, const std::vector<AdamWItem>& items, const AdamWConfig& config) {
  struct Pointers {
    void *p, *m, *v;
    const void* g;
  };
  std::vector<Pointers> at;
  for (AdamWItem item : items)
    at.push_back({item.parameter.raw_write(), item.first.raw_write(), item.second.raw_write(), item.gradient.raw()});
  parallel_pieces(
      items.size(), [&](size_t i) { return items[i].parameter.numel(); },
      [&](size_t i, int64_t begin, int64_t end) {
        auto run = [&]<class T>() {
          adamw_piece(items[i], config, static_cast<T*>(at[i].p), static_cast<const T*>(at[i].g),
                      static_cast<T*>(at[i].m), static_cast<T*>(at[i].v), begin, end);
        };
        if (items[i].parameter.dtype() == DType::f64) run.template operator()<double>();
        else run.template operator()<float>();
      });
}

void sgd(Cpu, const std::vector<SgdItem>& items, double momentum, double gradient_scale) {
  struct Pointers {
    void *p, *v;
    const void* g;
  };
  std::vector<Pointers> at;
  for (SgdItem item : items) at.push_back({item.parameter.raw_write(), item.momentum.raw_write(), item.gradient.raw()});
  parallel_pieces(
      items.size(), [&](size_t i) { return items[i].parameter.numel(); },
      [&](size_t i, int64_t begin, int64_t end) {
        auto run = [&]<class T>() {
          using V = Vec<T>;
          T *p = static_cast<T*>(at[i].p), *v = static_cast<T*>(at[i].v);
          const T* g = static_cast<const T*>(at[i].g);
          const V mu{T(momentum)}, scale{T(gradient_scale)}, decay{T(items[i].decay)}, rate{T(items[i].rate)};
          each_vector<V>(begin, end, [&](int64_t j, int n) {
            const V x = V::load(p + j, n);
            const V speed = mu * V::load(v + j, n) + (scale * V::load(g + j, n) + decay * x);
            speed.store(v + j, n);
            (x - rate * speed).store(p + j, n);
          });
        };
        if (items[i].parameter.dtype() == DType::f64) run.template operator()<double>();
        else run.template operator()<float>();
      });
}

void ema(Cpu, const std::vector<std::pair<Tensor, Tensor>>& pairs, double decay) {
  std::vector<std::pair<void*, const void*>> at;
  for (auto [average, value] : pairs) at.emplace_back(average.raw_write(), value.raw());
  parallel_pieces(
      pairs.size(), [&](size_t i) { return pairs[i].first.numel(); },
      [&](size_t i, int64_t begin, int64_t end) {
        auto run = [&]<class T>() {
          using V = Vec<T>;
          T* a = static_cast<T*>(at[i].first);
          const T* x = static_cast<const T*>(at[i].second);
          const V step{T(1 - decay)};
          each_vector<V>(begin, end, [&](int64_t j, int n) {
            const V before = V::load(a + j, n);  // a + (1 - decay)(x - a), so that equal numbers stay equal
            (before + step * (V::load(x + j, n) - before)).store(a + j, n);
          });
        };
        if (pairs[i].first.dtype() == DType::f64) run.template operator()<double>();
        else run.template operator()<float>();
      });
}

}  // namespace camo::kernel
