// Blurs the background of a photograph, as a lens does that is focused on the object.
#pragma once

#include "tensor/tensor.h"

namespace camo::program {

/// Pixels that are not object become the mean of the background around them, weighted by a Gaussian.  Object pixels
/// stay, and their colours do not leak out: a halo would tell where the object is.
///   image  (H, W, 3) u8
///   mask   (H, W, 1) u8, object where > 128
///   sigma  standard deviation of the Gaussian in pixels, above 0; it ends at three of them
Tensor blur_background(const Tensor& image, const Tensor& mask, double sigma);

}  // namespace camo::program
