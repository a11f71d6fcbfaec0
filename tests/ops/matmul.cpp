#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

namespace {

std::function<Var(const Vars&)> product(Trans ta, Trans tb) {
  return [=](const Vars& x) { return matmul(x[0], x[1], ta, tb); };
}
constexpr Trans no = Trans::no, yes = Trans::yes;

}  // namespace

static const bool matmul_case = add_case({
    .name = "matmul",
    .inputs = {{5, 7}, {7, 19}},
    .run = product(no, no),
    .sizes = {{{0, 3}, {3, 5}},
              {{3, 0}, {0, 5}},
              {{3, 5}, {5, 0}},
              {{1, 1}, {1, 1}},
              {{31, 33}, {33, 31}},
              {{257, 65}, {65, 80}},
              {{6, 600}, {600, 64}},
              {{13, 1}, {1, 130}}},
    .errors = {{[] {
                  matmul(zeros({2, 3}), zeros({4, 5}));
                },
                {"matmul", "(2, 3)", "(4, 5)"}},
               {[] {
                  matmul(zeros({2, 3}), zeros({3}));
                },
                {"matmul", "(2, 3)", "(3)"}},
               {[] {
                  matmul(zeros({2, 5, 3}), zeros({4, 3, 5}));
                },
                {"matmul", "(2, 5, 3)", "(4, 3, 5)"}},
               {[] {
                  matmul(zeros({2, 3}), zeros({3, 5}, DType::f64));
                },
                {"matmul", "f32", "(2, 3)", "f64", "(3, 5)"}}},
    .bench_inputs = {{1936, 320}, {320, 1280}},
    .flops = 2. * 1936 * 320 * 1280,
});

static const bool matmul_nt_case = add_case({
    .name = "matmul: a b^T",
    .inputs = {{5, 7}, {19, 7}},
    .run = product(no, yes),
    .sizes = {{{3, 0}, {5, 0}}, {{33, 31}, {65, 31}}, {{100, 257}, {33, 257}}},
    .bench_inputs = {{1936, 320}, {1280, 320}},
    .flops = 2. * 1936 * 320 * 1280,
});

static const bool matmul_tn_case = add_case({
    .name = "matmul: a^T b",
    .inputs = {{7, 5}, {7, 19}},
    .run = product(yes, no),
    .sizes = {{{0, 3}, {0, 5}}, {{31, 33}, {31, 65}}, {{1500, 40}, {1500, 33}}},
    .errors = {{[] {
                  matmul(zeros({2, 3}), zeros({3, 5}), yes, no);
                },
                {"matmul", "(2, 3)^T", "(3, 5)"}}},
    .bench_inputs = {{7744, 128}, {7744, 1024}},
    .flops = 2. * 7744 * 128 * 1024,
});

static const bool matmul_tt_case = add_case({
    .name = "matmul: a^T b^T",
    .inputs = {{7, 5}, {19, 7}},
    .run = product(yes, yes),
    .sizes = {{{31, 33}, {65, 31}}},
    .bench_inputs = {{320, 1936}, {1280, 320}},
    .flops = 2. * 1936 * 320 * 1280,
    .bench_grows = false,
});

static const bool matmul_batch_case = add_case({
    .name = "matmul: many",
    .inputs = {{2, 3, 5, 7}, {2, 3, 7, 9}},
    .run = product(no, no),
    .sizes = {{{0, 3, 4}, {0, 4, 5}}, {{9, 17, 33}, {9, 33, 5}}},
    .bench_inputs = {{32, 121, 64}, {32, 64, 121}},
    .flops = 2. * 32 * 121 * 121 * 64,
});

static const bool matmul_batch_tn_case = add_case({
    .name = "matmul: many a^T b",
    .inputs = {{3, 7, 5}, {3, 7, 9}},
    .run = product(yes, no),
    .sizes = {{{9, 600, 20}, {9, 600, 17}}},
    .bench_inputs = {{32, 1936, 40}, {32, 1936, 40}},
    .flops = 2. * 32 * 1936 * 40 * 40,
});

static const bool matmul_shared_case = add_case({
    .name = "matmul: one b for many a",
    .inputs = {{3, 5, 7}, {7, 9}},
    .run = product(no, no),
    .sizes = {{{0, 5, 7}, {7, 9}}, {{9, 33, 65}, {65, 31}}},
    .bench_inputs = {{4, 7744, 64}, {64, 64}},
    .flops = 2. * 30976 * 64 * 64,
});

static const bool matmul_shared_turned_case = add_case({
    .name = "matmul: one b for many a^T",
    .inputs = {{3, 7, 5}, {9, 7}},
    .run = product(yes, yes),
});

static const bool matmul_shared_left_case = add_case({
    .name = "matmul: one a for many b",
    .inputs = {{5, 7}, {2, 2, 9, 7}},
    .run = product(no, yes),
});

static const bool matmul_mixed_case = add_case({
    .name = "matmul: f32 b",
    .inputs = {{2, 7, 5}, {2, 7, 9}},
    .run = [](const Vars& x) { return matmul(matmul(x[0], x[1], yes, no), x[1], no, yes); },
    .f32_inputs = {1},
    .except = {{Check::bench, "a mixture of other cases"}},
});

