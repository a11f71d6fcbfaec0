// Make the sum thread-proof.
//
// run(count, f) calls f(0), ..., f(count - 1) in any order, on any threads; `threads` is how many there are.  The sum must have
// the same bits for every number of threads and every order, and must not be one chain: give each call a piece.
#include <functional>
#include <vector>

#include "examples/exercises/exercise.h"

namespace camo::exercises::tensor_09 {

using Run = std::function<void(int64_t count, const std::function<void(int64_t)>& f)>;

#ifdef CAMO_SOLUTION
#include "examples/exercises/tensor/09_solution.cpp"
#else
float sum(const float* x, int64_t n, int threads, const Run& run) {
  (void)x, (void)n, (void)threads, (void)run;
  todo("sum: pieces whose length depends on n alone, added in a fixed order");
}
#endif

static void check() {
  std::vector<float> x(100000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(i * 7919 % 10007) * 1e-3f - 3;
  double exact = 0;
  for (float v : x) exact += v;
  int64_t calls = 0;
  const Run forwards = [&](int64_t count, const std::function<void(int64_t)>& f) {
    calls = count;
    for (int64_t i = 0; i < count; ++i) f(i);
  };
  const Run backwards = [&](int64_t count, const std::function<void(int64_t)>& f) {
    for (int64_t i = count - 1; i >= 0; --i) f(i);
  };
  const int64_t n = int64_t(x.size());
  const float one = sum(x.data(), n, 1, forwards);
  expect(std::abs(one - exact) < 1e-5 * std::abs(exact), "The sum is ", exact, ", yours is ", one, ".");
  expect(calls >= 8, "It gave ", calls, " calls to run(): too few to share among threads.");
  expect(sum(x.data(), n, 1, backwards) == one, "In another order of the calls it has other bits.");
  for (int threads : {2, 3, 7})
    expect(sum(x.data(), n, threads, forwards) == one, "With ", threads, " threads it has other bits than with one.");
}

static const bool added =
    add_exercise({"tensor/09", "Write a sum with the same bits for any number of threads.", check});

}  // namespace camo::exercises::tensor_09
