#include <cmath>

#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

namespace {

using Values = std::function<double(int, int64_t, double)>;

const std::vector<std::vector<Shape>> unary_sizes = {{{}},   {{0}},   {{1}},       {{31}},
                                                     {{33}}, {{257}}, {{3, 5, 7}}, {{40003}}};
const std::vector<std::vector<Shape>> binary_sizes = {
    {{}, {}},
    {{0}, {0}},
    {{1}, {1}},
    {{31}, {31}},
    {{257}, {257}},
    {{40003}, {40003}},  // equal shapes
    {{33}, {}},
    {{1, 1}, {5, 33}},
    {{0, 3}, {}},  // a scalar
    {{5, 33}, {33}},
    {{3}, {7, 2, 3}},
    {{0, 3}, {3}},
    {{700, 64}, {64}},  // a bias
    {{5, 33}, {5, 1}},
    {{2, 3, 1}, {2, 3, 17}},  // a number per row
    {{2, 4, 5, 9}, {2, 1, 1, 9}},
    {{2, 1, 1, 64}, {2, 20, 20, 64}},  // a row per image
    {{4, 1, 6}, {1, 5, 1}},
    {{2, 1, 3, 1, 5}, {3, 1, 4, 1}},
    {{1, 257}, {33, 1}},  // both operands repeat
};

bool unary_case(const char* name, Var (*f)(const Var&), Values value = nullptr) {
  return add_case({.name = name,
                   .inputs = {{3, 37}},
                   .run = [f](const Vars& x) { return f(x[0]); },
                   .value = value,
                   .sizes = unary_sizes,
                   .errors = {{[f] { f(Var(zeros({2}, DType::i64))); }, {"i64"}}},
                   .bench_inputs = {{8, 88, 88, 64}},
                   .bytes = 2. * 8 * 88 * 88 * 64 * 4});
}

bool binary_case(const char* name, Var (*f)(const Var&, const Var&), Values value = nullptr) {
  return add_case({.name = name,
                   .inputs = {{3, 37}, {3, 37}},
                   .run = [f](const Vars& x) { return f(x[0], x[1]); },
                   .value = value,
                   .sizes = binary_sizes,
                   .errors = {{[f] {
                                 f(Var(zeros({2, 3})), Var(zeros({4})));
                               },
                               {"(2, 3)", "(4)"}},
                              {[f] {
                                 f(Var(zeros({2, 3})), Var(zeros({3}, DType::f64)));
                               },
                               {"f32", "f64"}},
                              {[f] { f(Var(zeros({3}, DType::u8)), Var(zeros({3}, DType::u8))); }, {"u8"}}},
                   .bench_inputs = {{8, 88, 88, 64}, {8, 88, 88, 64}},
                   .bytes = 3. * 8 * 88 * 88 * 64 * 4});
}

double positive(int, int64_t, double z) { return 0.3 + std::abs(z); }
double away_from_zero(int, int64_t, double z) { return z + std::copysign(0.1, z); }
double away_from_bounds(int, int64_t, double z) { return z > -0.85 && z < -0.75 ? -1 : z > 0.85 && z < 0.95 ? 0.5 : z; }
double same_for_both(int, int64_t j, double) { return 0.25 * double(j % 7) - 0.5; }

}  // namespace

static const bool unary_cases[] = {
    unary_case("neg", neg),
    unary_case("abs", abs, away_from_zero),
    unary_case("exp", exp),
    unary_case("log", log, positive),
    unary_case("sqrt", sqrt, positive),
    unary_case("rsqrt", rsqrt, positive),
    unary_case("reciprocal", reciprocal, away_from_zero),
    unary_case("sigmoid", sigmoid),
    unary_case("tanh", tanh),
    unary_case("relu", relu, away_from_zero),
    unary_case("relu6", relu6, [](int, int64_t j, double z) { return away_from_zero(0, j, z) + (j % 3 == 0 ? 6 : 0); }),
    unary_case("gelu", gelu),
    unary_case("silu", silu),
    unary_case("softplus", softplus),
    unary_case("softplus: large arguments", softplus, [](int, int64_t, double z) { return 30 * z; }),
    unary_case("square", square),
    unary_case(
        "clamp", [](const Var& x) { return clamp(x, -0.8, 0.9); }, away_from_bounds),
    unary_case("scale", [](const Var& x) { return scale(x, -1.5, 0.25); }),
};

