#include "tensor/ops/augment.h"

#include <cstring>

#include "tensor/parallel.h"

namespace camo {
namespace kernel {

void change_pictures(Cpu, const Tensor& x, const Tensor& changes, Tensor y) {
  const int64_t H = x.dim(1), W = x.dim(2), C = x.dim(3);
  const uint8_t *in = x.read<uint8_t>(), *table = changes.read<uint8_t>();
  float* out = y.write<float>();
  parallel_for(x.dim(0) * H, W * C * 16, [=](int64_t r) {
    Change change;
    std::memcpy(&change, table + r / H * int64_t(sizeof(Change)), sizeof change);
    for (int64_t j = 0; j < W; ++j) {
      float* to = out + (r * W + j) * C;
      if (C == 3) changed_pixel<3>(in + r / H * H * W * C, H, W, change, r % H, j, to);
      else changed_pixel<1>(in + r / H * H * W * C, H, W, change, r % H, j, to);
    }
  });
}

}  // namespace kernel

namespace {

Tensor change_pictures(const char* op, const Tensor& x, int64_t channels, const std::vector<PictureChange>& changes) {
  check(x.rank() == 4 && x.dim(3) == channels && x.dim(0) == int64_t(changes.size()), op, ": x is (B, H, W, ", channels,
        ") with B changes, got ", x.shape(), " and ", changes.size(), " changes");
  check<DTypeError>(x.dtype() == DType::u8, op, ": takes u8, got ", x.dtype(), " ", x.shape());
  Tensor table = empty({int64_t(changes.size() * sizeof(kernel::Change))}, DType::u8);
  uint8_t* to = table.write<uint8_t>();
  for (const PictureChange& c : changes) {
    kernel::Change change{.cos = std::cos(c.angle),
                          .sin = std::sin(c.angle),
                          .colour = {},
                          .shift = c.shift,
                          .turn = c.angle != 0,
                          .flip = c.flip};
    std::memcpy(change.colour, c.colour, sizeof c.colour);
    std::memcpy(to, &change, sizeof change);
    to += sizeof change;
  }
  table = table.to(x.device());
  Tensor y = empty(x.shape(), DType::f32, x.device());
  on(x.device(), [&](auto where) { kernel::change_pictures(where, x, table, y); });
  return y;
}

}  // namespace

Tensor change_photographs(const Tensor& x, const std::vector<PictureChange>& changes) {
  return change_pictures("change_photographs", x, 3, changes);
}
Tensor change_masks(const Tensor& x, const std::vector<PictureChange>& changes) {
  return change_pictures("change_masks", x, 1, changes);
}

}  // namespace camo
