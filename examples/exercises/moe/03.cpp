// The plan: pairs (image, expert) sorted by expert.
//
// expert holds B rows of K choices.  source[i] is the image in packed row i; expert e owns packed rows begin[e] to begin[e + 1];
// position[b K + k] is the packed row of that pair.  The images of an expert keep their order.
#include "examples/exercises/exercise.h"
#include "moe/plan.h"

namespace camo::exercises::moe_03 {

struct Packed {
  std::vector<int64_t> source, begin, position;
};

#ifdef CAMO_SOLUTION
#include "examples/exercises/moe/03_solution.cpp"
#else
Packed pack(const std::vector<int64_t>& expert, int64_t K, int64_t experts) {
  (void)expert, (void)K, (void)experts;
  todo("pack(expert, K, experts): count, then place");
}
#endif

static void check() {
  const std::vector<int64_t> expert = {2, 0, 0, 1, 2, 1};
  const Packed p = pack(expert, 2, 3);
  expect(p.begin == std::vector<int64_t>{0, 2, 4, 6}, "Each of the three experts has two images: begin is 0 2 4 6.");
  expect(p.source == std::vector<int64_t>{0, 1, 1, 2, 0, 2},
         "source is 0 1 | 1 2 | 0 2: expert 0 gets images 0 and 1, in this order.");
  expect(p.position == std::vector<int64_t>{4, 0, 1, 2, 5, 3}, "position is 4 0 | 1 2 | 5 3: where each pair went.");
  const std::vector<int64_t> uneven = {3, 1, 3, 0, 1, 3};
  const moe::Plan truth = moe::make_plan(from<int64_t>(uneven, {3, 2}), 5);
  const Packed mine = pack(uneven, 2, 5);
  expect(mine.begin == truth.begin && mine.source == to_vector<int64_t>(truth.source) &&
             mine.position == to_vector<int64_t>(truth.position),
         "With experts 2 and 4 unused it differs from make_plan.");
}

static const bool added = add_exercise({"moe/03", "Sort the pairs by expert.", check});

}  // namespace camo::exercises::moe_03
