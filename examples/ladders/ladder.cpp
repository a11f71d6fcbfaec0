#include "examples/ladders/ladder.h"

namespace camo::ladder {

const std::vector<LadderKind>& ladders() {
  static const std::vector<LadderKind> all = {
      {"product", product_ladder},     {"softmax", softmax_ladder},         {"norm", norm_ladder},
      {"depthwise", depthwise_ladder}, {"convolution", convolution_ladder}, {"attention", attention_ladder},
      {"mixture", mixture_ladder}};
  return all;
}

}  // namespace camo::ladder
