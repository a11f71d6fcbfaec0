// Find the missing barrier.
//
// y[i] = x[0] + ... + x[i] for one block (Hillis, Steele 1986): in each step a thread adds what stands `step` places to its left.
// On a GPU, whose lanes run side by side, this kernel may look right.  Put in what it lacks.
#include "examples/exercises/cuda/kernel.h"

namespace camo::exercises::cuda_02 {

constexpr int kBlock = 64;

#ifdef CAMO_SOLUTION
#include "examples/exercises/cuda/02_solution.cpp"
#else
__global__ void running_sums(const float* x, float* y) {
  SHARED(float, sum, [kBlock]);
  const int i = int(threadIdx.x);
  sum[i] = x[i];
  for (int step = 1; step < kBlock; step *= 2) {
    __syncthreads();
    const float left = i >= step ? sum[i - step] : 0;
    sum[i] += left;
  }
  y[i] = sum[i];
}
#endif

static float numbers(int64_t i) { return float(i % 7 - 2); }

static void check() {
  const DeviceNumbers x(kBlock, numbers), y(kBlock);
  for (uint64_t schedule = 0; schedule < 20; ++schedule) {
    start(1, kBlock, schedule, [&] { running_sums(x, y); });
    float sum = 0;
    for (int i = 0; i < kBlock; ++i)
      expect(y[i] == (sum += x[i]), "With the threads in order number ", schedule, ", y[", i, "] is ", y[i],
             " instead of ", sum, ". Which two lines of one step touch the same place, one reading and one writing?");
  }
}

static const bool added = add_exercise(
    {.name = "cuda/02", .task = "Find the missing barrier of a running sum.", .check = check, .broken = true});

}  // namespace camo::exercises::cuda_02
