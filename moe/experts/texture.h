// Texture: the same few channels seen at four spacings.  A camouflaged animal repeats the texture of its
// background, but seldom at all scales.  Cost a pixel: 2 C^2 + 9 C.
#pragma once

#include "moe/experts.h"

namespace camo::moe {

/// C -> C / 4 channels, then a 3 x 3 filter per channel with a dilation.
struct DilatedBranch : nn::Module {
  nn::Linear squeeze;
  nn::DepthwiseConv2d filter;
  nn::LayerNorm norm;
  DilatedBranch(nn::Scope s, int64_t in, int64_t out, int64_t dilation)
      : Module(std::move(s)),
        squeeze(sub("squeeze"), in, out),
        filter(sub("filter"), out, 3, dilation),
        norm(sub("norm"), out) {}
  Var forward(const Var& x) { return gelu(norm.forward(filter.forward(squeeze.forward(x)))); }
};

struct TextureExpert : Expert {
  DilatedBranch near, mid, far, farther;
  Pointwise fuse;

  TextureExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        near(sub("near"), dim, dim / 4, 1),
        mid(sub("mid"), dim, dim / 4, 2),
        far(sub("far"), dim, dim / 4, 4),
        farther(sub("farther"), dim, dim - 3 * (dim / 4), 8),
        fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    return fuse.forward(concat({near.forward(x), mid.forward(x), far.forward(x), farther.forward(x)}, -1));
  }
};

}  // namespace camo::moe
