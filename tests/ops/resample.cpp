#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

static const std::vector<std::vector<Shape>> kPooled = {{{1, 5, 4, 1}},     {{2, 9, 7, 33}}, {{0, 5, 5, 3}},
                                                        {{1, 11, 12, 257}}, {{1, 5, 5, 0}},  {{1, 4, 17, 16}}};

static const bool avg_pool_case = add_case({
    .name = "avg_pool",
    .inputs = {{2, 5, 4, 3}},
    .run = [](const Vars& x) { return avg_pool(x[0], {.kernel = 2, .stride = 2}); },
    .sizes = kPooled,
    .errors = {{[] {
                  avg_pool(Var(zeros({2, 3, 3})), {});
                },
                {"avg_pool", "(2, 3, 3)"}},
               {[] {
                  avg_pool(Var(zeros({1, 3, 3, 1})), {.kernel = 4});
                },
                {"avg_pool", "kernel 4", "(1, 3, 3, 1)"}},
               {[] {
                  avg_pool(Var(zeros({1, 3, 3, 1})), {.kernel = 3, .padding = 2});
                },
                {"avg_pool", "padding 2"}}},
    .bench_inputs = {{4, 88, 88, 64}},
    .bytes = 4. * 88 * 88 * 64 * 4 * 1.25,
});

static const bool avg_pool_padded_case = add_case({
    .name = "avg_pool: overlapping, padded",
    .inputs = {{1, 6, 7, 5}},
    .run = [](const Vars& x) { return avg_pool(x[0], {.kernel = 3, .stride = 1, .padding = 1}); },
    .sizes = kPooled,
    .bench_inputs = {{4, 88, 88, 64}},
    .bytes = 4. * 88 * 88 * 64 * 4 * 2,
});

static const bool max_pool_case = add_case({
    .name = "max_pool",
    .inputs = {{2, 6, 5, 3}},
    .run = [](const Vars& x) { return max_pool(x[0], {.kernel = 2, .stride = 2}); },
    .sizes = kPooled,
    .errors = {{[] {
                  max_pool(Var(zeros({2, 3, 3})), {});
                },
                {"max_pool", "(2, 3, 3)"}},
               {[] {
                  max_pool(Var(zeros({1, 0, 3, 1})), {});
                },
                {"max_pool", "(1, 0, 3, 1)"}}},
    .bench_inputs = {{4, 88, 88, 64}},
    .bytes = 4. * 88 * 88 * 64 * 4 * 1.75,
});

static const bool max_pool_padded_case = add_case({
    .name = "max_pool: overlapping, padded",
    .inputs = {{1, 7, 6, 17}},
    .run = [](const Vars& x) { return max_pool(x[0], {.kernel = 3, .stride = 2, .padding = 1}); },
    .sizes = kPooled,
    .bench_inputs = {{4, 88, 88, 64}},
    .bytes = 4. * 88 * 88 * 64 * 4 * 1.75,
});

static const bool adaptive_case = add_case({
    .name = "adaptive_avg_pool",
    .inputs = {{2, 7, 5, 3}},
    .run = [](const Vars& x) { return adaptive_avg_pool(x[0], 3, 2); },
    .sizes = kPooled,
    .errors = {{[] {
                  adaptive_avg_pool(Var(zeros({1, 3, 3, 1})), 0, 2);
                },
                {"adaptive_avg_pool", "(0, 2)", "(1, 3, 3, 1)"}}},
    .bench_inputs = {{4, 88, 88, 64}},
    .bytes = 4. * 88 * 88 * 64 * 4,
});

static const bool global_case = add_case({
    .name = "adaptive_avg_pool: to one pixel",
    .inputs = {{2, 4, 5, 3}},
    .run = [](const Vars& x) { return adaptive_avg_pool(x[0], 1, 1); },
    .sizes = kPooled,
});

static const bool enlarging_case = add_case({
    .name = "adaptive_avg_pool: more bins than pixels",
    .inputs = {{1, 2, 3, 4}},
    .run = [](const Vars& x) { return adaptive_avg_pool(x[0], 5, 4); },
    .sizes = kPooled,
});

// ---- resizing ---------------------------------------------------------------------------------------------

static const std::vector<std::vector<Shape>> kMaps = {{{1, 1, 1, 1}},    {{2, 3, 7, 33}}, {{0, 5, 5, 3}},
                                                      {{1, 11, 2, 257}}, {{1, 5, 5, 0}},  {{1, 4, 17, 16}}};

static const bool bilinear_case = add_case({
    .name = "resize_bilinear",
    .inputs = {{2, 3, 4, 3}},
    .run = [](const Vars& x) { return resize_bilinear(x[0], 7, 9); },
    .sizes = kMaps,
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
    .sizes = kMaps,
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
    .sizes = kMaps,
});

static const bool corners_case = add_case({
    .name = "resize_bilinear: align_corners",
    .inputs = {{2, 3, 4, 3}},
    .run = [](const Vars& x) { return resize_bilinear(x[0], 5, 7, true); },
    .sizes = kMaps,
});

static const bool corners_point_case = add_case({
    .name = "resize_bilinear: align_corners, to one row",
    .inputs = {{1, 3, 4, 3}},
    .run = [](const Vars& x) { return resize_bilinear(x[0], 1, 2, true); },
    .sizes = kMaps,
});

static const bool nearest_case = add_case({
    .name = "resize_nearest",
    .inputs = {{2, 3, 4, 3}},
    .run = [](const Vars& x) { return resize_nearest(x[0], 7, 3); },
    .sizes = kMaps,
    .errors = {{[] {
                  resize_nearest(Var(zeros({1, 3, 3, 1})), 2, -1);
                },
                {"resize_nearest", "(2, -1)", "(1, 3, 3, 1)"}}},
    .bench_inputs = {{4, 44, 44, 64}},
});
