#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

static const std::vector<std::vector<Shape>> kImages = {{{1, 5, 4, 1}},     {{2, 9, 7, 33}}, {{0, 5, 5, 3}},
                                                        {{1, 11, 12, 257}}, {{1, 5, 5, 0}},  {{1, 4, 17, 16}}};

static const bool avg_pool_case = add_case({
    .name = "avg_pool",
    .inputs = {{2, 5, 4, 3}},
    .run = [](const Vars& x) { return avg_pool(x[0], {.kernel = 2, .stride = 2}); },
    .sizes = kImages,
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
    .sizes = kImages,
    .bench_inputs = {{4, 88, 88, 64}},
    .bytes = 4. * 88 * 88 * 64 * 4 * 2,
});

static const bool max_pool_case = add_case({
    .name = "max_pool",
    .inputs = {{2, 6, 5, 3}},
    .run = [](const Vars& x) { return max_pool(x[0], {.kernel = 2, .stride = 2}); },
    .sizes = kImages,
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
    .sizes = kImages,
    .bench_inputs = {{4, 88, 88, 64}},
    .bytes = 4. * 88 * 88 * 64 * 4 * 1.75,
});

static const bool adaptive_case = add_case({
    .name = "adaptive_avg_pool",
    .inputs = {{2, 7, 5, 3}},
    .run = [](const Vars& x) { return adaptive_avg_pool(x[0], 3, 2); },
    .sizes = kImages,
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
    .sizes = kImages,
});

static const bool enlarging_case = add_case({
    .name = "adaptive_avg_pool: more bins than pixels",
    .inputs = {{1, 2, 3, 4}},
    .run = [](const Vars& x) { return adaptive_avg_pool(x[0], 5, 4); },
    .sizes = kImages,
});
