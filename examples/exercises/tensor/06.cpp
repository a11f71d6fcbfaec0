// Packing: the columns of B in panels of `width`, each panel k by k.
//
// B (K, N) is row-major and N is a multiple of width.  Number (k, j) of panel p goes to packed[(p K + k) width + j], so that a tile
// reads its panel from one end to the other.
#include <vector>

#include "examples/exercises/exercise.h"

namespace camo::exercises::tensor_06 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/tensor/06_solution.cpp"
#else
std::vector<float> pack(const std::vector<float>& B, int64_t K, int64_t N, int64_t width) {
  (void)B, (void)K, (void)N, (void)width;
  todo("pack(B, K, N, width)");
}
#endif

static void check() {
  const std::vector<float> B = {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23};
  const std::vector<float> two = pack(B, 3, 4, 2);
  expect(two.size() == 12, "Packing moves numbers and adds none: 12 of them, yours are ", two.size(), ".");
  expect(two == std::vector<float>{0, 1, 10, 11, 20, 21, 2, 3, 12, 13, 22, 23},
         "In panels of two columns: 0 1, 10 11, 20 21, then 2 3, 12 13, 22 23.");
  expect(pack(B, 3, 4, 4) == B, "One panel as wide as B is B itself.");
}

static const bool added = add_exercise({"tensor/06", "Pack a matrix into panels.", check});

}  // namespace camo::exercises::tensor_06
