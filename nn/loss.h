// Losses of segmentation.  The per-element ones are ops: bce_with_logits, cross_entropy in autograd/ops.h.
#pragma once

#include "autograd/ops.h"

namespace camo::nn {

/// Weighted cross entropy plus weighted IoU, each per image, then the mean over images.  Pixels near a
/// boundary count up to 6 times: weight = 1 + 5 |mean of t over window x window - t|.  The IoU term
///   1 - (sum w p t + 1) / (sum w (p + t) - sum w p t + 1)
/// is 0 for an empty prediction of an empty mask.  logits, target (B, H, W, 1), target in [0, 1]; window odd.
/// Wei, Wang, Huang 2020, "F3Net", arXiv:1911.11445, section 3.3.
Var structure_loss(const Var& logits, const Tensor& target, int64_t window = 31);

/// Deep supervision: structure loss of a smaller map against the target averaged down to its size.  The window
/// that calls a pixel a boundary shrinks with the map, down to 3 x 3.  logits (B, h, w, 1), target (B, H, W, 1).
Var side_loss(const Var& logits, const Tensor& target);

/// mean(e / u + log u), e the cross entropy of a pixel: least at u = e, so u learns the error to expect, and pixels that
/// are known to be hard pull less.  The caller bounds u > 0 from below, and so log u.  All (B, H, W, 1).
/// Kendall, Gal 2017, arXiv:1703.04977, section 3.
Var uncertainty_loss(const Var& logits, const Var& u, const Tensor& target);

}  // namespace camo::nn
