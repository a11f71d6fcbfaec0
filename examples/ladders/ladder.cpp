#include "examples/ladders/ladder.h"

namespace camo::ladder {

const std::vector<LadderKind>& ladders() {
  static const std::vector<LadderKind> all = {
      {"product", product_ladder}, {"norm", norm_ladder}, {"attention", attention_ladder}};
  return all;
}

}  // namespace camo::ladder
