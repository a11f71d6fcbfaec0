// Softmax and log-softmax save their output, log-sum-exp saves its input.
#include "autograd/ops.h"

namespace camo {

Var softmax(const Var& x) {
  Tensor y = softmax(x.value());
  return record("softmax", y, {x},
                [Y = Saved(y)](const Tensor& dy, Grads& d) { d[0] = softmax_backward(dy, Y.get()); });
}

Var log_softmax(const Var& x) {
  Tensor y = log_softmax(x.value());
  return record("log_softmax", y, {x},
                [Y = Saved(y)](const Tensor& dy, Grads& d) { d[0] = log_softmax_backward(dy, Y.get()); });
}

Var logsumexp(const Var& x) {
  return record("logsumexp", logsumexp(x.value()), {x}, [X = save(x)](const Tensor& dy, Grads& d) {
    d[0] = softmax(X.get()) * dy.reshape(dy.shape().inserted(dy.rank(), 1));
  });
}

}  // namespace camo
