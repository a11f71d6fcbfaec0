// Matrix products: matmul, linear, and linear for groups of rows.  The CPU kernels are in tensor/cpu/kernels/gemm.h.
#pragma once

#include <array>

#include "tensor/tensor.h"

namespace camo {

enum class Trans : uint8_t { no, yes };
enum class Act : uint8_t { none, relu, gelu };

/// a (..., M, K) x b (..., K, N) -> (..., M, N); with Trans::yes the last two axes of that operand are swapped.
/// The leading axes are equal, or one operand has none and is used in every product (if b, rows of a fold into M).
/// a and b have the same dtype, or a is bf16 and b f32.  The result has the dtype of a.
Tensor matmul(const Tensor& a, const Tensor& b, Trans ta = Trans::no, Trans tb = Trans::no);
/// Its gradients, each in the shape and dtype of its operand.
Tensor matmul_left_grad(const Tensor& dy, const Tensor& b, Trans ta, Trans tb, const Shape& a_shape, DType a_type);
Tensor matmul_right_grad(const Tensor& dy, const Tensor& a, Trans ta, Trans tb, const Shape& b_shape, DType b_type);

/// act(x W^T + b): x (..., I); weight (O, I) and bias (O) or undefined, in acc_dtype(x) -> (..., O) in the dtype of x.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Act act = Act::none);
/// Gradients of x W^T + b: dy W in the dtype of dy, and dy^T x in that of the weight.  The one of b is column_sums(dy).
Tensor linear_input_grad(const Tensor& dy, const Tensor& weight);
Tensor linear_weight_grad(const Tensor& dy, const Tensor& x);
/// Column sums: x (..., C) -> (C) in acc_dtype, in fixed chunks.  This is the gradient of every bias.
Tensor column_sums(const Tensor& x);

/// linear for groups of rows of any sizes, each with its own matrix, for experts that are MLPs over routed rows.
/// y[r] = weight[e] x[r] + bias[e] for r in [begin[e], begin[e+1]):  x (R, I), weight (E, O, I), bias
/// (E, O) or undefined.
Tensor grouped_linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const std::vector<int64_t>& begin);

struct GroupedLinearGrads {
  Tensor dx, dweight, dbias;
};
/// Its gradients, each only if wanted; an expert without rows gets zeros.
GroupedLinearGrads grouped_linear_backward(const Tensor& dy, const Tensor& x, const Tensor& weight,
                                           const std::vector<int64_t>& begin, bool want_x, bool want_weight,
                                           bool want_bias);

/// The processor's instructions for products of bf16 numbers.  They round the second operand to bf16 and sum in f32.
///   off    none: bf16 is widened and all arithmetic is f32; the default
///   pairs  vectors of pairs of neighbouring k (AVX512-BF16)
///   tiles  tiles of 16 x 16 sums (AMX)
/// The choice changes results in the last digits of bf16, so a run records it.
enum class Bf16Units { off, pairs, tiles };
constexpr auto names_of(Bf16Units) { return std::array{"off", "pairs", "tiles"}; }
Bf16Units bf16_units();
/// Returns false, and changes nothing, if this build or this processor has no such instructions.
bool use_bf16_units(Bf16Units units);
/// Measures for a few milliseconds which is the fastest here.  On some processors that is off.
Bf16Units fastest_bf16_units();

/// Whether a GPU may multiply f32 numbers on its tensor cores (TF32), which keep 10 bits of the
/// fraction; sums stay f32.
/// Off by default; a run records it.  The CPU ignores it.
bool tf32();
void use_tf32(bool on);

namespace kernel {
/// y (batch, M, N) = op(a) op(b); an operand of rank 2 is used in every product.
/// y has the dtype of a; with ta it has acc_dtype(a), and tb must be no.
void matmul(Cpu, const Tensor& a, const Tensor& b, Trans ta, Trans tb, Tensor y);
void matmul(Cuda, const Tensor& a, const Tensor& b, Trans ta, Trans tb, Tensor y);
void linear(Cpu, const Tensor& x, const Tensor& weight, const Tensor& bias, Act act, Tensor y);
void linear(Cuda, const Tensor& x, const Tensor& weight, const Tensor& bias, Act act, Tensor y);
/// dx (R, I) = dy W, and dweight (O, I) = dy^T x.
void linear_input_grad(Cpu, const Tensor& dy, const Tensor& weight, Tensor dx);
void linear_input_grad(Cuda, const Tensor& dy, const Tensor& weight, Tensor dx);
void linear_weight_grad(Cpu, const Tensor& dy, const Tensor& x, Tensor dweight);
void linear_weight_grad(Cuda, const Tensor& dy, const Tensor& x, Tensor dweight);
void column_sums(Cpu, const Tensor& x, Tensor sums);
void column_sums(Cuda, const Tensor& x, Tensor sums);
}  // namespace kernel

}  // namespace camo
