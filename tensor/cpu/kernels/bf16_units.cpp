// Chooses between f32 arithmetic and the processor's bf16 instructions, by measuring both.  A measurement is needed: of
// two processors with the same instructions, one ran them at half the rate of f32, the other at twice that rate.
#include <atomic>
#include <chrono>

#include "tensor/cpu/kernels/gemm.h"
#include "tensor/cpu/kernels/gemm_unit.h"

namespace camo {
namespace {
std::atomic<bool> g_units{false};
}  // namespace

bool bf16_units() { return g_units; }

void use_bf16_units([[maybe_unused]] bool on) {
#ifdef CAMO_BF16_UNITS
  g_units = on;
#endif
}

bool bf16_units_pay() {
#ifdef CAMO_BF16_UNITS
  using Clock = std::chrono::steady_clock;
  constexpr int64_t M = 96, N = 256, K = 512;  // fits the L2 cache; takes about 0.1 ms
  const bool before = g_units;
  const std::vector<bf16> a(M * K, bf16(0.5f)), b(N * K, bf16(0.5f));
  std::vector<bf16> c(M * N);
  Clock::duration best[2] = {Clock::duration::max(), Clock::duration::max()};
  for (int round = 0; round < 8; ++round)
    for (bool units : {false, true}) {
      g_units = units;
      const auto begin = Clock::now();
      kernel::multiply<bf16, bf16, bf16>(kernel::dense(a.data(), M, K, K), {b.data(), N}, N, {c.data(), N});
      best[units] = std::min(best[units], Clock::now() - begin);
    }
  g_units = before;
  return best[true] < best[false];
#else
  return false;
#endif
}

}  // namespace camo
