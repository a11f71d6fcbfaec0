#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

static Var two_heads(const Vars& x) { return attention(x[0], x[1], x[2], 2); }

static std::vector<Shape> shapes(int64_t B, int64_t N, int64_t M, int64_t C) {
  return {{B, N, C}, {B, M, C}, {B, M, C}};
}

static const bool attention_case = add_case({
    .name = "attention",
    .inputs = shapes(2, 7, 5, 6),
    .run = two_heads,
    .sizes = {shapes(1, 1, 2, 2), shapes(1, 31, 33, 20), shapes(2, 33, 257, 72), shapes(1, 25, 193, 32),
              shapes(1, 121, 121, 64), shapes(1, 2, 31, 146), shapes(1, 5, 3, 264), shapes(1, 530, 3, 8),
              shapes(0, 3, 3, 4), shapes(2, 0, 3, 4)},
    .errors = {{[] {
                  attention(Var(zeros({2, 3, 6})), Var(zeros({2, 4, 6})), Var(zeros({2, 5, 6})), 2);
                },
                {"attention", "(2, 4, 6)", "(2, 5, 6)"}},
               {[] {
                  attention(Var(zeros({2, 3, 6})), Var(zeros({2, 4, 8})), Var(zeros({2, 4, 8})), 2);
                },
                {"attention", "(2, 3, 6)", "(2, 4, 8)"}},
               {[] {
                  attention(Var(zeros({2, 3, 6})), Var(zeros({2, 4, 6})), Var(zeros({2, 4, 6})), 4);
                },
                {"attention", "4 heads", "(2, 3, 6)"}},
               {[] {
                  attention(Var(zeros({2, 3, 6})), Var(zeros({2, 0, 6})), Var(zeros({2, 0, 6})), 2);
                },
                {"attention", "(2, 0, 6)"}},
               {[] {
                  attention(Var(zeros({8, 14, 14, 64})), Var(zeros({8, 4, 64})), Var(zeros({8, 4, 64})), 2);
                },
                {"attention", "(8, 14, 14, 64)"}},
               {[] {
                  attention(Var(zeros({2, 3, 6})), Var(zeros({2, 4, 6}, DType::f64)), Var(zeros({2, 4, 6})), 2);
                },
                {"attention", "f32", "f64"}}},
    .bench_inputs = shapes(4, 1936, 121, 64),
    .flops = 4. * 4 * 1936 * 121 * 64,
});

static const bool first_stage_case = add_case({
    .name = "attention: one head, many queries",
    .inputs = shapes(1, 26, 9, 5),
    .run = [](const Vars& x) { return attention(x[0], x[1], x[2], 1, 0.3); },
    .bench_inputs = shapes(4, 7744, 121, 32),
    .flops = 4. * 4 * 7744 * 121 * 32,
});

static const bool many_keys_case = add_case({
    .name = "attention: several tiles of keys",
    .inputs = shapes(1, 2, 200, 3),
    .run = [](const Vars& x) { return attention(x[0], x[1], x[2], 1); },
    .bench_inputs = shapes(1, 1936, 1936, 64),
    .flops = 4. * 1936 * 1936 * 64,
});
