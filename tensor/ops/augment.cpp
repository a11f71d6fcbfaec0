// Augmentation of photographs and masks: checks, and the packing of the changes as bytes for the device.
#include "tensor/ops/augment.h"

#include <cstring>

namespace camo {
namespace {

Tensor change_pictures(const char* op, const Tensor& x, int64_t channels, const std::vector<PictureChange>& changes,
                       const Normalisation& normalisation) {
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
  on(x.device(), [&](auto where) { kernel::change_pictures(where, x, table, normalisation, y); });
  return y;
}

}  // namespace

Tensor change_photographs(const Tensor& x, const std::vector<PictureChange>& changes,
                          const Normalisation& normalisation) {
  return change_pictures("change_photographs", x, 3, changes, normalisation);
}
Tensor change_masks(const Tensor& x, const std::vector<PictureChange>& changes) {
  return change_pictures("change_masks", x, 1, changes, {});
}

}  // namespace camo
