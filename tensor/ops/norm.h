// Layer norm and batch norm over (..., C).
#pragma once

#include "tensor/tensor.h"

namespace camo {

struct LayerNormOut { Tensor y, mean, rstd; };  // mean, rstd (R), acc_dtype
LayerNormOut layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double eps);
struct NormGrads { Tensor dx, dgain, dbias; };
NormGrads layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gain, const Tensor& mean, const Tensor& rstd);

struct BatchStats { Tensor mean, variance; };   // (C), acc_dtype; variance is biased
/// Statistics over all axes but the last.
BatchStats batch_stats(const Tensor& x);
/// (x - mean) / sqrt(variance + eps) * gain + bias
Tensor batch_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, const BatchStats& stats, double eps);
/// from_batch: the statistics came from x itself and share in the gradient.
NormGrads batch_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gain, const BatchStats& stats, double eps, bool from_batch);

}  // namespace camo
