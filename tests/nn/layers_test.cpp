// One LayerCase (nn/checking/layer_case.h) for every layer of nn/ and every part of the backbones: shape, gradients, dtypes,
// threads, state_dict, freezing.  Then layers with one defect each, which the checks must name.
#include <doctest/doctest.h>

#include "nn/backbones/edgenext.h"
#include "nn/backbones/pvt_v2.h"
#include "nn/backbones/swin.h"
#include "nn/checking/layer_case.h"
#include "tensor/parallel.h"

using namespace camo;
using namespace camo::nn;
using test::layer;
using test::layer_by;
using test::LayerCase;
using test::LayerCheck;

namespace {

constexpr Init kInit = Init::uniform;

/// Batch norm takes the bias away again.
struct ConvNorm : Module {
  Conv2d conv;
  BatchNorm norm;
  explicit ConvNorm(Scope s) : Module(std::move(s)), conv(sub("conv"), 3, 4, 3), norm(sub("norm"), 4) {}
  Var forward(const Var& x) { return norm.forward(conv.forward(x)); }
};

const LayerCase kLayers[] = {
    {.name = "Linear", .make = layer<Linear>(5, 7), .inputs = {{3, 4, 5}}, .output = {3, 4, 7}},
    {.name = "Linear: ReLU, no bias",
     .make = layer<Linear>(5, 7, LinearOptions{.bias = false, .act = Act::relu}),
     .inputs = {{3, 4, 5}},
     .output = {3, 4, 7}},
    {.name = "Linear: rows of the weight",
     .make = layer_by<Linear>(
         [](Linear& l, const Vars& x) {
           return concat({l.forward_rows(x[0], 5, 9), l.forward_rows(x[0], 0, 5)}, 1);
         },
         5, 9),
     .inputs = {{4, 5}},
     .output = {4, 9}},
    {.name = "Linear: scaled",
     .make = layer_by<Linear>([](Linear& l, const Vars& x) { return l.forward_scaled(x[0], x[1]); }, 5, 9),
     .inputs = {{4, 5}, {9}},
     .output = {4, 9},
     .except = {{LayerCheck::bf16, "the gain scales the weight, which is f32"}}},
    {.name = "Conv2d",
     .make = layer<Conv2d>(3, 6, 3, ConvOptions{.stride = 2, .padding = 1}),
     .inputs = {{2, 5, 6, 3}},
     .output = {2, 3, 3, 6}},
    {.name = "Conv2d: groups, dilation, no bias",
     .make = layer<Conv2d>(4, 6, 3, ConvOptions{.padding = 2, .dilation = 2, .groups = 2, .bias = false}),
     .inputs = {{1, 4, 5, 4}},
     .output = {1, 4, 5, 6}},
    {.name = "DepthwiseConv2d",
     .make = layer<DepthwiseConv2d>(6, 3, DepthwiseOptions{.dilation = 2}),
     .inputs = {{2, 5, 4, 6}},
     .output = {2, 5, 4, 6}},
    {.name = "LayerNorm", .make = layer<LayerNorm>(6), .inputs = {{3, 4, 6}}, .output = {3, 4, 6}},
    {.name = "BatchNorm", .make = layer<BatchNorm>(6), .inputs = {{3, 4, 2, 6}}, .output = {3, 4, 2, 6}},
    {.name = "a bias before batch norm",
     .make = layer<ConvNorm>(),
     .inputs = {{2, 5, 6, 3}},
     .output = {2, 3, 4, 4},
     .without_slope = {"conv.bias"}},
    {.name = "Dropout", .make = layer<Dropout>(0.5), .inputs = {{8, 5}}, .output = {8, 5}},
    {.name = "DropPath", .make = layer<DropPath>(0.5), .inputs = {{8, 5}}, .output = {8, 5}},
    {.name = "Attention", .make = layer<Attention>(6, 2, kInit), .inputs = {{2, 5, 6}}, .output = {2, 5, 6}},
    {.name = "Mlp", .make = layer<Mlp>(6, 8, kInit), .inputs = {{2, 5, 6}}, .output = {2, 5, 6}},
    {.name = "PatchStem", .make = layer<PatchStem>(6, kInit), .inputs = {{1, 9, 8, 3}}, .output = {1, 2, 2, 6}},
    {.name = "PatchDownsample",
     .make = layer<PatchDownsample>(4, 6, kInit),
     .inputs = {{2, 5, 4, 4}},
     .output = {2, 2, 2, 6}},
    {.name = "ConvBlock", .make = layer<ConvBlock>(4, 3, kInit, 0.0), .inputs = {{2, 4, 5, 4}}, .output = {2, 4, 5, 4}},
    {.name = "PositionalEncoding",
     .make = layer_by<PositionalEncoding>([](PositionalEncoding& l, const Vars&) { return l.forward(3, 4); }, 6, kInit),
     .inputs = {},
     .output = {1, 3, 4, 6},
     .except = {{LayerCheck::bf16, "it has no input"}}},
    {.name = "CrossCovarianceAttention",
     .make = layer<CrossCovarianceAttention>(6, 2, kInit),
     .inputs = {{2, 3, 4, 6}, {6}},
     .output = {2, 3, 4, 6},
     .except = {{LayerCheck::bf16, "gamma scales the weight, which is f32"}}},
    {.name = "SplitTransposeBlock",
     .make = layer<SplitTransposeBlock>(6, SplitTransposeOptions{.chunks = 3, .heads = 2, .positions = true}),
     .inputs = {{2, 3, 4, 6}},
     .output = {2, 3, 4, 6},
     .bf16_tolerance = 4e-2},
    {.name = "PvtPatchEmbed",
     .make = layer<PvtPatchEmbed>(3, 4, 7, 4),
     .inputs = {{1, 9, 8, 3}},
     .output = {1, 3, 2, 4}},
    {.name = "PvtAttention", .make = layer<PvtAttention>(4, 2, 1), .inputs = {{2, 3, 4, 4}}, .output = {2, 3, 4, 4}},
    {.name = "PvtAttention: reduced",
     .make = layer<PvtAttention>(4, 2, 2),
     .inputs = {{2, 4, 6, 4}},
     .output = {2, 4, 6, 4}},
    {.name = "PvtAttention: pooled",
     .make = layer<PvtAttention>(4, 2, PvtAttention::kPooled),
     .inputs = {{1, 8, 9, 4}},
     .output = {1, 8, 9, 4}},
    {.name = "PvtMlp", .make = layer<PvtMlp>(4, 6, Act::none), .inputs = {{2, 3, 4, 4}}, .output = {2, 3, 4, 4}},
    {.name = "PvtMlp: ReLU before",
     .make = layer<PvtMlp>(4, 6, Act::relu),
     .inputs = {{2, 3, 4, 4}},
     .output = {2, 3, 4, 4}},
    {.name = "PvtBlock", .make = layer<PvtBlock>(4, 2, 2, 2, 0.0), .inputs = {{2, 4, 4, 4}}, .output = {2, 4, 4, 4}},
    {.name = "WindowAttention",
     .make = layer<WindowAttention>(4, 2, WindowSpec{3, 3, 1, 1}),
     .inputs = {{1, 5, 4, 4}},
     .output = {1, 5, 4, 4}},
    {.name = "SwinBlock",
     .make = layer<SwinBlock>(4, 2, WindowSpec{3, 2, 1, 0}, 0.0),
     .inputs = {{2, 4, 3, 4}},
     .output = {2, 4, 3, 4}},
    {.name = "PatchMerging", .make = layer<PatchMerging>(4), .inputs = {{1, 5, 3, 4}}, .output = {1, 3, 2, 8}},
};

/// A layer with one parameter, run by a function of it and x.
struct Planted : Module {
  Var& weight;
  Tensor drawn;  // not a buffer, so not in the state_dict
  explicit Planted(Scope s)
      : Module(std::move(s)),
        weight(parameter("weight", {5}, constant(1))),
        drawn(randn({5}, state().seed, state().dtype)) {}
};

struct SameName : Planted {
  Var& again;
  explicit SameName(Scope s) : Planted(std::move(s)), again(parameter("weight", {5}, constant(1))) {}
};

struct Defect {
  const char* says;  // the failure must begin with this
  std::function<test::Layer(Scope)> make;
};

template <class L = Planted, class F> Defect defect(const char* says, const F& forward) {
  return {says, layer_by<L>(forward)};
}

int64_t g_calls = 0;

const Defect kDefects[] = {
    defect("shape: output is (10) f32, not (2, 5) f32",
           [](Planted& l, const Vars& x) { return reshape(x[0] * l.weight, {-1}); }),
    defect("gradient: input 0: error",
           [](Planted& l, const Vars& x) {
             return record("wrong", scale(x[0].value(), 2), {x[0]},
                           [](const Tensor& dy, Grads& d) { d[0] = scale(dy, 1.999); }) *
                    l.weight;
           }),
    defect("gradient: weight: error",
           [](Planted& l, const Vars& x) {
             return x[0] + record("wrong", l.weight.value(), {l.weight},
                                  [](const Tensor& dy, Grads& d) { d[0] = scale(dy, 1.001); });
           }),
    defect("gradient: weight received no gradient", [](Planted& l, const Vars& x) { return x[0] * l.weight.detach(); }),
    defect("f32: output: error",
           [](Planted& l, const Vars& x) {
             const Var y = x[0] * l.weight;
             return y.dtype() == DType::f32 ? cast(cast(y, DType::bf16), DType::f32) : y;
           }),
    defect("bf16: output is f32",
           [](Planted& l, const Vars& x) {
             const DType exact = x[0].dtype() == DType::f64 ? DType::f64 : DType::f32;
             return cast(x[0], exact) * l.weight;
           }),
    defect("determinism: other bits in output with 1 threads",
           [](Planted& l, const Vars& x) { return x[0] * l.weight + double(++g_calls); }),
    defect("determinism: other bits in output with 2 threads",
           [](Planted& l, const Vars& x) { return x[0] * l.weight + double(threads() == 2); }),
    defect("state_dict: a loaded layer gives other bits",
           [](Planted& l, const Vars& x) { return x[0] * l.weight + Var(l.drawn); }),
    defect<SameName>("state_dict: two tensors are called weight",
                     [](SameName& l, const Vars& x) { return x[0] * l.weight * l.again; }),
    defect("freeze: frozen: other bits in output",
           [](Planted& l, const Vars& x) { return l.weight.wants_grad() ? x[0] * l.weight : x[0]; }),
    defect("freeze: a frozen parameter receives a gradient",
           [](Planted& l, const Vars& x) {
             if (!l.weight.wants_grad()) l.weight = Var::leaf(l.weight.value());
             return x[0] * l.weight;
           }),
};

}  // namespace

