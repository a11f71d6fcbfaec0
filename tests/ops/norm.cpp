#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

/// Gains around 1; x has a nonzero mean.
static double norm_value(int i, int64_t, double z) { return i == 1 ? 1 + 0.3 * z : i == 0 ? z + 0.5 : z; }

static std::vector<std::vector<Shape>> norm_sizes() {
  std::vector<std::vector<Shape>> out;
  for (int64_t C : {1, 3, 15, 16, 31, 33, 64, 257}) out.push_back({{5, C}, {C}, {C}});
  out.push_back({{1, 7}, {7}, {7}});
  out.push_back({{1031, 31}, {31}, {31}});
  return out;
}
static std::vector<std::vector<Shape>> with_no_rows() {
  auto out = norm_sizes();
  out.push_back({{0, 7}, {7}, {7}});
  return out;
}
/// No single channel: dx is then zero up to rounding and has no relative error (norm_test.cpp tests that).
static std::vector<std::vector<Shape>> layer_norm_sizes() {
  auto out = with_no_rows();
  out.erase(out.begin());
  out.push_back({{3, 1032}, {1032}, {1032}});
  return out;
}

/// A single channel has a single dgain, so there are not five rows, whose terms happen to cancel to 1/40 of their size.
static std::vector<std::vector<Shape>> batch_norm_sizes() {
  auto out = norm_sizes();
  out.front() = {{9, 1}, {1}, {1}};
  return out;
}

static const bool layer_norm_case = add_case({
    .name = "layer_norm",
    .inputs = {{2, 3, 37}, {37}, {37}},
    .run = [](const Vars& x) { return layer_norm(x[0], x[1], x[2], 1e-5); },
    .value = norm_value,
    .sizes = layer_norm_sizes(),
    .errors = {{[] {
                  layer_norm(Var(zeros({2, 4})), Var(zeros({3})), Var(zeros({4})), 1e-5);
                },
                {"layer_norm", "(2, 4)", "(3)"}},
               {[] {
                  layer_norm(Var(zeros({2, 0})), Var(zeros({0})), Var(zeros({0})), 1e-5);
                },
                {"layer_norm", "(2, 0)"}},
               {[] {
                  layer_norm(Var(zeros({2, 4}, DType::f64)), Var(zeros({4})), Var(zeros({4})), 1e-5);
                },
                {"layer_norm", "f64", "f32"}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{30976, 64}, {64}, {64}},
    .bytes = 2. * 30976 * 64 * 4,
});

static const bool layer_norm_wide_case = add_case({
    .name = "layer_norm: wide rows",
    .inputs = {{3, 261}, {261}, {261}},
    .run = [](const Vars& x) { return layer_norm(x[0], x[1], x[2], 1e-6); },
    .value = norm_value,
    .f32_inputs = {1, 2},
    .bench_inputs = {{7744, 1024}, {1024}, {1024}},
    .bytes = 2. * 7744 * 1024 * 4,
});

static const bool batch_norm_case = add_case({
    .name = "batch_norm",
    .inputs = {{2, 3, 3, 17}, {17}, {17}},
    .run = [](const Vars& x) { return batch_norm(x[0], x[1], x[2], 1e-5, nullptr); },
    .value = norm_value,
    .sizes = batch_norm_sizes(),
    .errors = {{[] {
                  batch_norm(Var(zeros({2, 4})), Var(zeros({3})), Var(zeros({4})), 1e-5, nullptr);
                },
                {"batch_norm", "(2, 4)", "(3)"}},
               {[] {
                  batch_norm(Var(zeros({0, 4})), Var(zeros({4})), Var(zeros({4})), 1e-5, nullptr);
                },
                {"batch_stats", "(0, 4)"}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{30976, 64}, {64}, {64}},
    .bytes = 3. * 30976 * 64 * 4,
});

static const bool batch_norm_eval_case = add_case({
    .name = "batch_norm_eval",
    .inputs = {{2, 3, 3, 17}, {17}, {17}},
    .run =
        [](const Vars& x) {
          Shape channels{x[0].dim(-1)};
          DType stat = acc_dtype(x[0].dtype());
          return batch_norm_eval(x[0], x[1], x[2], full(channels, 0.25, stat, x[0].device()),
                                 full(channels, 1.5, stat, x[0].device()), 1e-5);
        },
    .value = norm_value,
    .sizes = with_no_rows(),
    .errors = {{[] {
                  Var x(zeros({2, 4})), gain(ones({4})), bias(zeros({4}));
                  batch_norm_eval(x, gain, bias, zeros({3}), zeros({4}), 1e-5);
                },
                {"batch_norm", "mean and variance", "(2, 4)", "(3)"}}},
    .f32_inputs = {1, 2},
    .bench_inputs = {{30976, 64}, {64}, {64}},
    .bytes = 2. * 30976 * 64 * 4,
});
