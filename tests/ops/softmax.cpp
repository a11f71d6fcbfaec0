#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

static const std::vector<std::vector<Shape>> row_sizes = {{{0, 5}},   {{5, 1}},    {{7, 3}},    {{5, 15}},
                                                          {{5, 16}},  {{3, 31}},   {{3, 33}},   {{2, 64}},
                                                          {{2, 257}}, {{1031, 8}}, {{2, 1032}}, {{2, 1500}}};

static const bool softmax_case = add_case({
    .name = "softmax",
    .inputs = {{2, 3, 37}},
    .run = [](const Vars& x) { return softmax(x[0]); },
    .sizes = row_sizes,
    .errors = {{[] { softmax(Var(zeros({}))); }, {"softmax", "()"}},
               {[] {
                  softmax(zeros({2, 3}, DType::i64));
                },
                {"softmax", "i64", "(2, 3)"}}},
    .bench_inputs = {{30976, 64}},
    .bytes = 2. * 30976 * 64 * 4,
});

static const bool softmax_far_case = add_case({
    .name = "softmax: one large and many small logits",
    .inputs = {{3, 70}},
    .run = [](const Vars& x) { return softmax(x[0]); },
    .value = [](int, int64_t j, double z) { return j % 70 == 11 ? 3 : 0.5 * z - 1; },
    .bench_inputs = {{1936, 1936}},
    .bytes = 2. * 1936 * 1936 * 4,
});

static const bool log_softmax_case = add_case({
    .name = "log_softmax",
    .inputs = {{2, 3, 37}},
    .run = [](const Vars& x) { return log_softmax(x[0]); },
    .sizes = row_sizes,
    .errors = {{[] { log_softmax(Var(zeros({}))); }, {"log_softmax", "()"}}},
    .bench_inputs = {{30976, 64}},
    .bytes = 2. * 30976 * 64 * 4,
});

static const bool logsumexp_case = add_case({
    .name = "logsumexp",
    .inputs = {{2, 3, 37}},
    .run = [](const Vars& x) { return logsumexp(x[0]); },
    .sizes = row_sizes,
    .errors = {{[] {
                  logsumexp(Var(zeros({3, 0})));
                },
                {"logsumexp", "(3, 0)"}}},
    .bench_inputs = {{30976, 64}},
    .bytes = 1. * 30976 * 64 * 4,
});
