// Augmentation of photographs and masks on the CPU: a task computes one row of pixels.
#include "tensor/ops/augment.h"

#include <cstring>

#include "tensor/parallel.h"

namespace camo::kernel {

void change_pictures(Cpu, const Tensor& x, const Tensor& changes, const Normalisation& normalisation, Tensor y) {
  const int64_t H = x.dim(1), W = x.dim(2), C = x.dim(3);
  const uint8_t *in = x.read<uint8_t>(), *table = changes.read<uint8_t>();
  float* out = y.write<float>();
  parallel_for(x.dim(0) * H, W * C * 16, [=](int64_t r) {
    Change change;
    std::memcpy(&change, table + r / H * int64_t(sizeof(Change)), sizeof change);
    for (int64_t j = 0; j < W; ++j) {
      float* to = out + (r * W + j) * C;
      if (C == 3) changed_pixel<3>(in + r / H * H * W * C, H, W, change, normalisation, r % H, j, to);
      else changed_pixel<1>(in + r / H * H * W * C, H, W, change, normalisation, r % H, j, to);
    }
  });
}

}  // namespace camo::kernel
