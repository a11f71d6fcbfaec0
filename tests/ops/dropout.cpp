#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

static const RandomKey key{.seed = 11, .domain = Domain::dropout, .path = 5, .step = 3};

static const bool dropout_case = add_case({
    .name = "dropout",
    .inputs = {{5, 37}},
    .run = [](const Vars& x) { return dropout(x[0], 0.3, key); },
    .sizes = {{{0}}, {{1}}, {{31}}, {{33}}, {{257}}, {{3, 20001}}},
    .errors = {{[] {
                  dropout(Var(zeros({2, 3})), 1, key);
                },
                {"dropout", "p 1", "(2, 3)"}},
               {[] {
                  dropout(Var(zeros({2, 3})), -0.1, key);
                },
                {"dropout", "-0.1", "(2, 3)"}},
               {[] {
                  dropout(zeros({2, 3}, DType::i64), 0.1, key);
                },
                {"dropout", "i64"}}},
    .bench_inputs = {{30976, 64}},
    .bytes = 2. * 30976 * 64 * 4,
});

static const bool drop_path_case = add_case({
    .name = "drop_path",
    .inputs = {{9, 2, 5}},
    .run = [](const Vars& x) { return drop_path(x[0], 0.4, key); },
    .sizes = {{{0, 3}}, {{3, 0}}, {{1, 1}}, {{257, 31}}, {{4, 33001}}},
    .errors = {{[] {
                  drop_path(Var(zeros({2, 3})), 1, key);
                },
                {"drop_path", "p 1", "(2, 3)"}},
               {[] { drop_path(Var(zeros({})), 0.1, key); }, {"drop_path", "()"}}},
    .bench_inputs = {{4, 7744, 64}},
    .bytes = 2. * 30976 * 64 * 4,
});
