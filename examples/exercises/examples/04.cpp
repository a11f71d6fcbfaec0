// Micro-batches arrive in any order; add them to the bits of one process.
//
// arrive(i, g) is called once for each micro-batch i = 0, ..., count - 1, in any order, perhaps late.  sum() is called after each arrival:
// it returns what can already be known of the sum, that is the sum of all micro-batches before the first that is
// missing, added in their order.  Keep as few gradients as you can.
#include <algorithm>
#include <cmath>
#include <map>

#include "examples/exercises/exercise.h"

namespace camo::exercises::examples_04 {

struct OrderedSum {
  std::map<int, float> waiting;  // those that came too early
  int next = 0;
  float total = 0;
  void arrive(int i, float g);
  float sum() const { return total; }
};

#ifdef CAMO_SOLUTION
#include "examples/exercises/examples/04_solution.cpp"
#else
void OrderedSum::arrive(int i, float g) {
  (void)i, (void)g;
  todo("arrive(i, g): add what is next, and then whatever waits for it");
}
#endif

static void check() {
  const std::vector<float> g = {1e8f, 3.14159f, -1e8f, 0.1f, 2.71828f, 1e-3f};
  std::vector<int> order = {0, 1, 2, 3, 4, 5};
  do {
    OrderedSum sum;
    std::vector<bool> there(g.size());
    for (int i : order) {
      sum.arrive(i, g[size_t(i)]);
      there[size_t(i)] = true;
      float expected = 0;
      size_t waiting = 0;
      const size_t missing = size_t(std::find(there.begin(), there.end(), false) - there.begin());
      for (size_t k = 0; k < g.size(); ++k)
        if (k < missing) expected += g[k];
        else waiting += there[k];
      expect(sum.sum() == expected, "After micro-batch ", i, " the sum of the first ", missing, " is ", expected,
             ", yours is ", sum.sum(), ".");
      expect(sum.waiting.size() <= waiting, sum.waiting.size(), " gradients are kept where ", waiting,
             " have to wait.");
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

static const bool added =
    add_exercise({"examples/04", "Add micro-batches in their order, whatever the order of arrival.", check});

}  // namespace camo::exercises::examples_04
