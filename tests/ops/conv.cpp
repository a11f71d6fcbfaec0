#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

namespace {

std::function<Var(const Vars&)> with(ConvSpec spec) {
  return [=](const Vars& x) { return conv2d(x[0], x[1], x.size() > 2 ? x[2] : Var(), spec); };
}
std::function<Var(const Vars&)> depthwise(ConvSpec spec) {
  return [=](const Vars& x) {
    ConvSpec each = spec;
    each.groups = x[0].dim(-1);
    return conv2d(x[0], x[1], x.size() > 2 ? x[2] : Var(), each);
  };
}
double flops(double pixels, double weight) { return 2 * pixels * weight; }
void try_conv(const Shape& x, const Shape& weight, const Shape& bias, ConvSpec spec = {}, DType weights = DType::f32) {
  conv2d(zeros(x), zeros(weight, weights), zeros(bias, weights), spec);
}

}  // namespace

static const bool conv_case = add_case({
    .name = "conv2d",
    .inputs = {{2, 5, 4, 3}, {6, 3, 3, 3}, {6}},
    .run = with({.padding = 1}),
    .sizes = {{{0, 5, 4, 3}, {6, 3, 3, 3}, {6}},
              {{1, 1, 1, 1}, {1, 3, 3, 1}, {1}},
              {{1, 9, 13, 33}, {31, 3, 3, 33}, {31}},
              {{1, 6, 5, 64}, {64, 3, 3, 64}, {64}},
              {{2, 15, 11, 12}, {68, 3, 3, 12}, {68}},
              {{1, 3, 4, 257}, {17, 3, 3, 257}, {17}},
              {{2, 3, 4, 0}, {5, 3, 3, 0}, {5}}},
    .errors = {{[] {
                  try_conv({8, 56, 56, 48}, {64, 3, 3, 32}, {64});
                },
                {"conv2d", "(64, 3, 3, 32)", "32", "(8, 56, 56, 48)", "48"}},
               {[] {
                  try_conv({2, 2, 2, 3}, {4, 3, 3, 3}, {4});
                },
                {"conv2d", "fit", "(2, 2, 2, 3)", "(4, 3, 3, 3)"}},
               {[] {
                  try_conv({2, 5, 5, 3}, {4, 3, 3, 3}, {3});
                },
                {"conv2d", "bias", "(4, 3, 3, 3)", "(3)"}},
               {[] {
                  try_conv({2, 5, 3}, {4, 3, 3, 3}, {4});
                },
                {"conv2d", "(2, 5, 3)"}},
               {[] {
                  try_conv({2, 5, 5, 6}, {4, 3, 3, 2}, {4}, {.groups = 3});
                },
                {"conv2d", "groups", "3", "(4, 3, 3, 2)"}},
               {[] {
                  try_conv({2, 5, 5, 3}, {4, 3, 3, 3}, {4}, {.stride = 0});
                },
                {"conv2d", "stride", "0"}},
               {[] {
                  try_conv({2, 5, 5, 3}, {4, 3, 3, 3}, {4}, {}, DType::f64);
                },
                {"conv2d", "f32", "f64", "(2, 5, 5, 3)"}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{4, 44, 44, 128}, {128, 3, 3, 128}, {128}},
    .flops = flops(4 * 44 * 44, 128 * 9 * 128),
});

static const bool conv_winograd_case = add_case({
    .name = "conv2d: 3 x 3 by Winograd",
    .inputs = {{1, 13, 14, 32}, {32, 3, 3, 32}, {32}},
    .run = with({.padding = 1}),
    .sizes = {{{2, 13, 17, 33}, {35, 3, 3, 33}, {35}},
              {{1, 16, 16, 32}, {65, 3, 3, 32}, {65}},
              {{1, 15, 18, 130}, {96, 3, 3, 130}, {96}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{4, 88, 88, 64}, {64, 3, 3, 64}, {64}},
    .flops = flops(30976, 64 * 9 * 64),
    .f32_tolerance = 5e-6,
});

static const bool conv_strided_case = add_case({
    .name = "conv2d: stride 2",
    .inputs = {{1, 6, 5, 3}, {4, 3, 3, 3}},
    .run = with({.stride = 2, .padding = 1}),
    .sizes = {{{2, 9, 8, 33}, {20, 3, 3, 33}}, {{1, 9, 8, 36}, {20, 3, 3, 36}}},
    .f32_inputs = {1},
    .bench_inputs = {{4, 88, 88, 64}, {128, 3, 3, 64}},
    .flops = flops(4 * 44 * 44, 128 * 9 * 64),
});

// Stride 2 takes one zero more at the end than at the start, or as many, as the side is even or odd.
static const bool conv_same_case = add_case({
    .name = "conv2d: TensorFlow's padding",
    .inputs = {{1, 6, 5, 3}, {4, 3, 3, 3}},
    .run = with({.stride = 2, .same = true}),
    .sizes = {{{2, 9, 8, 33}, {20, 3, 3, 33}}, {{1, 8, 8, 3}, {20, 5, 5, 3}}, {{1, 1, 2, 3}, {4, 7, 7, 3}}},
    .f32_inputs = {1},
    .bench_inputs = {{4, 352, 352, 3}, {32, 3, 3, 3}},
    .flops = flops(4 * 176 * 176, 32 * 9 * 3),
});

static const bool conv_dilated_case = add_case({
    .name = "conv2d: dilated",
    .inputs = {{1, 7, 6, 3}, {4, 3, 3, 3}, {4}},
    .run = with({.padding = 2, .dilation = 2}),
    .sizes = {{{2, 11, 11, 40}, {40, 3, 3, 40}, {40}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{4, 44, 44, 64}, {64, 3, 3, 64}, {64}},
    .flops = flops(4 * 44 * 44, 64 * 9 * 64),
});

static const bool conv_point_case = add_case({
    .name = "conv2d: 1 x 1",
    .inputs = {{2, 3, 4, 5}, {7, 1, 1, 5}, {7}},
    .run = with({}),
    .sizes = {{{3, 9, 9, 65}, {33, 1, 1, 65}, {33}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{4, 88, 88, 64}, {64, 1, 1, 64}, {64}},
    .flops = flops(30976, 64 * 64),
});

static const bool conv_patch_case = add_case({
    .name = "conv2d: patches",
    .inputs = {{2, 4, 6, 3}, {5, 2, 2, 3}, {5}},
    .run = with({.stride = 2}),
    .sizes = {{{1, 9, 9, 3}, {5, 4, 4, 3}, {5}}, {{2, 8, 16, 20}, {33, 8, 8, 20}, {33}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{4, 88, 88, 64}, {64, 8, 8, 64}, {64}},
    .flops = flops(484, 64 * 64 * 64),
});

static const bool conv_stem_case = add_case({
    .name = "conv2d: 7 x 7 stem",
    .inputs = {{1, 9, 10, 3}, {4, 7, 7, 3}, {4}},
    .run = with({.stride = 4, .padding = 3}),
    .sizes = {{{2, 33, 31, 3}, {64, 7, 7, 3}, {64}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{4, 352, 352, 3}, {64, 7, 7, 3}, {64}},
    .flops = flops(30976, 64 * 147),
});

static const bool conv_groups_case = add_case({
    .name = "conv2d: groups",
    .inputs = {{2, 5, 4, 6}, {9, 3, 3, 2}, {9}},
    .run = with({.padding = 1, .groups = 3}),
    .sizes = {{{2, 7, 9, 60}, {63, 3, 3, 20}, {63}}, {{1, 20, 21, 24}, {204, 3, 3, 8}, {204}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{4, 44, 44, 126}, {129, 3, 3, 42}, {129}},
    .flops = flops(7744, 129 * 9 * 42),
});

static const bool conv_gaps_case = add_case({
    .name = "conv2d: pixels that no window sees",
    .inputs = {{2, 8, 9, 4}, {8, 2, 2, 4}, {8}},
    .run = with({.stride = 3, .dilation = 2}),
    .sizes = {{{1, 11, 12, 20}, {68, 2, 3, 20}, {68}}},
    .f32_inputs = {1, 2},
    .except = {{Check::bench, "nothing in a network needs it"}},
});

static const bool conv_depthwise_case = add_case({
    .name = "conv2d: depthwise",
    .inputs = {{2, 5, 6, 5}, {5, 3, 3, 1}, {5}},
    .run = depthwise({.padding = 1}),
    .sizes = {{{0, 5, 6, 5}, {5, 3, 3, 1}, {5}},
              {{1, 1, 1, 1}, {1, 3, 3, 1}, {1}},
              {{2, 9, 7, 33}, {33, 3, 3, 1}, {33}},
              {{1, 13, 11, 132}, {132, 5, 5, 1}, {132}},
              {{3, 12, 6, 8}, {8, 7, 7, 1}, {8}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{4, 88, 88, 5}, {5, 3, 3, 1}, {5}},
    .flops = flops(30976, 45),
});

// Kernels wider than the image on every side, as in the last stage of EdgeNeXt.
static const bool depthwise_gelu_case = add_case({
    .name = "depthwise_gelu",
    .inputs = {{2, 5, 6, 3}, {3, 3, 3, 1}, {3}},
    .run = [](const Vars& x) { return depthwise_gelu(x[0], x[1], x[2], {.padding = 1, .groups = x[0].dim(3)}); },
    .sizes = {{{1, 13, 14, 33}, {33, 3, 3, 1}, {33}}, {{2, 5, 3, 20}, {20, 3, 3, 1}, {20}}},
    .errors = {{[] {
                  depthwise_gelu(zeros({2, 5, 5, 6}), zeros({6, 3, 3, 2}), {}, {.groups = 3});
                },
                {"depthwise_gelu", "filter per channel", "(2, 5, 5, 6)", "3 groups"}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{4, 44, 44, 1024}, {1024, 3, 3, 1}, {1024}},
    .flops = flops(4 * 44 * 44, 1024 * 9),
});

static const bool conv_depthwise_wide_case = add_case({
    .name = "conv2d: depthwise, 9 x 9",
    .inputs = {{2, 3, 2, 5}, {5, 9, 9, 1}, {5}},
    .run = depthwise({.padding = 4}),
    .sizes = {{{1, 1, 1, 4}, {4, 9, 9, 1}, {4}}, {{1, 11, 13, 36}, {36, 9, 9, 1}, {36}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{2, 11, 11, 584}, {584, 9, 9, 1}, {584}},
    .flops = flops(242, 47304),
});

static const bool conv_depthwise_strided_case = add_case({
    .name = "conv2d: depthwise, stride 2",
    .inputs = {{2, 5, 6, 3}, {3, 3, 3, 1}},
    .run = depthwise({.stride = 2, .padding = 1}),
    .sizes = {{{1, 9, 12, 36}, {36, 3, 3, 1}}, {{1, 10, 7, 4}, {4, 2, 5, 1}}},
    .f32_inputs = {1},
    .except = {{Check::bench, "see depthwise"}},
});

static const bool conv_depthwise_same_case = add_case({
    .name = "conv2d: depthwise, stride 2, TensorFlow's padding",
    .inputs = {{2, 5, 6, 3}, {3, 5, 5, 1}},
    .run = depthwise({.stride = 2, .same = true}),
    .sizes = {{{1, 10, 11, 36}, {36, 5, 5, 1}}, {{1, 9, 12, 4}, {4, 3, 3, 1}}, {{1, 1, 1, 4}, {4, 3, 3, 1}}},
    .f32_inputs = {1},
    .bench_inputs = {{4, 176, 176, 96}, {96, 3, 3, 1}},
    .flops = flops(4 * 88 * 88, 96 * 9),
});

static const bool conv_depthwise_dilated_case = add_case({
    .name = "conv2d: depthwise, dilated",
    .inputs = {{2, 7, 6, 3}, {3, 3, 3, 1}},
    .run = depthwise({.padding = 2, .dilation = 2}),
    .sizes = {{{1, 9, 12, 36}, {36, 3, 3, 1}}},
    .f32_inputs = {1},
    .except = {{Check::bench, "see depthwise"}},
});
