// Tensors: numbers in memory, with a shape.
//
// The idea: a Tensor is a block of memory and a shape, nothing else.  Copying it shares the block; reshape and slice
// are views of the same numbers; everything else is an op that makes new numbers.
// At the end, a few ops compute the lowest frequency of a vibrating string, which is known: 4 sin^2(pi / (2 (n + 1))).
// Next: 02_gradient.cpp.
#include <cmath>
#include <cstdio>
#include <numbers>

#include "tensor/ops/elementwise.h"
#include "tensor/ops/layout.h"
#include "tensor/ops/matmul.h"
#include "tensor/ops/reduce.h"
#include "tensor/random.h"

using namespace camo;

namespace {

void print(const char* name, const Tensor& x) {
  std::printf("%-28s", name);
  for (double v : to_vector<double>(x)) std::printf(" %6.2f", v);
  std::printf("   %s %s\n", text(x.shape()).c_str(), camo::name(x.dtype()));
}

}  // namespace

int main() {
  // Memory and shape.  from<T> takes the numbers row by row.
  Tensor a = from<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  print("a", a);
  print("a.reshape({3, 2})", a.reshape({3, 2}));  // a view of the same block
  print("a.slice(1, 2)", a.slice(1, 2));          // a view of its second row

  // A copy shares the block; clone() copies the numbers.  write() is the only way to change them.
  Tensor alias = a, copy = a.clone();
  alias.write<float>()[0] = 100;
  print("a after writing its alias", a);
  print("its clone", copy);

  // Ops make new tensors.  Shapes broadcast as in numpy: here a row is added to every row.
  print("a + (10, 20, 30)", a + from<float>({10, 20, 30}, {3}));
  print("sum over axis 0", sum(a, {0}));
  print("mean of all", mean(a));
  print("permute(a, {1, 0})", permute(a, {1, 0}));       // copies: there are no strides
  print("a in bf16", cast(a * (1.0 / 3), DType::bf16));  // 8 significant bits

  // An error states the rule and what the op got.
  try {
    matmul(a, a);
  } catch (const ShapeError& error) {
    std::printf("matmul(a, a) throws:  %s\n", error.what());
  }

  // A string of n beads: each is pulled toward its two neighbours, (S x)_i = 2 x_i - x_{i-1} - x_{i+1}.
  constexpr int64_t n = 30;
  Tensor S = zeros({n, n}, DType::f64);
  for (int64_t i = 0; i < n; ++i) {
    S.write<double>()[i * n + i] = 2;
    if (i > 0) S.write<double>()[i * n + i - 1] = S.write<double>()[(i - 1) * n + i] = -1;
  }

  // The largest eigenvalue of 4 - S belongs to the lowest frequency.  Repeated multiplication of a random vector by (4
  // - S) leaves the eigenvector that grows fastest; squaring the matrix 16 times multiplies 65536 times.
  Tensor power = S * -1;
  for (int64_t i = 0; i < n; ++i) power.write<double>()[i * n + i] += 4;
  for (int i = 0; i < 16; ++i) {
    power = matmul(power, power);
    power = power * (1 / item(max(power)));  // only the direction matters
  }
  Tensor tone = matmul(power, randn({n, 1}, /*seed=*/1, DType::f64));
  const double length2 = sum_of_squares(tone);
  const double found = item(sum(tone * matmul(S, tone))) / length2;
  const double known = 4 * std::pow(std::sin(std::numbers::pi / (2 * (n + 1))), 2);

  std::printf("\nthe lowest tone of a string of %d beads:\n", int(n));
  Tensor shape = tone * (30 / item(max(abs(tone))));
  for (int64_t i = 0; i < n; i += 3) std::printf("  %*s*\n", int(std::abs(shape.read<double>()[i])), "");
  std::printf("eigenvalue found %.10f, known %.10f\n", found, known);
  const bool good = std::abs(found - known) < 1e-9;
  std::printf("%s\n", good ? "agreed to 1e-9" : "they do NOT agree");
  return good ? 0 : 1;
}
