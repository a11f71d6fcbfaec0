// Chooses the instructions for products of bf16 numbers, by measuring.  A measurement is needed: of two processors with
// the same instructions, one ran pairs at half the rate of f32, the other at twice that rate.
#include <atomic>
#include <chrono>

#include "tensor/cpu/kernels/gemm.h"
#include "tensor/cpu/kernels/gemm_unit.h"

#ifdef CAMO_BF16_TILES
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace camo {
namespace {

std::atomic<Bf16Units> g_units{Bf16Units::off};

/// Whether this process may use them.  Linux gives tiles to processes that ask (arch_prctl, ARCH_REQ_XCOMP_PERM).
bool allowed(Bf16Units units) {
  if (units == Bf16Units::off) return true;
#ifdef CAMO_BF16_TILES
  constexpr long kRequest = 0x1023, kTileData = 18;
  static const bool tiles = ::syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
  if (units == Bf16Units::tiles) return tiles;
#endif
#ifdef CAMO_BF16_UNITS
  return units == Bf16Units::pairs;
#else
  return false;
#endif
}

}  // namespace

Bf16Units bf16_units() { return g_units; }

bool use_bf16_units(Bf16Units units) {
  if (!allowed(units)) return false;
  g_units = units;
  return true;
}

Bf16Units fastest_bf16_units() {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t M = 96, N = 256, K = 512;  // fits the L2 cache; takes about 0.1 ms
  constexpr Bf16Units kAll[] = {Bf16Units::off, Bf16Units::pairs, Bf16Units::tiles};
  if (!allowed(Bf16Units::pairs)) return Bf16Units::off;
  const Bf16Units before = g_units;
  const std::vector<bf16> a(M * K, bf16(0.5f)), b(N * K, bf16(0.5f));
  std::vector<bf16> c(M * N);
  Clock::duration least[] = {Clock::duration::max(), Clock::duration::max(), Clock::duration::max()};
  for (int round = 0; round < 8; ++round)
    for (Bf16Units units : kAll) {
      if (!use_bf16_units(units)) continue;
      const auto begin = Clock::now();
      kernel::multiply<bf16, bf16, bf16>(kernel::dense(a.data(), M, K, K), {b.data(), N}, N, {c.data(), N});
      least[int(units)] = std::min(least[int(units)], Clock::now() - begin);
    }
  g_units = before;
  return kAll[std::min_element(least, least + 3) - least];
}

}  // namespace camo
