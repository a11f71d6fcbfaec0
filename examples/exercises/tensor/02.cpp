// How many bytes does a block keep for its backward pass?
//
//   x (100, 64) is a leaf; W1 (256, 64), W2 (64, 256) and their biases are leaves; all f32
//   y = x + linear(gelu(linear(layer_norm(x), W1, b1)), W2, b2)
//
// An addition keeps nothing.  A layer norm keeps its input, two numbers for each row, and its gain and bias (64 numbers
// each).  What is cheap is computed again: no product keeps the result of a norm or of gelu.
#include "autograd/debug.h"
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "tensor/random.h"

namespace camo::exercises::tensor_02 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/tensor/02_solution.cpp"
#else
int64_t predicted_bytes() { todo("predicted_bytes(): the sum over all closures"); }
#endif

static void check() {
  auto leaf = [](Shape s, uint64_t seed) { return Var::leaf(randn(s, seed)); };
  const Var x = leaf({100, 64}, 1), gain = leaf({64}, 2), bias = leaf({64}, 3), W1 = leaf({256, 64}, 4),
            b1 = leaf({256}, 5), W2 = leaf({64, 256}, 6), b2 = leaf({64}, 7);
  const Var y = x + linear(gelu(linear(layer_norm(x, gain, bias, 1e-6), W1, b1)), W2, b2);
  const auto kept = debug::bytes_kept_by_op(y);
  const int64_t all = debug::bytes_kept(y), said = predicted_bytes();
  expect(said != all - kept.at("layer_norm"), "The layer norm keeps something too.");
  expect(said != all + 4 * 100 * 64, "The first product does not keep the normalised rows: they are computed again.");
  expect(said != all + 4 * 100 * 256, "The second product does not keep what gelu gave: it is computed again.");
  expect(said == all, "It is more or less: layer_norm ", kept.at("layer_norm"), ", gelu and the products the rest.");
}

static const bool added = add_exercise({"tensor/02", "Predict the bytes that a block keeps.", check});

}  // namespace camo::exercises::tensor_02
