#include "nn/loss.h"

namespace camo::nn {

Var structure_loss(const Var& logits, const Tensor& target, int64_t window) {
  check(logits.rank() == 4 && logits.shape() == target.shape(),
        "structure_loss: logits and target are both (B, H, W, 1), got ", logits.shape(), " and ",
        target.shape());
  check(window % 2 == 1, "structure_loss: the window is odd, got ", window);
  auto per_image = [](const Var& x) { return sum(x, {1, 2, 3}); };

  Tensor around = avg_pool(target, {.kernel = window, .stride = 1, .padding = window / 2});
  Var w(scale(unary<Abs>(sub(around, target)), 5, 1)), t(target), p = sigmoid(logits);
  Var entropy = per_image(w * bce_with_logits(logits, target)) / per_image(w);
  Var both = per_image(w * p * t), either = per_image(w * (p + t)) - both;
  return mean(entropy + 1.0 - (both + 1.0) / (either + 1.0));
}

}  // namespace camo::nn
