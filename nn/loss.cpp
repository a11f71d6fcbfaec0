#include "nn/loss.h"

#include <algorithm>
#include <cmath>

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

Var side_loss(const Var& logits, const Tensor& target) {
  const int64_t H = logits.dim(1), W = logits.dim(2);
  const double shrink = double(H) / double(target.dim(1));
  const int64_t window = 2 * std::max<int64_t>(1, std::llround(15 * shrink)) + 1;
  return structure_loss(logits, adaptive_avg_pool(target, H, W), window);
}

Var uncertainty_loss(const Var& logits, const Var& u, const Tensor& target) {
  check(logits.shape() == u.shape() && logits.shape() == target.shape(),
        "uncertainty_loss: logits, u and target have one shape, got ", logits.shape(), ", ", u.shape(), " and ",
        target.shape());
  return mean(bce_with_logits(logits, target) / u + log(u));
}

}  // namespace camo::nn
