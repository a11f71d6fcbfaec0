// Losses that would overflow or lose precision as a sequence of ops: log(sigmoid(z)) for z = -200 is -200, but
// sigmoid(-200) rounds to 0.
#include "tensor/ops/loss.h"

namespace camo {

Tensor bce_with_logits(const Tensor& logits, const Tensor& target) {
  check_same("bce_with_logits", logits, target);
  check(logits.shape() == target.shape(), "bce_with_logits: logits and target differ in shape: ", logits.shape(),
        " and ", target.shape());
  Tensor y = empty_like(logits);
  on(y.device(), [&](auto where) { kernel::bce_with_logits(where, logits, target, y); });
  return y;
}

Tensor bce_with_logits_backward(const Tensor& dy, const Tensor& logits, const Tensor& target) {
  Tensor dx = empty_like(dy);
  on(dy.device(), [&](auto where) { kernel::bce_with_logits_backward(where, dy, logits, target, dx); });
  return dx;
}

CrossEntropyOut cross_entropy(const Tensor& logits, const Tensor& labels) {
  auto [R, C] = dims<2>(logits, "cross_entropy: logits (R, C)");
  check(labels.shape() == Shape{R}, "cross_entropy: labels must be (R) for logits (R, C), got ", labels.shape(),
        " and ", logits.shape());
  check<DTypeError>(labels.dtype() == DType::i64 && is_float(logits.dtype()),
                    "cross_entropy: takes f32, f64 or bf16 logits and i64 labels, got ", logits.dtype(), " and ",
                    labels.dtype());
  check<DeviceError>(labels.device() == logits.device(), "cross_entropy: labels are on ", labels.device(),
                     ", logits on ", logits.device());
  check(R > 0 && C > 0, "cross_entropy: of no rows or classes: logits ", logits.shape());
  const std::vector<int64_t> values = to_vector<int64_t>(labels);
  for (int64_t r = 0; r < R; ++r)
    check(values[r] >= 0 && values[r] < C, "cross_entropy: label ", values[r], " of row ", r, " is not in [0, ", C,
          "): logits ", logits.shape());
  CrossEntropyOut out{empty({}, logits.dtype(), logits.device()), empty_like(logits)};
  on(logits.device(), [&](auto where) { kernel::cross_entropy(where, logits, labels, out); });
  return out;
}

Tensor cross_entropy_backward(const Tensor& dy, const Tensor& probability, const Tensor& labels) {
  Tensor dx = empty_like(probability);
  on(dx.device(), [&](auto where) { kernel::cross_entropy_backward(where, dy, probability, labels, dx); });
  return dx;
}

}  // namespace camo
