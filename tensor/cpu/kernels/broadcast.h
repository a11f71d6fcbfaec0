// Elementwise loops over broadcast operands (tensor/broadcast.h makes the plan).
//
// Along the innermost merged axis an operand is contiguous or one repeated number; the inner loop knows which at
// compile time.  Chunks are ranges of the flat output, whatever the shapes.
#pragma once

#include <tuple>

#include "tensor/broadcast.h"
#include "tensor/cpu/vec.h"
#include "tensor/parallel.h"

namespace camo::kernel {

/// Calls f(std::bool_constant...) with the given values as compile-time constants.
template <class F> void with_constants(const F& f) { f(); }
template <class F, class... Rest> void with_constants(const F& f, bool first, Rest... rest) {
  if (first) with_constants([&](auto... c) { f(std::true_type{}, c...); }, rest...);
  else with_constants([&](auto... c) { f(std::false_type{}, c...); }, rest...);
}

/// One operand of a run: a vector from p + i, or the number at p in every lane.
template <class V, bool Contiguous, class T> V operand(const T* p, int64_t i) {
  if constexpr (Contiguous) return V::load(p + i);
  else return V(acc_t<T>(*p));
}
template <class V, bool Contiguous, class T> V operand(const T* p, int64_t i, int n) {
  if constexpr (Contiguous) return V::load(p + i, n);
  else return V(acc_t<T>(*p));
}

/// y[i] = f(x[i]...) for i in [0, n), a vector at a time; operands that are not Contiguous repeat one number.
/// y may be one of the x.
template <bool... Contiguous, class T, class F, class... X> void map_run(int64_t n, T* y, const F& f, const X*... x) {
  using V = Vec<acc_t<T>>;
  int64_t i = 0;
  for (; i + V::size <= n; i += V::size) f(operand<V, Contiguous>(x, i)...).store(y + i);
  if (i < n) f(operand<V, Contiguous>(x, i, int(n - i))...).store(y + i, int(n - i));
}

/// y = f(whole..., x...) over the shape of the plan, in parallel; f takes and returns vectors of acc_t<T>.  The `whole`
/// operands have the shape of y, the x are those of the plan.
template <class T, class F, int K, class... W, class... X>
void map_broadcast(const Broadcast<K>& plan, T* y, const F& f, std::tuple<const W*...> whole, const X*... x) {
  static_assert(sizeof...(X) == K);
  auto all = [&]<size_t... w, size_t... k>(std::index_sequence<w...>, std::index_sequence<k...>) {
    void (*run)(int64_t, T*, const F&, const W*..., const X*...) = nullptr;  // chosen once, so the loops stand once
    with_constants(
        [&](auto... contiguous) {
          run = [](int64_t n, T* out, const F& g, const W*... all, const X*... in) {
            map_run<(sizeof(W) > 0)..., decltype(contiguous)::value...>(n, out, g, all..., in...);
          };
        },
        (plan.stride[0][k] != 0)...);
    parallel_chunks(plan.numel, kGrain, [&](int64_t begin, int64_t end) {
      plan.runs(begin, end, [&](int64_t i, int64_t n, const auto& offset) {
        run(n, y + i, f, (std::get<w>(whole) + i)..., (x + offset[k])...);
      });
    });
  };
  all(std::index_sequence_for<W...>(), std::make_index_sequence<K>());
}
template <class T, class F, int K, class... X>
void map_broadcast(const Broadcast<K>& plan, T* y, const F& f, const X*... x) {
  map_broadcast(plan, y, f, std::tuple<>(), x...);
}

/// The same when all shapes are equal.
template <class T, class F, class... X> void map(int64_t n, T* y, const F& f, const X*... x) {
  parallel_chunks(n, kGrain, [&](int64_t begin, int64_t end) {
    map_run<(sizeof(X) > 0)...>(end - begin, y + begin, f, (x + begin)...);
  });
}

}  // namespace camo::kernel
