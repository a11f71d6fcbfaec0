#include "tensor/random.h"
#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

/// n indices in [0, limit): some are repeated, some do not occur.
static Tensor some_index(int64_t n, int64_t limit) {
  Random random({.seed = 5, .domain = Domain::test});
  std::vector<int64_t> out(n);
  for (int64_t& i : out) i = random.below(limit);
  return from(out, {n});
}

/// Distinct positions (B, K) in [0, limit), unordered.
static Tensor some_positions(int64_t B, int64_t K, int64_t limit) {
  Random random({.seed = 6, .domain = Domain::test});
  std::vector<int64_t> all(limit);
  for (int64_t i = 0; i < limit; ++i) all[i] = i;
  for (int64_t i = 0; i < B * K; ++i) std::swap(all[i], all[i + random.below(limit - i)]);
  all.resize(B * K);
  return from(all, {B, K});
}

static const bool gather_rows_case = add_case({
    .name = "gather_rows",
    .inputs = {{5, 3, 7}},
    .run =
        [](const Vars& x) { return gather_rows(x[0], some_index(2 * x[0].dim(0) + 1, x[0].dim(0)).to(x[0].device())); },
    .sizes = {{{1, 1}}, {{5, 0}}, {{33, 31}}, {{257, 64}}, {{3, 20001}}},
    .errors = {{[] {
                  gather_rows(Var(zeros({3, 4})), from<int64_t>({0, 3}, {2}));
                },
                {"gather_rows", "index 3 at 1", "[0, 3)"}},
               {[] {
                  gather_rows(Var(zeros({3, 4})), from<int64_t>({-1}, {1}));
                },
                {"gather_rows", "index -1 at 0"}},
               {[] {
                  gather_rows(Var(zeros({3, 4})), from<int64_t>({0, 1}, {1, 2}));
                },
                {"gather_rows", "(3, 4)", "(1, 2)"}},
               {[] {
                  gather_rows(Var(zeros({3, 4})), zeros({2}));
                },
                {"gather_rows", "i64", "f32"}}},
    .bench_inputs = {{16, 88, 88, 64}},
    .bytes = 4. * 33 * 88 * 88 * 64 * 2,
    .timed = [](const Vars& x) -> std::function<Var(const Vars&)> {
      return [i = some_index(2 * x[0].dim(0) + 1, x[0].dim(0)).to(x[0].device())](const Vars& x) {
        return gather_rows(x[0], i);
      };
    },
    .bench_grows = false,
});

static const bool gather_no_rows_case = add_case({
    .name = "gather_rows: none",
    .inputs = {{5, 3}},
    .run = [](const Vars& x) { return gather_rows(x[0], some_index(0, 1).to(x[0].device())); },
    .sizes = {{{0, 3}}, {{2, 33}}},
});

static const bool combine_rows_case = add_case({
    .name = "combine_rows: half of the rows unread",
    .inputs = {{12, 2, 5}, {3, 2}},
    .run =
        [](const Vars& x) {
          return combine_rows(x[0], some_positions(x[1].dim(0), x[1].dim(1), x[0].dim(0)).to(x[0].device()), x[1]);
        },
    .sizes = {{{1, 1}, {1, 1}},
              {{6, 0}, {3, 2}},
              {{4, 7}, {0, 2}},
              {{4, 7}, {3, 0}},
              {{66, 31}, {33, 2}},
              {{6, 33001}, {2, 3}}},
    .errors = {{[] {
                  combine_rows(Var(zeros({4, 2})), from<int64_t>({0, 4}, {1, 2}), Var(zeros({1, 2})));
                },
                {"combine_rows", "index 4 at 1", "[0, 4)"}},
               {[] {
                  combine_rows(Var(zeros({4, 2})), from<int64_t>({0, 1}, {1, 2}), Var(zeros({2, 1})));
                },
                {"combine_rows", "(4, 2)", "(1, 2)", "(2, 1)"}},
               {[] {
                  Var rows = Var::leaf(zeros({4, 2})), weight(zeros({1, 2}));
                  backward(combine_rows(rows, from<int64_t>({1, 1}, {1, 2}), weight), ones({1, 2}));
                },
                {"combine_rows", "row 1", "(4, 2)", "more than once"}},
               {[] {
                  Var rows(zeros({4, 2})), weight(zeros({1, 2}, DType::f64));
                  combine_rows(rows, from<int64_t>({0, 1}, {1, 2}), weight);
                },
                {"combine_rows", "f32", "f64"}}},
    .f32_inputs = {1},
    .bench_inputs = {{16, 44, 44, 128}, {8, 2}},
    .bytes = 4. * 24 * 44 * 44 * 128,
    .timed = [](const Vars& x) -> std::function<Var(const Vars&)> {
      return [i = some_positions(x[1].dim(0), x[1].dim(1), x[0].dim(0)).to(x[0].device())](const Vars& x) {
        return combine_rows(x[0], i, x[1]);
      };
    },
    .bench_grows = false,
});