TEST_CASE("every layer passes the checks of a layer") {
  for (const LayerCase& c : kLayers) {
    const std::vector<std::string> failures = test::failures(c);
    for (const std::string& failure : failures) MESSAGE(failure);
    CAPTURE(c.name);
    CHECK(failures.empty());
  }
}

TEST_CASE("a layer with a defect fails the check for that defect") {
  for (const Defect& d : kDefects) {
    std::string all;
    for (const std::string& failure :
         test::failures({.name = "", .make = d.make, .inputs = {{2, 5}}, .output = {2, 5}}))
      all += failure + "\n";
    INFO(all);
    CHECK(all.find(text(": ", d.says)) != std::string::npos);
  }
}

TEST_CASE("a parameter that a case says cancels out must do so") {
  const LayerCase wrong{
      .name = "Linear", .make = layer<Linear>(5, 7), .inputs = {{3, 5}}, .output = {3, 7}, .without_slope = {"bias"}};
  const std::vector<std::string> all = test::failures(wrong);
  REQUIRE(all.size() == 1);
  CHECK(all[0].starts_with("Linear: gradient: bias has a gradient, "));
}

TEST_CASE("a check that is excepted is skipped") {
  const LayerCase wrong{.name = "Linear",
                        .make = layer<Linear>(5, 7),
                        .inputs = {{3, 5}},
                        .output = {3, 5},
                        .except = {{LayerCheck::shape, "to see that it is left out"}}};
  CHECK(test::failures(wrong).empty());
}
