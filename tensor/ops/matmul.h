// Matrix products: matmul, linear, and linear for groups of rows.  The CPU engine is tensor/cpu/kernels/gemm.h.
#pragma once

#include "tensor/tensor.h"

namespace camo {

enum class Trans : uint8_t { no, yes };
enum class Act : uint8_t { none, relu, gelu };

/// a (..., M, K) x b (..., K, N) -> (..., M, N); Trans::yes reads an operand's last two axes swapped.
/// Leading axes are equal, or one operand has none and serves every product (b's rows then fold into M).
/// a and b have one dtype, or a is bf16 and b f32.  The result is in a's dtype.
Tensor matmul(const Tensor& a, const Tensor& b, Trans ta = Trans::no, Trans tb = Trans::no);
/// Its gradients, in the shape and dtype of the operand that they belong to.
Tensor matmul_left_grad(const Tensor& dy, const Tensor& b, Trans ta, Trans tb, const Shape& a_shape, DType a_type);
Tensor matmul_right_grad(const Tensor& dy, const Tensor& a, Trans ta, Trans tb, const Shape& b_shape, DType b_type);

/// act(x W^T + b): x (..., I), weight (O, I), bias (O) or undefined, both in acc_dtype(x) -> (..., O) like x.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Act act = Act::none);
/// dy W, like dy, and dy^T x in the weight's dtype: gradients of x W^T + b.  That of b is column_sums(dy).
Tensor linear_input_grad(const Tensor& dy, const Tensor& weight);
Tensor linear_weight_grad(const Tensor& dy, const Tensor& x);
/// Column sums: x (..., C) -> (C) in acc_dtype, fixed chunks.  The gradient of every bias.
Tensor column_sums(const Tensor& x);

/// linear for uneven groups of rows, each with a matrix of its own: experts that are MLPs over routed rows.
/// y[r] = weight[e] x[r] + bias[e] for r in [begin[e], begin[e+1]):  x (R, I), weight (E, O, I), bias (E, O)
/// or undefined.
Tensor grouped_linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const std::vector<int64_t>& begin);

struct GroupedLinearGrads {
  Tensor dx, dweight, dbias;
};
/// Its gradients, each only if wanted; an expert without rows gets zeros.
GroupedLinearGrads grouped_linear_backward(const Tensor& dy, const Tensor& x, const Tensor& weight,
                                           const std::vector<int64_t>& begin, bool want_x, bool want_weight,
                                           bool want_bias);

/// Whether products of bf16 numbers run on the processor's bf16 units: second operands rounded to bf16, two k
/// at a time, sums in f32.  Off at start: then bf16 is widened and all arithmetic is f32.  The choice changes
/// results in the last places of bf16, so a run records it.  Switching it on does nothing where the processor
/// has no such units.
bool bf16_units();
void use_bf16_units(bool on);
/// Measures for a few milliseconds whether the units are faster than f32 here (on some processors they are
/// not).
bool bf16_units_pay();

/// Whether a GPU may multiply f32 numbers on its tensor cores, which keep 10 bits of their fractions; sums stay f32.  Off
/// at start; a run records it.  The CPU takes no notice.
bool tf32();
void use_tf32(bool on);

namespace kernel {
/// y (batch, M, N) = op(a) op(b), `batch` products; a or b of rank 2 is the same in each.
/// y is like a; with ta it is in acc_dtype(a), and tb is no.
void matmul(Cpu, const Tensor& a, const Tensor& b, Trans ta, Trans tb, Tensor y);
void matmul(Cuda, const Tensor& a, const Tensor& b, Trans ta, Trans tb, Tensor y);
void linear(Cpu, const Tensor& x, const Tensor& weight, const Tensor& bias, Act act, Tensor y);
void linear(Cuda, const Tensor& x, const Tensor& weight, const Tensor& bias, Act act, Tensor y);
/// dx (R, I) = dy W  and  dweight (O, I) = dy^T x.
void linear_input_grad(Cpu, const Tensor& dy, const Tensor& weight, Tensor dx);
void linear_input_grad(Cuda, const Tensor& dy, const Tensor& weight, Tensor dx);
void linear_weight_grad(Cpu, const Tensor& dy, const Tensor& x, Tensor dweight);
void linear_weight_grad(Cuda, const Tensor& dy, const Tensor& x, Tensor dweight);
void column_sums(Cpu, const Tensor& x, Tensor sums);
void column_sums(Cuda, const Tensor& x, Tensor sums);
}  // namespace kernel

}  // namespace camo