static const bool binary_cases[] = {
    binary_case("add", add),
    binary_case("sub", sub),
    binary_case("mul", mul),
    binary_case("div", div, away_from_zero),
    binary_case("maximum", maximum),
    binary_case("minimum", minimum),
    binary_case("maximum: ties", maximum, same_for_both),
    binary_case("minimum: ties", minimum, same_for_both),
    binary_case("pow", pow, positive),
};

// Every kind of broadcasting, through the gradient check; mul and div read each operand in their derivatives.
static const bool broadcast_cases[] = {
    add_case({.name = "add: bias",
              .inputs = {{2, 5, 19}, {19}},
              .run = [](const Vars& x) { return add(x[0], x[1]); },
              .bench_inputs = {{8, 88, 88, 64}, {64}},
              .bytes = 2. * 8 * 88 * 88 * 64 * 4}),
    add_case({.name = "mul: bias",
              .inputs = {{2, 5, 19}, {19}},
              .run = [](const Vars& x) { return mul(x[0], x[1]); },
              .bench_inputs = {{8, 88, 88, 64}, {64}},
              .bytes = 2. * 8 * 88 * 88 * 64 * 4}),
    add_case({.name = "mul: number per row",
              .inputs = {{2, 5, 1}, {2, 5, 19}},
              .run = [](const Vars& x) { return mul(x[0], x[1]); },
              .bench_inputs = {{8, 88, 88, 1}, {8, 88, 88, 64}},
              .bytes = 2. * 8 * 88 * 88 * 64 * 4}),
    add_case({.name = "mul: row per image",
              .inputs = {{2, 3, 3, 17}, {2, 1, 1, 17}},
              .run = [](const Vars& x) { return mul(x[0], x[1]); },
              .bench_inputs = {{8, 88, 88, 64}, {8, 1, 1, 64}},
              .bytes = 2. * 8 * 88 * 88 * 64 * 4}),
    add_case({.name = "div: both repeat",
              .inputs = {{2, 1, 3, 1}, {3, 1, 5}},
              .run = [](const Vars& x) { return div(x[0], x[1]); },
              .value = away_from_zero}),
    add_case({.name = "sub: a number", .inputs = {{}, {3, 7}}, .run = [](const Vars& x) { return sub(x[0], x[1]); }}),
    add_case({.name = "pow: both repeat",
              .inputs = {{4, 1}, {5}},
              .run = [](const Vars& x) { return pow(x[0], x[1]); },
              .value = positive}),
    add_case({.name = "mul: with itself", .inputs = {{3, 7}}, .run = [](const Vars& x) { return mul(x[0], x[0]); }}),
};

/// 0, 1, 1, 0, 1, 1, ...
static Tensor some_mask(const Shape& shape) {
  std::vector<uint8_t> m(shape.numel());
  for (size_t i = 0; i < m.size(); ++i) m[i] = i % 3 != 0;
  return from(m, shape);
}

static const bool where_cases[] = {
    add_case(
        {.name = "where",
         .inputs = {{3, 37}, {3, 37}},
         .run = [](const Vars& x) { return where(some_mask(x[0].shape()).to(x[0].device()), x[0], x[1]); },
         .sizes = {{{}, {}}, {{0}, {0}}, {{1}, {1}}, {{33}, {33}}, {{40003}, {40003}}},
         .errors = {{[] {
                       where(some_mask({2}), Var(zeros({2, 3})), Var(zeros({3})));
                     },
                     {"where", "(2)", "(2, 3)"}},
                    {[] { where(zeros({3}), Var(zeros({3})), Var(zeros({3}))); }, {"where", "u8", "f32"}},
                    {[] { where(some_mask({3}), Var(zeros({3})), Var(zeros({3}, DType::f64))); }, {"where", "f64"}}},
         .bench_inputs = {{8, 88, 88, 64}, {8, 88, 88, 64}},
         .bytes = 13. * 8 * 88 * 88 * 64,
         .timed = [](const Vars& x) -> std::function<Var(const Vars&)> {
           return [m = some_mask(x[0].shape()).to(x[0].device())](const Vars& x) { return where(m, x[0], x[1]); };
         }}),
    add_case({.name = "where: all three repeat",
              .inputs = {{2, 1, 5}, {}},
              .run =
                  [](const Vars& x) {
                    return where(some_mask({4, 1}).to(x[0].device()), x[0], x[1]);
                  }}),
};
