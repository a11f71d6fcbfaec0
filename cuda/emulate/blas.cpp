// The definition of gemm: each sum in order of ascending k.  The emulated device's memory is host memory.
#include "cuda/blas.h"

#include <type_traits>

namespace camo::cuda {
namespace {

template <class In, class Out> void products(const Gemm& g) {
  using A = acc_t<In>;
  const int64_t a_row = g.ta == Trans::no ? g.K : 1, a_k = g.ta == Trans::no ? 1 : g.M;
  const int64_t b_k = g.tb == Trans::no ? g.N : 1, b_column = g.tb == Trans::no ? 1 : g.K;
  const auto* bias = static_cast<const Out*>(g.bias);
  for (int64_t i = 0; i < g.batch; ++i) {
    const In* a = static_cast<const In*>(g.a) + i * g.step_a;
    const In* b = static_cast<const In*>(g.b) + i * g.step_b;
    Out* y = static_cast<Out*>(g.y) + i * g.step_y;
    for (int64_t m = 0; m < g.M; ++m)
      for (int64_t n = 0; n < g.N; ++n) {
        A sum = 0;
        for (int64_t k = 0; k < g.K; ++k) sum += A(a[m * a_row + k * a_k]) * A(b[k * b_k + n * b_column]);
        if (bias) sum += A(bias[n]);
        if (g.act == Act::relu && sum < 0) sum = 0;
        y[m * g.N + n] = Out(sum);
      }
  }
}

}  // namespace

bool gemm(Cuda, const Gemm& g) {
  if (g.K == 0 && (g.bias || g.act != Act::none)) {  // as on a GPU, the caller applies bias and activation
    Gemm zeros = g;
    zeros.bias = nullptr, zeros.act = Act::none;
    return gemm({}, zeros), false;
  }
  with_float(g.in, "gemm", [&]<class In>() {
    if (g.out == g.in) products<In, In>(g);
    else if constexpr (std::is_same_v<In, bf16>) products<bf16, float>(g);
  });
  return true;
}

}  // namespace camo::cuda
