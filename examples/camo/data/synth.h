// Synthetic camouflage: a photograph-like texture, and an object cut from the same texture.
//
// Background and object share palette, light, contrast and kind of texture (fractal value noise and cells,
// both stretched along a direction); inside a smooth random outline the texture is turned, made finer,
// shifted and faintly recoloured, and its outline casts a faint shadow.  A pixel's colour says almost
// nothing: what gives the object away is the direction and scale of the texture around it, and that the
// texture does not continue across the outline. Value noise: Perlin 1985, "An image synthesizer"; cells:
// Worley 1996, "A cellular texture basis function".
#pragma once

#include "tensor/tensor.h"

namespace camo::program {

struct SynthPair {
  Tensor image;  // u8 (H, W, 3)
  Tensor mask;   // u8 (H, W, 1), 0 or 255; object 5 to 35 % of the pixels
};

/// Picture number `index` of the series `seed`; a pure function of its arguments.  Lengths scale with the
/// picture, so that one index shows the same scene at every size, but for its grain.  difficulty in [0, 1]: 0
/// is easy to see.  Throws ShapeError under 16 pixels a side, ConfigError for a difficulty outside [0, 1].
SynthPair make_synthetic(uint64_t seed, uint64_t index, int64_t height, int64_t width, double difficulty = 0.5);

}  // namespace camo::program