static const bool combine_rows_bf16_case = add_case({
    .name = "combine_rows: weights of the rows' type",
    .inputs = {{6, 3}, {3, 2}},
    .run = [](const Vars& x) { return combine_rows(x[0], some_positions(3, 2, 6).to(x[0].device()), x[1]); },
});

static const bool take_along_case = add_case({
    .name = "take_along",
    .inputs = {{4, 5}},
    .run = [](const Vars& x) { return take_along(x[0], top_k(x[0].value(), (x[0].dim(1) + 1) / 2).index); },
    .sizes = {{{0, 3}}, {{3, 0}}, {{1, 1}}, {{257, 31}}, {{2, 333}}},
    .errors = {{[] {
                  take_along(Var(zeros({2, 3})), from<int64_t>({0, 3}, {2, 1}));
                },
                {"take_along", "index 3", "[0, 3)"}},
               {[] {
                  take_along(Var(zeros({2, 3})), from<int64_t>({0, 1, 2}, {3, 1}));
                },
                {"take_along", "(2, 3)", "(3, 1)"}}},
});

static const std::map<Check, std::string> integers = {{Check::gradient, "integers have no gradient"},
                                                      {Check::single_input, "integers have no gradient"}};

static const bool top_k_case = add_case({
    .name = "top_k: the indices",
    .inputs = {{4, 9}},
    .run = [](const Vars& x) { return Var(cast(top_k(x[0].value(), x[0].dim(1) / 3).index, x[0].dtype())); },
    .sizes = {{{0, 4}}, {{1, 1}}, {{33, 31}}, {{2, 257}}},
    .errors = {{[] {
                  top_k(zeros({2, 3}), 4);
                },
                {"top_k", "(2, 3)", "4"}},
               {[] {
                  top_k(zeros({2, 3}, DType::i64), 1);
                },
                {"top_k", "i64"}},
               {[] {
                  one_hot(from<int64_t>({0, 5}, {2}), 5);
                },
                {"one_hot", "index 5 at 1", "[0, 5)"}},
               {[] { histogram(from<int64_t>({-1}, {1}), 5); }, {"histogram", "index -1 at 0"}},
               {[] {
                  sort_by_key(zeros({3, 2}, DType::i64));
                },
                {"sort_by_key", "(3, 2)"}},
               {[] { sort_by_key(zeros({3})); }, {"sort_by_key", "i64", "f32"}}},
    .except = integers,
});

/// Keys with many ties, the same for every dtype.
static Tensor some_keys(const Var& x) { return cast(scale(x, 4).value(), DType::i64); }

static const bool sort_case = add_case({
    .name = "sort_by_key",
    .inputs = {{37}},
    .run = [](const Vars& x) { return Var(cast(sort_by_key(some_keys(x[0])), x[0].dtype())); },
    .sizes = {{{0}}, {{1}}, {{256}}, {{257}}, {{700}}, {{2049}}},
    .except = integers,
});

static const bool counts_case = add_case({
    .name = "histogram and one_hot",
    .inputs = {{37}},
    .run =
        [](const Vars& x) {
          const Tensor index = cast(scale(abs(x[0]), 4).value(), DType::i64);
          const Tensor few = histogram(index, 40), many = histogram(index, 5000),
                       rows = one_hot(index, 40, x[0].dtype());
          return Var(concat({cast(few, x[0].dtype()), cast(many, x[0].dtype()), rows.reshape({-1})}, 0));
        },
    .sizes = {{{0}}, {{1}}, {{257}}, {{9001}}},
    .except = integers,
});
