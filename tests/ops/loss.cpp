#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

/// 0, 1/4, 1/2, 3/4, 1, 0, ...: exact in every dtype.
static Tensor some_target(const Var& like) {
  std::vector<double> t(like.value().numel());
  for (size_t i = 0; i < t.size(); ++i) t[i] = 0.25 * double(i % 5);
  return cast(from(t, like.shape()), like.dtype()).to(like.device());
}

static Tensor some_labels(int64_t R, int64_t C) {
  std::vector<int64_t> labels(R);
  for (int64_t r = 0; r < R; ++r) labels[r] = r * 7 % C;
  return from(labels, {R});
}

static const bool bce_case = add_case({
    .name = "bce_with_logits",
    .inputs = {{3, 37}},
    .run = [](const Vars& x) { return bce_with_logits(x[0], some_target(x[0])); },
    .sizes = {{{}}, {{0}}, {{1}}, {{33}}, {{257}}, {{40003}}},
    .errors = {{[] {
                  bce_with_logits(Var(zeros({2, 3})), zeros({3}));
                },
                {"bce_with_logits", "(2, 3)", "(3)"}},
               {[] { bce_with_logits(Var(zeros({3})), zeros({3}, DType::f64)); }, {"bce_with_logits", "f32", "f64"}}},
    .bench_inputs = {{8, 352, 352, 1}},
    .bytes = 3. * 8 * 352 * 352 * 4,
    .timed = [](const Vars& x) -> std::function<Var(const Vars&)> {
      return [t = some_target(x[0]).to(x[0].device())](const Vars& x) { return bce_with_logits(x[0], t); };
    },
});

static const bool bce_far_case = add_case({
    .name = "bce_with_logits: large logits",
    .inputs = {{3, 37}},
    .run = [](const Vars& x) { return bce_with_logits(x[0], some_target(x[0])); },
    .value = [](int, int64_t, double z) { return 60 * z; },
});

static const bool cross_entropy_case = add_case({
    .name = "cross_entropy",
    .inputs = {{5, 19}},
    .run = [](const Vars& x) { return cross_entropy(x[0], some_labels(x[0].dim(0), x[0].dim(1)).to(x[0].device())); },
    .sizes = {{{1, 1}}, {{1, 2}}, {{7, 16}}, {{33, 10}}, {{3, 257}}, {{4001, 10}}, {{2, 20003}}},
    .errors = {{[] {
                  cross_entropy(Var(zeros({2, 3})), some_labels(4, 3));
                },
                {"cross_entropy", "(2, 3)", "(4)"}},
               {[] {
                  cross_entropy(Var(zeros({2, 3})), from<int64_t>({0, 3}, {2}));
                },
                {"cross_entropy", "label 3", "row 1"}},
               {[] {
                  cross_entropy(Var(zeros({2, 3})), zeros({2}));
                },
                {"cross_entropy", "i64", "f32"}},
               {[] {
                  cross_entropy(Var(zeros({0, 3})), some_labels(0, 3));
                },
                {"cross_entropy", "(0, 3)"}}},
    .bench_inputs = {{4096, 1000}},
    .bytes = 2. * 4096 * 1000 * 4,
    .timed = [](const Vars& x) -> std::function<Var(const Vars&)> {
      return [t = some_labels(x[0].dim(0), x[0].dim(1)).to(x[0].device())](const Vars& x) {
        return cross_entropy(x[0], t);
      };
    },
});
