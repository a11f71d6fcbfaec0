// RMSNorm as a layer: y = x / sqrt(mean(x^2) + 1e-6) times a gain, row by row; the mean is over the last axis.
//
// The functions that you need are in autograd/ops.h: square, mean(x, {-1}, /*keep=*/true), rsqrt, and products that
// broadcast.  All gradients follow from them.  x may be bf16 while the gain is f32: cast(gain, x.dtype()).
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "nn/checking/layer_case.h"
#include "nn/init.h"

namespace camo::exercises::nn_01 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/nn/01_solution.cpp"
#else
struct RmsNorm : nn::Module {
  Var& gain;
  RmsNorm(nn::Scope s, int64_t dim)
      : Module(std::move(s)), gain(parameter("gain", {dim}, nn::constant(1), {.decay = false})) {}
  Var forward(const Var& x) {
    (void)x;
    todo("RmsNorm::forward(x): one line");
  }
};
#endif

static void check() {
  RmsNorm norm(nn::Scope{.seed = 1}, 2);
  const Tensor y = norm.forward(Var(from<float>({3, 4}, {1, 2}))).value();
  expect(y.shape() == Shape{1, 2}, "The result has the shape of x, yours has ", y.shape(),
         ". Keep the axis in mean().");
  const double root = std::sqrt(12.5);
  expect(test::largest_difference(y, std::vector<double>{3 / root, 4 / root}) < 1e-5,
         "(3, 4) becomes (3, 4) / sqrt(12.5): the mean of the squares is 12.5.");
  const test::LayerCase layer{
      .name = "RmsNorm", .make = test::layer<RmsNorm>(6), .inputs = {{2, 5, 6}}, .output = {2, 5, 6}};
  for (const std::string& failure : test::failures(layer)) expect(false, failure);
}

static const bool added = add_exercise({"nn/01", "Write a layer and pass its seven checks.", check});

}  // namespace camo::exercises::nn_01
