// Resizing is linear: the backward pass keeps a shape and nothing else.
#include "autograd/ops.h"

namespace camo {

Var resize_bilinear(const Var& x, int64_t height, int64_t width, bool align_corners) {
  return record("resize_bilinear", resize_bilinear(x.value(), height, width, align_corners), {x},
                [=, shape = x.shape()](const Tensor& dy, Grads& d) {
                  d[0] = resize_bilinear_backward(dy, shape, align_corners);
                });
}

Var resize_nearest(const Var& x, int64_t height, int64_t width) {
  return record("resize_nearest", resize_nearest(x.value(), height, width), {x},
                [shape = x.shape()](const Tensor& dy, Grads& d) { d[0] = resize_nearest_backward(dy, shape); });
}

}  // namespace camo
