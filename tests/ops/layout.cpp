#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

static const bool reshape_case = add_case({
    .name = "reshape",
    .inputs = {{3, 4, 5}},
    .run =
        [](const Vars& x) {
          return reshape(x[0], {-1, x[0].dim(0)});
        },
    .sizes = {{{1, 1, 1}}, {{33, 2, 5}}},
    .errors = {{[] {
                  reshape(Var(zeros({3, 4})), {5, 2});
                },
                {"reshape", "(3, 4)", "(5, 2)"}}},
});

static const bool slice_rows_case = add_case({
    .name = "slice_rows: all rows but the first and last, and one row twice",
    .inputs = {{5, 3}},
    .run =
        [](const Vars& x) {
          const Var& a = x[0];
          return concat({slice_rows(a, 1, a.dim(0) - 1), slice_rows(a, 0, 2), slice_rows(a, 2, 2)}, 0);
        },
    .sizes = {{{2, 1}}, {{33, 31}}, {{9, 0}}},
    .errors = {{[] {
                  slice_rows(Var(zeros({3, 4})), 2, 5);
                },
                {"slice", "(3, 4)", "5"}}},
});

static const bool permute_case = add_case({
    .name = "permute: runs (B, N, heads, D) to (B, heads, N, D)",
    .inputs = {{2, 3, 4, 5}},
    .run =
        [](const Vars& x) {
          return permute(x[0], {0, 2, 1, 3});
        },
    .sizes = {{{1, 1, 1, 1}}, {{2, 0, 3, 4}}, {{2, 31, 33, 17}}, {{1, 257, 5, 64}}},
    .errors = {{[] {
                  permute(Var(zeros({3, 4})), {0, 0});
                },
                {"permute", "(3, 4)", "{0, 0}"}},
               {[] {
                  permute(Var(zeros({3, 4})), {0, 2});
                },
                {"permute", "(3, 4)", "{0, 2}"}},
               {[] {
                  permute(Var(zeros({3, 4})), {0});
                },
                {"permute", "(3, 4)", "{0}"}}},
    .bench_inputs = {{4, 1936, 8, 64}},
    .bytes = 2. * 4 * 1936 * 8 * 64 * 4,
});

static const bool transpose_case = add_case({
    .name = "permute: channels first to channels last",
    .inputs = {{2, 5, 3, 4}},
    .run =
        [](const Vars& x) {
          return permute(x[0], {0, 2, 3, 1});
        },
    .sizes = {{{1, 3, 1, 257}}, {{2, 33, 31, 3}}, {{2, 64, 8, 8}}, {{3, 0, 2, 2}}},
    .bench_inputs = {{4, 256, 64, 64}},
    .bytes = 2. * 4 * 256 * 64 * 64 * 4,
});

static const bool reverse_case = add_case({
    .name = "permute: six axes reversed",
    .inputs = {{2, 3, 2, 3, 2, 2}},
    .run =
        [](const Vars& x) {
          return permute(x[0], {5, 4, 3, 2, 1, 0});
        },
    .sizes = {{{1, 33, 1, 2, 1, 31}}, {{2, 2, 5, 2, 2, 65}}},
});

static const bool concat_case = add_case({
    .name = "concat: along the channels",
    .inputs = {{2, 3, 4}, {2, 3, 1}, {2, 3, 7}},
    .run = [](const Vars& x) { return concat(x, -1); },
    .sizes = {{{33, 1, 64}, {33, 1, 1}, {33, 1, 0}},
              {{0, 3, 4}, {0, 3, 1}, {0, 3, 7}},
              {{257, 5, 31}, {257, 5, 33}, {257, 5, 64}}},
    .errors = {{[] {
                  concat(Vars{Var(zeros({2, 3})), Var(zeros({3, 3}))}, 1);
                },
                {"concat", "(2, 3)", "(3, 3)"}},
               {[] { concat(Vars{}, 0); }, {"concat"}},
               {[] {
                  concat(Vars{Var(zeros({2, 3})), Var(zeros({2, 3}, DType::f64))}, 0);
                },
                {"concat", "f32", "f64"}}},
    .bench_inputs = {{4, 7744, 64}, {4, 7744, 128}, {4, 7744, 64}},
    .bytes = 2. * 4 * 7744 * 256 * 4,
});

static const bool concat_rows_case = add_case({
    .name = "concat: along the rows, one part twice",
    .inputs = {{2, 3}, {4, 3}},
    .run =
        [](const Vars& x) {
          return concat({x[0], x[1], x[0]}, 0);
        },
    .sizes = {{{0, 3}, {257, 3}}},
});

