// unroll<N>(f) calls f(0), f(1), ..., f(N - 1) with the index as a compile-time constant, so that arrays of
// accumulators stay in registers whatever the optimiser's own unrolling limits are.
#pragma once

#include <type_traits>
#include <utility>

namespace camo::kernel {

template <int N, class F> [[gnu::always_inline]] inline void unroll(const F& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, I>{}), ...);
  }
  (std::make_integer_sequence<int, N>{});
}

}  // namespace camo::kernel
