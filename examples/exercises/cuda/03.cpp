// Sums of rows, a warp for each, with neighbouring lanes on neighbouring addresses.
//
// y[r] = the sum of x[r C + c] over c.  The grid has blocks of 128 threads, four warps each, and enough warps for R rows; the last block may
// have too many.  x.at(i) is x[i], and notes which sectors of 32 bytes a warp touches in one load.
#include <cmath>
#include <map>
#include <set>

#include "examples/exercises/cuda/kernel.h"

namespace camo::exercises::cuda_03 {

/// Numbers that note each thread's loads.
struct Watched {
  const float* numbers;
  std::map<std::pair<int, int>, std::set<int64_t>>* sectors;  // of the n-th load of a warp
  std::map<int, int>* loads;                                  // of each thread so far
  float at(int64_t i) const {
    const int thread = int(blockIdx.x * blockDim.x + threadIdx.x), n = (*loads)[thread]++;
    (*sectors)[{thread / 32, n}].insert(i * 4 / 32);
    return numbers[i];
  }
};

#ifdef CAMO_SOLUTION
#include "examples/exercises/cuda/03_solution.cpp"
#else
__global__ void row_sums(const Watched& x, int64_t R, int64_t C, float* y) {
  (void)x, (void)R, (void)C, (void)y;
  todo("row_sums: which row is this warp's, what does each lane add, and how do the lanes meet?");
}
#endif

static float numbers(int64_t i) { return float(i * 13 % 17) - 8; }

static void check() {
  const int64_t R = 10, C = 96;
  const DeviceNumbers x(R * C, numbers), y(R);
  std::map<std::pair<int, int>, std::set<int64_t>> sectors;
  std::map<int, int> loads;
  const Watched watched{x, &sectors, &loads};
  start(3, 128, 5, [&] { row_sums(watched, R, C, y); });
  for (int64_t r = 0; r < R; ++r) {
    float sum = 0;  // of small whole numbers: exact in any order
    for (int64_t c = 0; c < C; ++c) sum += x[r * C + c];
    expect(y[r] == sum, "The sum of row ", r, " is ", sum, ", yours is ", y[r], ".");
  }
  size_t all = 0;
  for (const auto& [load, touched] : sectors) all += touched.size();
  expect(loads.size() > 32 * size_t(R) - 32, "Only ", loads.size(), " threads load anything: give each row a warp.");
  expect(int64_t(all) == R * C * 4 / 32, "The warps touch ", all, " sectors for numbers that fill ", R * C * 4 / 32,
         ": which lanes load neighbours at the same time?");
}

static const bool added = add_exercise({"cuda/03", "Sum each row by a warp, without wasting a sector.", check});

}  // namespace camo::exercises::cuda_03