static const bool slice_case = add_case({
    .name = "slice",
    .inputs = {{2, 5, 3}},
    .run = [](const Vars& x) { return slice(x[0], 1, 1, x[0].dim(1) - 1) * slice(x[0], -2, 2, x[0].dim(1)); },
    .sizes = {{{1, 2, 1}}, {{2, 33, 31}}, {{3, 257, 16}}},
    .errors = {{[] {
                  slice(Var(zeros({3, 4})), 1, 2, 6);
                },
                {"slice", "(3, 4)", "6"}},
               {[] {
                  slice(Var(zeros({3, 4})), 2, 0, 1);
                },
                {"axis 2", "(3, 4)"}}},
});

static const bool pad_case = add_case({
    .name = "pad",
    .inputs = {{2, 3, 4}},
    .run =
        [](const Vars& x) {
          return pad(x[0], {{0, 0}, {2, 1}, {0, 3}}, 0.5);
        },
    .sizes = {{{1, 1, 1}}, {{2, 0, 3}}, {{5, 33, 31}}},
    .errors = {{[] {
                  pad(Var(zeros({3, 4})), {{1, 1}});
                },
                {"pad", "(3, 4)", "1"}},
               {[] {
                  pad(Var(zeros({3, 4})), {{1, 1}, {-1, 0}});
                },
                {"pad", "(3, 4)", "-1"}}},
});

static const bool flip_case = add_case({
    .name = "flip",
    .inputs = {{2, 5, 3}},
    .run = [](const Vars& x) { return flip(x[0], 1) * flip(x[0], -1); },
    .sizes = {{{1, 1, 1}}, {{2, 0, 3}}, {{5, 33, 31}}},
    .errors = {{[] {
                  flip(Var(zeros({3, 4})), 2);
                },
                {"axis 2", "(3, 4)"}}},
});

static const bool cast_case = add_case({
    .name = "cast: to f64 and back",
    .inputs = {{3, 7}},
    .run = [](const Vars& x) { return cast(square(cast(x[0], DType::f64)), x[0].dtype()); },
    .sizes = {{{0}}, {{1}}, {{31}}, {{257}}},
    .errors = {{[] {
                  cast(Var(zeros({3, 4})), DType::i64);
                },
                {"cast", "f32", "i64"}}},
});

static const bool cast_bf16_case = add_case({
    .name = "cast: through bf16",
    .inputs = {{3, 7}},
    .run = [](const Vars& x) { return cast(cast(x[0], DType::bf16), x[0].dtype()); },
    .bench_inputs = {{4, 7744, 256}},
    .bytes = 12. * 4 * 7744 * 256,
    .except = {{Check::gradient, "rounding is a staircase"}, {Check::bf16, "bf16 through bf16 is the number itself"}},
});

static const bool cast_integers_case = add_case({
    .name = "cast: to integers, past their ends, and back",
    .inputs = {{3, 7}},
    .run =
        [](const Vars& x) {
          const Tensor wide = cast(scale(x[0], 0x1p62).value(), DType::i64),
                       narrow = cast(scale(x[0], 128).value(), DType::u8);
          return Var(concat({cast(wide, x[0].dtype()), cast(narrow, x[0].dtype()),
                             cast(cast(narrow, DType::i64), x[0].dtype()), cast(cast(wide, DType::u8), x[0].dtype())},
                            0));
        },
    .sizes = {{{0}}, {{1}}, {{31}}, {{257}}},
    .except = {{Check::gradient, "a staircase"}},
});

static const bool copy_types_case = add_case({
    .name = "copies of every type",
    .inputs = {{5, 16}},
    .run =
        [](const Vars& x) {
          std::vector<Tensor> out;
          for (DType t : {DType::u8, DType::i64, DType::bf16, DType::f32, DType::f64}) {
            const Tensor v = cast(scale(x[0], 64).value(), t);
            out.push_back(cast(permute(v, {1, 0}).reshape({-1}), x[0].dtype()));
            out.push_back(cast(flip(slice(v, 1, 1, v.dim(1)), 0).reshape({-1}), x[0].dtype()));
          }
          return Var(concat(out, 0));
        },
    .sizes = {{{1, 1}}, {{33, 31}}, {{40, 64}}},
    .except = {{Check::gradient, "a staircase"}},
});

static const bool expand_case = add_case({
    .name = "expand",
    .inputs = {{3, 1, 4}},
    .run =
        [](const Vars& x) {
          return expand(x[0], {2, x[0].dim(0), 5, x[0].dim(2)});
        },
    .sizes = {{{1, 1, 1}}, {{33, 1, 31}}, {{0, 1, 3}}},
    .errors = {{[] {
                  expand(Var(zeros({3, 4})), {4, 3});
                },
                {"expand", "(3, 4)", "(4, 3)"}},
               {[] {
                  expand(Var(zeros({3, 4})), {3, 1});
                },
                {"expand", "(3, 4)", "(3, 1)"}}},
});

static const bool expand_last_case = add_case({
    .name = "expand: along the last axis",
    .inputs = {{3, 1}},
    .run =
        [](const Vars& x) {
          return expand(x[0], {x[0].dim(0), 7});
        },
    .sizes = {{{257, 1}}},
});
