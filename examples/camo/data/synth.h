// Synthetic camouflage: a texture like a photograph's, and an object with the same texture.
//
// Background and object share palette, light, contrast and kind of texture (fractal value noise and cells, both
// stretched along a direction).  Inside a smooth random outline the texture is rotated, made finer, shifted and
// slightly recoloured, and the outline casts a faint shadow.  So the colour of a pixel says almost nothing: the object
// shows only in the direction and scale of the texture, and in the break of the texture at the outline.
// Value noise: Perlin 1985, "An image synthesizer"; cells: Worley 1996, "A cellular texture basis function".
#pragma once

#include "tensor/tensor.h"

namespace camo::program {

struct SynthPair {
  Tensor image;  // u8 (H, W, 3)
  Tensor mask;   // u8 (H, W, 1), 0 or 255; the object covers 5 to 35 % of the pixels
};

/// Picture `index` of the series `seed`, a pure function of its arguments.  Lengths scale with the picture, so an index
/// shows the same scene at every size, except for its grain.  difficulty in [0, 1]: 0 is easy to see.
/// Throws ShapeError under 16 pixels a side, ConfigError for a difficulty outside [0, 1].
SynthPair make_synthetic(uint64_t seed, uint64_t index, int64_t height, int64_t width, double difficulty = 0.5);

}  // namespace camo::program
