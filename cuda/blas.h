// Matrix products on the GPU.  Implemented by gpu/blas.cpp (cuBLASLt) and by emulate/blas.cpp (plain
// loops, the definition).
#pragma once

#include "tensor/dtype.h"
#include "tensor/ops/matmul.h"

namespace camo::cuda {

/// y (batch, M, N) = act(op(a) op(b) + bias), all row-major.  With Trans::yes, op swaps the last two
/// axes of its operand.
struct Gemm {
  int64_t batch = 1, M = 0, N = 0, K = 0;
  Trans ta = Trans::no, tb = Trans::no;
  DType in = DType::f32, out = DType::f32;  // in: of a and b; out: of y.  f32, f64, bf16 -> bf16 or f32
  const void *a = nullptr, *b = nullptr;
  void* y = nullptr;
  int64_t step_a = 0, step_b = 0, step_y = 0;  // elements between operands of two products; 0: the same operand
  const void* bias = nullptr;                  // (N) in the dtype of y, or null
  Act act = Act::none;                         // none or relu
};
/// K = 0 gives zeros.  f32 is computed in f32 unless use_tf32(true); sums of bf16 are in f32.
/// Returns false if bias or act were asked for but the library has no such kernel.  y is then the product alone, and
/// the caller adds them.
bool gemm(Cuda where, const Gemm& g);

}  // namespace camo::cuda
