// A butterfly that finds the largest number of a warp and its place.
//
// Each of 32 lanes has one x.  Afterwards every lane returns the largest, and the lowest lane that has it.
// __shfl_xor_sync(~0u, v, d) gives the v of the lane whose number differs in the bit d.
#include "examples/exercises/cuda/kernel.h"

namespace camo::exercises::cuda_01 {

struct Best {
  float value;
  int lane;
};

#ifdef CAMO_SOLUTION
#include "examples/exercises/cuda/01_solution.cpp"
#else
__device__ Best warp_best(float x, int lane) {
  (void)x, (void)lane;
  todo("warp_best(x, lane): five exchanges, of the value and of its lane");
}
#endif

static float some(int64_t i) { return float(i * 37 % 41); }
static float equal(int64_t i) { return float(i % 8 == 3); }

static void check() {
  for (auto* numbers : {some, equal}) {
    const DeviceNumbers x(32, numbers);
    int place = 0;
    for (int i = 1; i < 32; ++i)
      if (x[i] > x[place]) place = i;
    Best got[32];
    start(1, 32, 0, [&] { got[threadIdx.x] = warp_best(x[threadIdx.x], int(threadIdx.x)); });
    expect(got[0].value == x[place], "The largest number is ", x[place], ", lane 0 returns ", got[0].value, ".");
    for (int lane = 0; lane < 32; ++lane) {
      expect(got[lane].value == x[place], "Lane ", lane, " returns ", got[lane].value, " instead of ", x[place],
             ": after five steps every lane must have met all others.");
      expect(got[lane].lane == place, "The lowest lane with the largest number is ", place, "; lane ", lane, " says ",
             got[lane].lane, ". When two are equal, which one do both partners keep?");
    }
  }
}

static const bool added = add_exercise({"cuda/01", "Find the largest number of a warp and its place.", check});

}  // namespace camo::exercises::cuda_01
