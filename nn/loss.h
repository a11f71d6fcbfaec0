// Losses of segmentation, all of logits (B, H, W, 1) against a target of the same shape in [0, 1]; f32 or f64.
//
// Each is a number (): the mean over images of the image's own loss, so an image counts the same whatever the size
// of its object.  p = sigmoid(logits), t = target, e = bce_with_logits, the cross entropy of a pixel.  Ratios carry
// a 1 above and below: one more pixel that is right, so that an empty mask has a best answer (nothing) and a slope
// toward it.  The frame of the picture is no edge: what lies beyond is unknown, not background (structure_loss alone
// follows its source, which takes it for background).
// Compositions of the ops in autograd/ops.h; what the network adds up: moe/loss.h.
#pragma once

#include "autograd/ops.h"

namespace camo::nn {

/// Mean of e.
Var bce_loss(const Var& logits, const Tensor& target);

/// Weighted cross entropy plus weighted IoU.  Pixels near a boundary count up to 6 times:
/// weight = 1 + 5 |mean of t over window x window - t|.  The IoU term
///   1 - (sum w p t + 1) / (sum w (p + t) - sum w p t + 1)
/// is 0 for an empty prediction of an empty mask.  window odd.
/// Wei, Wang, Huang 2020, "F3Net", arXiv:1911.11445, section 3.3.
Var structure_loss(const Var& logits, const Tensor& target, int64_t window = 31);

// ---- overlap ----------------------------------------------------------------------------------------------

/// 1 - (hit + 1) / (hit + extra * false alarms + missed * misses + 1), of the sums hit = p t, false alarms
/// p (1 - t), misses (1 - p) t.  Salehi, Erdogmus, Gholipour 2017, arXiv:1706.05721: misses weigh more.
Var tversky_loss(const Var& logits, const Tensor& target, double extra = 0.3, double missed = 0.7);
/// The same to the power 1 / gamma: images that are nearly right pull relatively harder.
/// Abraham, Khan 2019, arXiv:1810.07842, with their gamma.
Var focal_tversky_loss(const Var& logits, const Tensor& target, double extra = 0.3, double missed = 0.7,
                       double gamma = 4.0 / 3);
/// Intersection over union: both errors weigh 1.
inline Var iou_loss(const Var& logits, const Tensor& target) { return tversky_loss(logits, target, 1, 1); }
/// Both errors weigh 1/2.  Milletari, Navab, Ahmadi 2016, arXiv:1606.04797.
inline Var dice_loss(const Var& logits, const Tensor& target) { return tversky_loss(logits, target, 0.5, 0.5); }

// ---- edges and structure ----------------------------------------------------------------------------------

/// Mean of (G(p) - G(t))^2, G the magnitude of the Sobel slopes, 1 at a straight step from 0 to 1; the map continues
/// beyond the frame as it ends.  Sees edges only: an inverted map has the same, so it never stands alone.
Var edge_loss(const Var& logits, const Tensor& target);

/// Dilation minus erosion by a window x window square: 1 within window / 2 pixels of an object's outline, on both
/// sides, else 0.  The part of the square inside the picture counts, so an object cut by the frame has no outline
/// there.  target (B, H, W, 1), window odd.  Serra 1982, "Image analysis and mathematical morphology".
Tensor morphological_gradient(const Tensor& target, int64_t window);
/// (sum g e + mean e) / (sum g + 1), g the morphological gradient of the target: the cross entropy along the outline.
/// The average pixel stands in for it in a mask without one, empty or full.
Var boundary_loss(const Var& logits, const Tensor& target, int64_t window = 5);

/// 1 - mean SSIM of p and t, Gaussian window of 11 x 11, sigma 1.5; at the frame the part of it inside the picture.
///   SSIM = (2 mu_p mu_t + C1) (2 cov_pt + C2) / ((mu_p^2 + mu_t^2 + C1) (var_p + var_t + C2)),  C1 0.01^2, C2 0.03^2
/// Wang, Bovik, Sheikh, Simoncelli 2004, "Image quality assessment: from error visibility to structural similarity".
Var ssim_loss(const Var& logits, const Tensor& target);

// ---- maps beside the logits -------------------------------------------------------------------------------

/// Deep supervision: structure loss of a smaller map against the target averaged down to its size.  The window
/// that calls a pixel a boundary shrinks with the map, down to 3 x 3.  logits (B, h, w, 1), target (B, H, W, 1).
Var side_loss(const Var& logits, const Tensor& target);

/// Mean of (e + f) / (u + f) + log((u + f) / f) - 1, f = 0.05: for a given e least at u = e, so u >= 0 learns the
/// error to expect, and pixels known to be hard pull less.  At its least it is log(1 + e / f): an error is never
/// worth making, and f bounds it from below, by 0, which only e = u = 0 reaches.  u (B, H, W, 1).
/// With f -> 0 the attenuation of Kendall, Gal 2017, arXiv:1703.04977, section 3: e / u + log u, which has no bound.
Var uncertainty_loss(const Var& logits, const Var& u, const Tensor& target);

}  // namespace camo::nn
