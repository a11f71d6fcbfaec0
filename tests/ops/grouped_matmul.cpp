#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

namespace {

/// Groups of uneven length, the second one empty; sizes follow the shapes.
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
