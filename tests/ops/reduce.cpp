#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

namespace {

using Axes = std::vector<int>;
using Reduce = Var (*)(const Var&, const Axes&, bool);

// One piece and many, whole vectors and tails.
const std::vector<std::vector<Shape>> sizes_of_3 = {{{1, 1, 1}},     {{2, 3, 33}},   {{3, 31, 1}},    {{2, 257, 3}},
                                                    {{1, 2, 40003}}, {{2, 700, 64}}, {{40003, 1, 2}}, {{3, 2, 1031}}};

/// Adds cases that reduce x (., ., .) over every kind of set of axes.
bool reduce_cases(const std::string& name, Reduce f, bool empty_is_legal) {
  const std::vector<std::pair<const char*, Axes>> sets = {{"all", {}},         {"last", {-1}},    {"leading", {0, 1}},
                                                          {"middle", {1}},     {"outer", {0, 2}}, {"first", {0}},
                                                          {"trailing", {1, 2}}};
  for (const auto& [which, axes] : sets) {
    auto sizes = sizes_of_3;
    if (empty_is_legal) sizes.insert(sizes.end(), {{{0, 3, 5}}, {{2, 0, 5}}, {{2, 3, 0}}});
    add_case({.name = name + ": " + which,
              .inputs = {{4, 3, 19}},
              .run = [f, axes = axes](const Vars& x) { return f(x[0], axes, false); },
              .sizes = sizes,
              .bench_inputs = {{8, 7744, 64}},
              .bytes = 1. * 8 * 7744 * 64 * 4});
  }
  std::vector<BadCall> errors = {{[f] {
                                    f(Var(zeros({2, 3})), {2}, false);
                                  },
                                  {"2", "(2, 3)"}},
                                 {[f] {
                                    f(Var(zeros({2, 3})), {0, -2}, false);
                                  },
                                  {name, "twice", "(2, 3)"}},
                                 {[f] { f(Var(zeros({2}, DType::i64)), {}, false); }, {"i64"}}};
  if (!empty_is_legal) errors.push_back({[f] { f(Var(zeros({0, 3})), {0}, false); }, {name, "(0, 3)"}});
  return add_case({.name = name + ": kept axes",
                   .inputs = {{2, 3, 1, 5}},
                   .run =
                       [f](const Vars& x) {
                         return f(x[0], {1, 2}, true);
                       },
                   .errors = errors});
}

}  // namespace

static const bool all_reduce_cases[] = {
    reduce_cases("sum", sum, true),  reduce_cases("mean", mean, false),         reduce_cases("max", max, false),
    reduce_cases("min", min, false), reduce_cases("variance", variance, false),
};

static const std::map<Check, std::string> numbers = {
    {Check::gradient, "no gradient of a place or a host's number"},
    {Check::single_input, "no gradient of a place or a host's number"}};

static bool argmax_case(const char* name, int axis) {
  return add_case({.name = name,
                   .inputs = {{4, 3, 19}},
                   .run = [axis](const Vars& x) { return Var(cast(argmax(x[0].value(), axis), x[0].dtype())); },
                   .sizes = sizes_of_3,
                   .except = numbers});
}
static const bool argmax_cases[] = {argmax_case("argmax: last", -1), argmax_case("argmax: middle", 1),
                                    argmax_case("argmax: leading", 0)};

static const bool host_numbers_case = add_case({
    .name = "sum_of_squares and all_finite",
    .inputs = {{4, 3, 19}, {5}},
    .run =
        [](const Vars& x) {
          std::vector<double> out = sums_of_squares({x[0].value(), x[1].value(), x[0].value()});
          for (const Var& v : x) out.push_back(all_finite(v.value()));
          return Var(cast(from(out, {int64_t(out.size())}), x[0].dtype()).to(x[0].device()));
        },
    .sizes = {{{0}, {1}}, {{40003}, {4096}}, {{2, 700, 64}, {33}}},
    .errors = {{[] { sum_of_squares(zeros({2}, DType::i64)); }, {"sum_of_squares", "i64"}}},
    .except = numbers,
});

static const bool nothing_folded_case = add_case({
    .name = "sum: of axes of length 1",
    .inputs = {{3, 1, 5}},
    .run = [](const Vars& x) { return sum(x[0], {1}); },
});
