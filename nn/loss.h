// Losses for segmentation.  All take logits (B, H, W, 1) and a target of the same shape in [0, 1]; f32 or f64.
//
// Each returns a scalar: the mean over images of the loss per image, so an image counts the same whatever the size of
// its object.  p = sigmoid(logits), t = target, e = bce_with_logits, the cross entropy per pixel.  Ratios have a 1
// added to numerator and denominator, which acts like one more correct pixel: with it an empty mask has a best answer
// (nothing) and a gradient toward it.  The border of the picture is not an edge: pixels beyond it are unknown, not
// background (only structure_loss treats them as background, as its source does).
// All are compositions of the ops in autograd/ops.h.  moe/loss.h says which of them the networks add up.
#pragma once

#include "autograd/ops.h"

namespace camo::nn {

/// The mean of e.
Var bce_loss(const Var& logits, const Tensor& target);

/// Weighted cross entropy plus weighted IoU.  Pixels near a boundary count up to 6 times:
/// weight = 1 + 5 |mean of t over window x window - t|.  The IoU term is
///   1 - (sum w p t + 1) / (sum w (p + t) - sum w p t + 1)
/// It is 0 for an empty prediction of an empty mask.  window must be odd.
/// Wei, Wang, Huang 2020, "F3Net", arXiv:1911.11445, section 3.3.
Var structure_loss(const Var& logits, const Tensor& target, int64_t window = 31);

// ---- overlap ----------------------------------------------------------------------------------------------

/// 1 - (hit + 1) / (hit + extra * false alarms + missed * misses + 1).  The sums are: hit p t, false alarms p (1 - t),
/// misses (1 - p) t.  By default misses weigh more.  Salehi, Erdogmus, Gholipour 2017, arXiv:1706.05721.
Var tversky_loss(const Var& logits, const Tensor& target, double extra = 0.3, double missed = 0.7);
/// The Tversky loss to the power 1 / gamma, so that images that are nearly right have relatively larger gradients.
/// gamma as in Abraham, Khan 2019, arXiv:1810.07842.
Var focal_tversky_loss(const Var& logits, const Tensor& target, double extra = 0.3, double missed = 0.7,
                       double gamma = 4.0 / 3);
/// Intersection over union: both kinds of error have weight 1.
inline Var iou_loss(const Var& logits, const Tensor& target) { return tversky_loss(logits, target, 1, 1); }
/// Dice: both kinds of error have weight 1/2.  Milletari, Navab, Ahmadi 2016, arXiv:1606.04797.
inline Var dice_loss(const Var& logits, const Tensor& target) { return tversky_loss(logits, target, 0.5, 0.5); }

// ---- edges and structure ----------------------------------------------------------------------------------

/// Mean of (G(p) - G(t))^2, where G is the Sobel gradient magnitude, scaled to 1 at a straight step from 0 to 1.
/// The map continues beyond the border with its outermost pixels.  An inverted map has the same edges, so this loss
/// must not stand alone.
Var edge_loss(const Var& logits, const Tensor& target);

/// Dilation minus erosion by a window x window square: 1 within window / 2 pixels of an object's outline, on
/// both sides, else 0.  Only the part of the square inside the picture counts, so an object cut by the border
/// has no outline there.
/// target (B, H, W, 1); window must be odd.  Serra 1982, "Image analysis and mathematical morphology".
Tensor morphological_gradient(const Tensor& target, int64_t window);
/// The cross entropy along the outline: (sum g e + mean e) / (sum g + 1), with g the morphological
/// gradient of the target.
/// If the mask has no outline (empty or full), this is the mean over all pixels.
Var boundary_loss(const Var& logits, const Tensor& target, int64_t window = 5);

/// 1 - mean SSIM of p and t.  Gaussian window of 11 x 11, sigma 1.5; at the border only its part inside
/// the picture counts.
///   SSIM = (2 mu_p mu_t + C1) (2 cov_pt + C2) / ((mu_p^2 + mu_t^2 + C1) (var_p + var_t + C2)),  C1 0.01^2, C2 0.03^2
/// Wang, Bovik, Sheikh, Simoncelli 2004, "Image quality assessment: from error visibility to structural similarity".
Var ssim_loss(const Var& logits, const Tensor& target);

// ---- maps beside the logits -------------------------------------------------------------------------------

/// Deep supervision: the structure loss of a smaller map against the target averaged down to its size.  The window that
/// defines boundary pixels shrinks with the map, down to 3 x 3.  logits (B, h, w, 1), target (B, H, W, 1).
Var side_loss(const Var& logits, const Tensor& target);

/// Mean of (e + f) / (u + f) + log((u + f) / f) - 1, with f = 0.05 and u (B, H, W, 1) >= 0.
/// For a given e the minimum is at u = e, so u learns the expected error, and pixels known to be hard get smaller
/// gradients.  The value there is log(1 + e / f), which grows with e, so making errors never pays.  f bounds the loss
/// from below by 0, reached only for e = u = 0.
/// For f -> 0 it is the attenuation e / u + log u of Kendall, Gal 2017, arXiv:1703.04977, section 3, which
/// has no lower bound.
Var uncertainty_loss(const Var& logits, const Var& u, const Tensor& target);

}  // namespace camo::nn
