// Dropout saves only its random key.
#include "autograd/ops.h"

namespace camo {

Var dropout(const Var& x, double p, const RandomKey& key) {
  return record("dropout", dropout(x.value(), p, key), {x},
                [p, key](const Tensor& dy, Grads& d) { d[0] = dropout(dy, p, key); });
}

Var drop_path(const Var& x, double p, const RandomKey& key) {
  return record("drop_path", drop_path(x.value(), p, key), {x},
                [p, key](const Tensor& dy, Grads& d) { d[0] = drop_path(dy, p, key); });
}

}  // namespace camo
