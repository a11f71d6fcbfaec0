// Memory: who owns a block, what an op allocates, what a graph keeps.
//
// The idea: a Tensor is a pointer to a shared block, an offset and a shape.  So bytes can be counted, and this program counts
// them: of views, of one addition, and of what three ops keep for their backward pass.
// Read beside it: tensor/1_memory.md.  Next: 08_layer.cpp.
#include <cstdio>

#include "autograd/debug.h"
#include "autograd/ops.h"
#include "tensor/memory/allocator.h"
#include "tensor/random.h"

using namespace camo;

namespace {

bool g_good = true;

/// Prints a line, and notes whether the number is the one that the chapter predicts.
void expect(const char* what, int64_t got, int64_t predicted) {
  std::printf("  %-52s %8lld\n", what, (long long)got);
  if (got != predicted) std::printf("  ^ the chapter predicts %lld\n", (long long)predicted), g_good = false;
}

void views() {
  std::printf("two views of one block\n");
  // [views]
  Tensor a = from<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  Tensor row = a.slice(1, 2), tall = a.reshape({3, 2});  // no number moves
  Tensor copy = a.clone();
  row.write<float>()[0] = 40;
  // [/views]
  expect("a[1][0] after a write through row", int64_t(a.read<float>()[3]), 40);
  expect("tall[1][1], the same number", int64_t(tall.read<float>()[3]), 40);
  expect("copy[1][0]", int64_t(copy.read<float>()[3]), 4);
  expect("a and row share a block", a.storage() == row.storage(), 1);
  expect("a is its block's only owner", a.unique(), 0);
  expect("writes that the block has counted", int64_t(tall.version()), 2);  // from() is the first
  a = tall = Tensor();
  expect("row is, once a and tall are gone", row.unique(), 1);
}

void one_addition() {
  std::printf("\none addition\n");
  // [addition]
  Tensor a = ones({1000}), b = ones({1000});
  const MemoryStats before = memory_stats();
  Tensor y = add(a, b);
  const MemoryStats after = memory_stats();
  // [/addition]
  expect("blocks that were allocated", after.allocations - before.allocations, 1);
  expect("bytes in use beyond those of a and b", after.in_use - before.in_use, 4032);  // 4000, in whole lines of 64
  const void* where = y.raw();
  y = Tensor();
  expect("the next one takes the same block", add(a, b).raw() == where, 1);
  expect("bytes taken from the system meanwhile", memory_stats().reserved - before.reserved, 0);
}

void what_a_graph_keeps() {
  std::printf("\nwhat a graph keeps: y = gelu(x W^T + b) V^T, x (500, 64), W (256, 64), V (64, 256)\n");
  // [keeps]
  Var x(randn({500, 64}, 1)), W = Var::leaf(randn({256, 64}, 2)), b = Var::leaf(randn({256}, 3));
  Var V = Var::leaf(randn({64, 256}, 4));
  Var h = linear(x, W, b), g = gelu(h), y = linear(g, V);
  for (const auto& [op, bytes] : debug::bytes_kept_by_op(y))
    std::printf("  %-52s %8lld\n", op.c_str(), (long long)bytes);
  // [/keeps]
  // First linear: x for dW (128,000).  gelu: h (512,000).  Second linear: V for dg (65,536); g is computed again from h.
  expect("together", debug::bytes_kept(y), 4 * (500 * 64 + 500 * 256 + 64 * 256));
  expect(
      "in evaluation",
      [&] {
        NoGrad no_grad;
        return debug::bytes_kept(linear(gelu(linear(x, W, b)), V));
      }(),
      0);
}

void a_write_too_many() {
  std::printf("\na tensor that the backward pass needs is written\n");
  // [written]
  Tensor numbers = randn({4, 4}, 1);
  Var x(numbers), W = Var::leaf(randn({4, 4}, 2));
  Var loss = mean(matmul(x, W));
  numbers.write<float>()[0] = 0;
  try {
    backward(loss);
  } catch (const GraphError& error) {
    std::printf("  %s\n", error.what());
    return;
  }
  // [/written]
  g_good = false;
}

}  // namespace

int main() {
  views();
  one_addition();
  what_a_graph_keeps();
  a_write_too_many();
  std::printf("\n%s\n", g_good ? "every number is as predicted" : "NOT as predicted");
  return g_good ? 0 : 1;
}
