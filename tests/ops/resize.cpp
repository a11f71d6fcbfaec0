#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

static const std::vector<std::vector<Shape>> kImages = {{{1, 1, 1, 1}},    {{2, 3, 7, 33}}, {{0, 5, 5, 3}},
                                                        {{1, 11, 2, 257}}, {{1, 5, 5, 0}},  {{1, 4, 17, 16}}};

static const bool bilinear_case = add_case({
    .name = "resize_bilinear",
    .inputs = {{2, 3, 4, 3}},
    .run = [](const Vars& x) { return resize_bilinear(x[0], 7, 9); },
    .sizes = kImages,
    .errors = {{[] {
                  resize_bilinear(Var(zeros({2, 3, 3})), 2, 2);
                },
                {"resize_bilinear", "(2, 3, 3)"}},
               {[] {
                  resize_bilinear(Var(zeros({1, 3, 3, 1})), 0, 2);
                },
                {"resize_bilinear", "(0, 2)", "(1, 3, 3, 1)"}},
               {[] {
                  resize_bilinear(Var(zeros({1, 0, 3, 1})), 2, 2);
                },
                {"resize_bilinear", "(1, 0, 3, 1)"}}},
    .bench_inputs = {{4, 44, 44, 64}},
    .bytes = 4. * (44 * 44 + 7 * 9) * 64 * 4,
});

static const bool bilinear_double_case = add_case({
    .name = "resize_bilinear: twice the size",
    .inputs = {{1, 3, 3, 2}},
    .run = [](const Vars& x) { return resize_bilinear(x[0], 2 * x[0].dim(1), 2 * x[0].dim(2)); },
    .sizes = kImages,
    .bench_inputs = {{4, 44, 44, 64}},
    .bytes = 4. * 44 * 44 * 64 * 4 * 5,
});

static const bool bilinear_logits_case = add_case({
    .name = "resize_bilinear: one channel, four times",
    .inputs = {{2, 3, 3, 1}},
    .run = [](const Vars& x) { return resize_bilinear(x[0], 4 * x[0].dim(1), 4 * x[0].dim(2)); },
    .bench_inputs = {{4, 88, 88, 1}},
    .bytes = 4. * 88 * 88 * 4 * 17,
});

static const bool bilinear_smaller_case = add_case({
    .name = "resize_bilinear: smaller",
    .inputs = {{1, 9, 8, 2}},
    .run = [](const Vars& x) { return resize_bilinear(x[0], 3, 5); },
    .sizes = kImages,
});

static const bool corners_case = add_case({
    .name = "resize_bilinear: align_corners",
    .inputs = {{2, 3, 4, 3}},
    .run = [](const Vars& x) { return resize_bilinear(x[0], 5, 7, true); },
    .sizes = kImages,
});

static const bool corners_point_case = add_case({
    .name = "resize_bilinear: align_corners, to one row",
    .inputs = {{1, 3, 4, 3}},
    .run = [](const Vars& x) { return resize_bilinear(x[0], 1, 2, true); },
    .sizes = kImages,
});

static const bool nearest_case = add_case({
    .name = "resize_nearest",
    .inputs = {{2, 3, 4, 3}},
    .run = [](const Vars& x) { return resize_nearest(x[0], 7, 3); },
    .sizes = kImages,
    .errors = {{[] {
                  resize_nearest(Var(zeros({1, 3, 3, 1})), 2, -1);
                },
                {"resize_nearest", "(2, -1)", "(1, 3, 3, 1)"}}},
    .bench_inputs = {{4, 44, 44, 64}},
});
