// Average pooling and resizing are linear, so the backward pass needs only a shape.  Max pooling saves the
// indices of its maxima.
#include "autograd/ops.h"

namespace camo {

Var avg_pool(const Var& x, const PoolSpec& spec) {
  return record("avg_pool", avg_pool(x.value(), spec), {x},
                [=, shape = x.shape()](const Tensor& dy, Grads& d) { d[0] = avg_pool_backward(dy, shape, spec); });
}

Var max_pool(const Var& x, const PoolSpec& spec) {
  MaxPoolOut out = max_pool(x.value(), spec);
  return record("max_pool", out.y, {x}, [=, shape = x.shape(), index = Saved(out.index)](const Tensor& dy, Grads& d) {
    d[0] = max_pool_backward(dy, index.get(), shape, spec);
  });
}

Var adaptive_avg_pool(const Var& x, int64_t height, int64_t width) {
  return record("adaptive_avg_pool", adaptive_avg_pool(x.value(), height, width), {x},
                [shape = x.shape()](const Tensor& dy, Grads& d) { d[0] = adaptive_avg_pool_backward(dy, shape); });
}

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
