// Edge: fixed Sobel and Laplacian filters on every channel.  They are constants, not initial values: a filter
// that training may change is just another convolution.  Cost a pixel: 2 C^2 + 27 C.
#pragma once

#include "moe/experts.h"

namespace camo::moe {

struct EdgeExpert : Expert {
  nn::Buffer &sobel_x, &sobel_y, &laplacian;
  Pointwise slope, curve, both, all, fuse;

  EdgeExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        sobel_x(filter("sobel_x", dim, {-1, 0, 1, -2, 0, 2, -1, 0, 1})),
        sobel_y(filter("sobel_y", dim, {-1, -2, -1, 0, 0, 0, 1, 2, 1})),
        laplacian(filter("laplacian", dim, {0, 1, 0, 1, -4, 1, 0, 1, 0})),
        slope(sub("slope"), dim, dim / 4), curve(sub("curve"), dim, dim / 4), both(sub("both"), dim, dim / 4),
        all(sub("all"), dim, dim - 3 * (dim / 4)), fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    Var slope2 = square(filtered(x, sobel_x)) + square(filtered(x, sobel_y)), bend = filtered(x, laplacian);
    return fuse.forward(concat({slope.forward(magnitude(slope2)), curve.forward(abs(bend)),
                                both.forward(magnitude(slope2 + square(bend))), all.forward(x)}, -1));
  }

 private:
  /// The same 3 x 3 filter for each channel, as a depthwise weight (C, 3, 3, 1).
  nn::Buffer& filter(const char* name, int64_t dim, const std::vector<double>& taps) {
    Tensor one = cast(from<double>(taps, {1, 3, 3, 1}), state().dtype);
    return buffer(name, expand(one, {dim, 3, 3, 1}), /*saved=*/false);
  }
  static Var filtered(const Var& x, const nn::Buffer& filter) {
    return conv2d(x, Var(filter.value), {}, {.padding = 1, .groups = x.dim(-1)});
  }
  // The small number keeps the slope finite where nothing changes.
  static Var magnitude(const Var& squared) { return sqrt(squared + 1e-6); }
};

}  // namespace camo::moe
