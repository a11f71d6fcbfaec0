// Gradients of the fused losses.  Targets and labels are data and get no gradient.
#include "autograd/ops.h"

namespace camo {

Var bce_with_logits(const Var& logits, const Tensor& target) {
  return record("bce_with_logits", bce_with_logits(logits.value(), target), {logits},
                [Z = save(logits), T = Saved(target)](const Tensor& dy, Grads& d) {
                  d[0] = bce_with_logits_backward(dy, Z.get(), T.get());
                });
}

Var cross_entropy(const Var& logits, const Tensor& labels) {
  CrossEntropyOut out = cross_entropy(logits.value(), labels);
  return record("cross_entropy", out.loss, {logits},
                [P = Saved(out.probability), L = Saved(labels)](const Tensor& dy, Grads& d) {
                  d[0] = cross_entropy_backward(dy, P.get(), L.get());
                });
}

}  // namespace camo
