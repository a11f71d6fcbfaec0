// A product on tensor cores.
//
// c (16, 8) = a (16, K) b (K, 8) by one warp, K a multiple of 16.  a and b lie in shared memory, row by row.  load_a takes this lane's row of a
// tile of a: row lane % 16, from column 8 (lane / 16) on.  load_b takes row lane % 16 of a tile of b.  mma(c, a, b) adds the product.
// FragmentC::row(lane, i) and column(lane, i) say where number i of the sums belongs.
#include <cmath>

#include "cuda/tools/tile.cuh"
#include "examples/exercises/cuda/kernel.h"

namespace camo::exercises::cuda_05 {

using namespace cuda;

#ifdef CAMO_SOLUTION
#include "examples/exercises/cuda/05_solution.cpp"
#else
__device__ void product(const bf16* a, const bf16* b, int K, int lane, float* c) {
  (void)a, (void)b, (void)K, (void)lane, (void)c;
  todo("product: for each 16 columns of a, two loads and one mma; then four numbers of c from each lane");
}
#endif

constexpr int kMost = 64;

/// Small whole numbers, exact in bf16.
static float left(int m, int k) { return float((m * 5 + k * 3) % 11 - 5); }
static float right(int k, int n) { return float((k * 7 + n * 2) % 13 - 6); }

static void check() {
  for (int K : {16, kMost}) {
    const DeviceNumbers c(16 * 8);
    start(1, 32, 3, [&] {
      SHARED(bf16, a, [16 * kMost]);
      SHARED(bf16, b, [kMost * 8]);
      const int lane = int(threadIdx.x);
      for (int i = lane; i < 16 * K; i += 32) a[i] = bf16(left(i / K, i % K));
      for (int i = lane; i < K * 8; i += 32) b[i] = bf16(right(i / 8, i % 8));
      __syncthreads();
      product(&a[0], &b[0], K, lane, c);
    });
    for (int m = 0; m < 16; ++m)
      for (int n = 0; n < 8; ++n) {
        float sum = 0;
        for (int k = 0; k < K; ++k) sum += left(m, k) * right(k, n);
        const float got = c[m * 8 + n];
        expect(!std::isnan(got), "With K = ", K, ", c[", m, "][", n, "] is written by no lane.");
        expect(got == sum, "With K = ", K, ", c[", m, "][", n, "] is ", got, " instead of ", sum,
               ". How far apart are two rows of a, and two rows of b?");
      }
  }
}

static const bool added = add_exercise({"cuda/05", "Multiply on tensor cores.", check});

}  // namespace camo::exercises::cuda_05
