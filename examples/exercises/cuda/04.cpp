// Layer norm of a row, by a block.
//
// Block r normalises row r: y = (x - mean) / sqrt(variance + 1e-6).  The variance is the mean of (x - mean)^2: two sums, one after the
// other.  block_sum(v) adds the v of all threads; every thread must call it, and gets the sum.  C may be less or more than
// the number of threads.
#include <cmath>

#include "cuda/tools/warp.cuh"
#include "examples/exercises/cuda/kernel.h"

namespace camo::exercises::cuda_04 {

using cuda::block_sum;

#ifdef CAMO_SOLUTION
#include "examples/exercises/cuda/04_solution.cpp"
#else
__global__ void norm(const float* x, int64_t C, float* y) {
  (void)x, (void)C, (void)y;
  todo("norm(x, C, y): a strided loop for each sum, a third one for y");
}
#endif

static float numbers(int64_t i) { return float(i * 29 % 53) * 0.1f + 100; }

static void check() {
  for (int64_t C : {40, 200}) {
    const int64_t R = 3;
    const DeviceNumbers x(R * C, numbers), y(R * C);
    start(unsigned(R), 64, 7, [&] { norm(x, C, y); });
    for (int64_t r = 0; r < R; ++r) {
      double mean = 0, variance = 0;
      for (int64_t c = 0; c < C; ++c) mean += double(x[r * C + c]) / double(C);
      for (int64_t c = 0; c < C; ++c) variance += std::pow(x[r * C + c] - mean, 2) / double(C);
      for (int64_t c = 0; c < C; ++c) {
        const double truth = (x[r * C + c] - mean) / std::sqrt(variance + 1e-6);
        expect(std::abs(y[r * C + c] - truth) < 1e-3, "With C = ", C, ", y[", r, "][", c, "] is ", y[r * C + c],
               " instead of ", truth,
               ". If all are a little wrong: is the variance the mean of squares minus the square",
               " of the mean? With a mean of 100 that loses most digits.");
      }
    }
  }
}

static const bool added = add_exercise({"cuda/04", "Normalise a row by a block.", check});

}  // namespace camo::exercises::cuda_04
