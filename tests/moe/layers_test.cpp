// The layers of moe/ by one LayerCase each: shape, gradients, types, threads, state_dict, freezing (nn/checking/layer_case.h).
#include <doctest/doctest.h>

#include "moe/experts.h"
#include "moe/experts/mlp.h"
#include "moe/heads.h"
#include "nn/checking/layer_case.h"

using namespace camo;
using namespace camo::moe;
using test::layer;
using test::layer_by;
using test::LayerCase;

namespace {

/// Both results of a head, side by side: features and logits.
template <class Head> auto both(int64_t dim) {
  return layer_by<Head>(
      [](Head& head, const Vars& x) {
        auto [y, z] = head.forward(x[0]);
        return concat({y, cast(z, y.dtype())}, -1);
      },
      dim);
}

LayerCase encoder(AttentionKind kind, int64_t pool_above) {
  return {.name = "SdtaEncoder",
          .make = layer<SdtaEncoder>(6, SdtaOptions{kind, 0.1, pool_above, 2}),
          .inputs = {{2, 3, 4, 6}},
          .output = {2, 3, 4, 6}};
}

const LayerCase kLayers[] = {
    {.name = "Pointwise", .make = layer<Pointwise>(5, 6), .inputs = {{2, 3, 4, 5}}, .output = {2, 3, 4, 6}},
    {.name = "DilatedBranch",
     .make = layer<DilatedBranch>(6, 4, DilatedOptions{.dilation = 2, .depthwise = true}),
     .inputs = {{2, 4, 5, 6}},
     .output = {2, 4, 5, 4}},
    {.name = "DilatedViews",
     .make = layer<DilatedViews>(16, std::array<DilatedOptions, 4>{{{1}, {2}, {3}, {4}}}),
     .inputs = {{1, 4, 5, 16}},
     .output = {1, 4, 5, 16},
     .bf16_tolerance = 5e-2},
    {.name = "GroupedLinear",
     .make = layer_by<GroupedLinear>(
         [](GroupedLinear& l, const Vars& x) {
           return l.forward(x[0], {0, 2, 2, 6});
         },
         3, 4, 5),
     .inputs = {{6, 4}},
     .output = {6, 5}},
    encoder(AttentionKind::flash, 0),
    encoder(AttentionKind::plain, 0),
    encoder(AttentionKind::linear, 0),
    encoder(AttentionKind::flash, 2),
    encoder(AttentionKind::plain, 2),
    encoder(AttentionKind::linear, 2),
    {.name = "SdtaBlock", .make = layer<SdtaBlock>(5), .inputs = {{2, 3, 4, 5}}, .output = {2, 3, 4, 5}},
    {.name = "ConvBlock",
     .make = layer<ConvBlock>(4, 5, 3, ConvBlockOptions{.bias = false}),
     .inputs = {{2, 4, 5, 4}},
     .output = {2, 4, 5, 5}},
    {.name = "Search",
     .make = both<Search>(8),
     .inputs = {{2, 4, 5, 8}},
     .output = {2, 4, 5, 9},
     .bf16_tolerance = 8e-2,  // near 0 a bf16 number may fall on the other side of the ReLU
     .without_slope = {"look.conv.bias", "look_again.conv.bias", "identify.conv.bias", "mix.conv.bias"}},
    {.name = "ReverseAttention",
     .make = both<ReverseAttention>(8),
     .inputs = {{2, 4, 5, 8}},
     .output = {2, 4, 5, 9},
     .bf16_tolerance = 0.15,
     .without_slope = {"squeeze.conv.bias", "squeeze_again.conv.bias", "refine.conv.bias", "refine_again.conv.bias"}},
    {.name = "BoundaryUncertainty",
     .make = both<BoundaryUncertainty>(8),
     .inputs = {{2, 4, 5, 8}},
     .output = {2, 4, 5, 2},
     .without_slope = {"shared.conv.bias", "mean_block.conv.bias", "unsure_block.conv.bias"},
     .except = {{test::LayerCheck::bf16, "its results are f32 whatever its input"}}},
};

}  // namespace

TEST_CASE("every layer of the mixtures and heads passes the checks of a layer") {
  for (const LayerCase& c : kLayers) {
    const std::vector<std::string> failures = test::failures(c);
    for (const std::string& failure : failures) MESSAGE(failure);
    CAPTURE(c.name);
    CHECK(failures.empty());
  }
}