static const bool linear_case = add_case({
    .name = "linear",
    .inputs = {{2, 3, 7}, {19, 7}, {19}},
    .run = [](const Vars& x) { return linear(x[0], x[1], x[2]); },
    .sizes = {{{0, 7}, {19, 7}, {19}},
              {{5, 0}, {3, 0}, {3}},
              {{1, 1}, {1, 1}, {1}},
              {{33, 31}, {64, 31}, {64}},
              {{257, 64}, {130, 64}, {130}},
              {{3000, 33}, {36, 33}, {36}},
              {{40009, 33}, {36, 33}, {36}},  // the weight gradient is cut into runs of rows
              {{40, 700}, {1, 700}, {1}}},
    .errors = {{[] {
                  linear(zeros({2, 3}), zeros({4, 5}));
                },
                {"linear", "(2, 3)", "(4, 5)"}},
               {[] {
                  linear(zeros({2, 3}), zeros({4, 3}), zeros({3}));
                },
                {"linear", "(4, 3)", "(3)"}},
               {[] {
                  linear(zeros({2, 3}), zeros({4, 3}, DType::f64));
                },
                {"linear", "f32", "f64", "(2, 3)", "(4, 3)"}},
               {[] {
                  linear(zeros({2, 3}, DType::bf16), zeros({4, 3}, DType::bf16));
                },
                {"linear", "bf16"}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{30976, 64}, {512, 64}, {512}},
    .flops = 2. * 30976 * 64 * 512,
});

static const bool linear_no_bias_case = add_case({
    .name = "linear: no bias",
    .inputs = {{6, 7}, {9, 7}},
    .run = [](const Vars& x) { return linear(x[0], x[1]); },
    .f32_inputs = {1},
    .bench_inputs = {{1936, 320}, {1280, 320}},
    .flops = 2. * 1936 * 320 * 1280,
});

static const bool linear_relu_case = add_case({
    .name = "linear: relu",
    .inputs = {{6, 7}, {9, 7}, {9}},
    .run = [](const Vars& x) { return linear(x[0], x[1], x[2], Act::relu); },
    .f32_inputs = {1, 2},
    .bench_inputs = {{7744, 128}, {1024, 128}, {1024}},
    .flops = 2. * 7744 * 128 * 1024,
});

static const bool linear_gelu_case = add_case({
    .name = "linear: gelu",
    .inputs = {{6, 7}, {35, 7}, {35}},
    .run = [](const Vars& x) { return linear(x[0], x[1], x[2], Act::gelu); },
    .f32_inputs = {1, 2},
    .bench_inputs = {{7744, 128}, {1024, 128}, {1024}},
    .flops = 2. * 7744 * 128 * 1024,
});

// ---- linear for groups of rows ----------------------------------------------------------------------------

namespace {

/// Offsets of groups of uneven length, of which the second is empty; their sizes follow the shapes.
std::vector<int64_t> uneven(const Var& x, const Var& weight) {
  const int64_t R = x.dim(0), E = weight.dim(0);
  std::vector<int64_t> begin{0};
  for (int64_t e = 1; e < E; ++e) begin.push_back(e == 2 ? begin.back() : R * e * e / (E * E));
  begin.push_back(R);
  return begin;
}

Tensor plain(int64_t E, int64_t O, int64_t I) { return zeros({E, O, I}); }

}  // namespace

static const bool grouped_linear_case = add_case({
    .name = "grouped_linear",
    .inputs = {{17, 5}, {4, 9, 5}, {4, 9}},
    .run = [](const Vars& x) { return grouped_linear(x[0], x[1], x[2], uneven(x[0], x[1])); },
    .sizes = {{{0, 5}, {4, 9, 5}, {4, 9}}, {{1, 1}, {1, 1, 1}, {1, 1}}, {{257, 33}, {5, 65, 33}, {5, 65}}},
    .errors = {{[] {
                  grouped_linear(zeros({2, 3}), plain(2, 4, 5), {}, {0, 1, 2});
                },
                {"grouped_linear", "(2, 3)", "(2, 4, 5)"}},
               {[] {
                  grouped_linear(zeros({2, 3}), plain(2, 4, 3), {}, {0, 2});
                },
                {"grouped_linear", "offsets"}},
               {[] {
                  grouped_linear(zeros({2, 3}), plain(2, 4, 3), {}, {0, 3, 2});
                },
                {"grouped_linear", "ascend"}},
               {[] {
                  grouped_linear(zeros({2, 3}), plain(2, 4, 3), zeros({4}), {0, 1, 2});
                },
                {"grouped_linear", "(4)"}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{7744, 128}, {8, 512, 128}, {8, 512}},
    .flops = 2. * 7744 * 128 * 512,
});

static const bool grouped_linear_no_bias_case = add_case({
    .name = "grouped_linear: no bias",
    .inputs = {{7, 5}, {3, 6, 5}},
    .run = [](const Vars& x) { return grouped_linear(x[0], x[1], {}, uneven(x[0], x[1])); },
    .f32_inputs = {1},
    .bench_inputs = {{7744, 128}, {8, 512, 128}},
    .flops = 2. * 7744 * 128 * 512,
});
