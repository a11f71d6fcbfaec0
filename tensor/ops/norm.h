// Layer norm and batch norm over (..., C).
//
// x is f32, f64 or bf16; gain, bias, statistics and their gradients are in acc_dtype(x).
#pragma once

#include "tensor/tensor.h"

namespace camo {

struct LayerNormOut {
  Tensor y, mean, rstd;
};  // mean, rstd (R), acc_dtype
/// Per row: (x - mean) / sqrt(biased variance + eps) * gain + bias.
LayerNormOut layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double eps);
struct NormGrads {
  Tensor dx, dgain, dbias;
};
NormGrads layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gain, const Tensor& mean,
                              const Tensor& rstd);

struct BatchStats {
  Tensor mean, variance;
};  // (C), acc_dtype; variance is biased
/// Statistics over all axes but the last.
BatchStats batch_stats(const Tensor& x);
/// (x - mean) / sqrt(variance + eps) * gain + bias.
Tensor batch_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, const BatchStats& stats, double eps);
/// from_batch: the statistics were computed from x, so the gradient also passes through them.
NormGrads batch_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gain, const BatchStats& stats,
                              double eps, bool from_batch);

namespace kernel {
void layer_norm(Cpu, const Tensor& x, const Tensor& gain, const Tensor& bias, double eps, LayerNormOut& out);
void layer_norm(Cuda, const Tensor& x, const Tensor& gain, const Tensor& bias, double eps, LayerNormOut& out);
void layer_norm_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& gain, const Tensor& mean,
                         const Tensor& rstd, NormGrads& out);
void layer_norm_backward(Cuda, const Tensor& dy, const Tensor& x, const Tensor& gain, const Tensor& mean,
                         const Tensor& rstd, NormGrads& out);
void batch_stats(Cpu, const Tensor& x, BatchStats& out);
void batch_stats(Cuda, const Tensor& x, BatchStats& out);
void batch_norm(Cpu, const Tensor& x, const Tensor& gain, const Tensor& bias, const BatchStats& stats, double eps,
                Tensor y);
void batch_norm(Cuda, const Tensor& x, const Tensor& gain, const Tensor& bias, const BatchStats& stats, double eps,
                Tensor y);
void batch_norm_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& gain, const BatchStats& stats,
                         double eps, bool from_batch, NormGrads& out);
void batch_norm_backward(Cuda, const Tensor& dy, const Tensor& x, const Tensor& gain, const BatchStats& stats,
                         double eps, bool from_batch, NormGrads& out);
}  // namespace kernel

}  // namespace camo
