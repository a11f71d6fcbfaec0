// Augmentation of photographs and masks on the GPU: a thread computes one pixel of the result, all its channels.
//
// Neighbouring threads write neighbouring pixels and, rotated by a few degrees, read from nearly neighbouring ones.
// Bound by memory: one byte read and one float written per number.  tensor/ops/augment.h has the formulas.
#include "cuda/tools/launch.cuh"
#include "tensor/ops/augment.h"

namespace camo::kernel {
namespace {

template <int C>
__global__ void change_kernel(const uint8_t* x, const Change* changes, Normalisation normalisation, float* y, int64_t B,
                              int64_t H, int64_t W) {
  for (int64_t at = cuda::first_item(); at < B * H * W; at += cuda::item_stride()) {
    const int64_t b = at / (H * W), pixel = at - b * H * W, i = pixel / W;
    changed_pixel<C>(x + b * H * W * C, H, W, changes[b], normalisation, i, pixel - i * W, y + at * C);
  }
}

}  // namespace

void change_pictures(Cuda where, const Tensor& x, const Tensor& changes, const Normalisation& normalisation, Tensor y) {
  const int64_t pixels = x.dim(0) * x.dim(1) * x.dim(2);
  cuda::launch(where, "change_pictures", cuda::blocks(pixels), cuda::kThreads, 0,
               x.dim(3) == 3 ? change_kernel<3> : change_kernel<1>, x.read<uint8_t>(),
               reinterpret_cast<const Change*>(changes.read<uint8_t>()), normalisation, y.write<float>(), x.dim(0),
               x.dim(1), x.dim(2));
}

}  // namespace camo::kernel
