#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

namespace {

/// Shapes of qkv, pad and bias for maps of H x W, windows of h x w, and two heads of size D.
std::vector<Shape> shapes(int64_t B, int64_t H, int64_t W, int64_t h, int64_t w, int64_t D, int64_t heads = 2) {
  return {{B, H, W, 3 * heads * D}, {3 * heads * D}, {heads, h * w, h * w}};
}

auto in_windows(const WindowSpec& size, int heads = 2) {
  return [=](const Vars& x) { return window_attention(x[0], x[1], x[2], heads, size); };
}

void bad(const Shape& qkv, const Shape& pad, const Shape& bias, int heads, const WindowSpec& size,
         DType t = DType::f32) {
  window_attention(Var(zeros(qkv)), Var(zeros(pad, t)), Var(zeros(bias)), heads, size);
}

}  // namespace

static const bool plain_case = add_case({
    .name = "window_attention",
    .inputs = shapes(2, 4, 6, 2, 3, 2),
    .run = in_windows({2, 3}),
    .sizes = {shapes(1, 2, 3, 2, 3, 1), shapes(1, 6, 6, 2, 3, 73), shapes(3, 16, 18, 2, 3, 3),
              shapes(1, 2, 3, 2, 3, 130), shapes(0, 4, 6, 2, 3, 2), shapes(2, 0, 6, 2, 3, 2)},
    .errors = {{[] {
                  bad({1, 4, 4, 9}, {9}, {2, 4, 4}, 2, {2, 2});
                },
                {"window_attention", "2 heads", "(1, 4, 4, 9)"}},
               {[] {
                  bad({4, 4, 12}, {12}, {2, 4, 4}, 2, {2, 2});
                },
                {"window_attention", "(4, 4, 12)"}},
               {[] {
                  bad({1, 4, 4, 12}, {4}, {2, 4, 4}, 2, {2, 2});
                },
                {"window_attention", "(4)", "(1, 4, 4, 12)"}},
               {[] {
                  bad({1, 4, 4, 12}, {12}, {2, 4, 3}, 2, {2, 2});
                },
                {"window_attention", "(2, 4, 3)", "4 tokens"}},
               {[] {
                  bad({1, 4, 4, 12}, {12}, {2, 4, 4}, 2, {2, 2, 0, 2});
                },
                {"window_attention", "2 x 2", "0, 2"}},
               {[] {
                  bad({1, 4, 4, 12}, {12}, {2, 4, 4}, 2, {2, 2}, DType::f64);
                },
                {"window_attention", "f32", "f64"}}},
    .f32_inputs = {1, 2},
});

static const bool padded_case = add_case({
    .name = "window_attention: padded",
    .inputs = shapes(2, 3, 4, 2, 3, 3),
    .run = in_windows({2, 3}),
    .sizes = {shapes(1, 1, 1, 2, 3, 8), shapes(2, 5, 7, 2, 3, 10)},
    .f32_inputs = {1, 2},
});

static const bool shifted_case = add_case({
    .name = "window_attention: shifted",
    .inputs = shapes(1, 6, 4, 3, 2, 3),
    .run = in_windows({3, 2, 1, 1}),
    .sizes = {shapes(2, 3, 2, 3, 2, 4), shapes(1, 33, 32, 3, 2, 5)},
    .f32_inputs = {1, 2},
});

static const bool both_case = add_case({
    .name = "window_attention: shifted and padded",
    .inputs = shapes(2, 5, 3, 4, 2, 2),
    .run = in_windows({4, 2, 3, 0}),
    .sizes = {shapes(1, 1, 1, 4, 2, 2), shapes(1, 2, 9, 4, 2, 31), shapes(2, 33, 31, 4, 2, 3)},
    .f32_inputs = {1, 2},
});

static const bool swin_case = add_case({
    .name = "window_attention: 7 x 7 of Swin",
    .inputs = shapes(1, 8, 6, 7, 7, 1),
    .run = in_windows({7, 7, 3, 3}),
    .sizes = {shapes(1, 14, 14, 7, 7, 32), shapes(2, 22, 11, 7, 7, 32), shapes(3, 22, 25, 7, 7, 8)},
    .f32_inputs = {1, 2},
});

static const bool many_tokens_case = add_case({
    .name = "window_attention: more tokens than a tile",
    .inputs = shapes(1, 9, 10, 9, 10, 2, 1),
    .run = in_windows({9, 10, 2, 3}, 1),
    .sizes = {shapes(1, 10, 9, 9, 10, 40, 1), shapes(1, 4, 30, 9, 10, 140, 1)},
    .f32_inputs = {1, 2},
});

static const bool bench_case = add_case({
    .name = "window_attention: first stage of Swin",
    .inputs = shapes(1, 7, 7, 7, 7, 4, 3),
    .run = in_windows({7, 7}, 3),
    .f32_inputs = {1, 2},
    .bench_inputs = shapes(2, 88, 88, 7, 7, 32, 3),
    .flops = 4. * 2 * 169 * 3 * 49 * 49 * 32,
});
