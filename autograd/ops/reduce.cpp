// Gradients of reductions.  sum and mean save nothing; max, min and variance save x, and compare or recompute.
#include "autograd/ops.h"

namespace camo {
namespace {

/// max and min: the gradient goes to the first element that equals the result.
Var extreme(const char* op, const Var& x, Tensor (*f)(const Tensor&, const std::vector<int>&, bool),
            const std::vector<int>& axes, bool keep) {
  const Shape kept = reduced_shape(x.shape(), axes, true, op);
  Tensor y = f(x.value(), axes, keep);
  return record(op, y, {x}, [X = save(x), Y = Saved(y), kept](const Tensor& dy, Grads& d) {
    d[0] = extreme_backward(dy.reshape(kept), X.get(), Y.get().reshape(kept));
  });
}

}  // namespace

Var sum(const Var& x, const std::vector<int>& axes, bool keep) {
  return record("sum", sum(x.value(), axes, keep), {x},
                [to = x.shape(), kept = reduced_shape(x.shape(), axes, true, "sum")](const Tensor& dy, Grads& d) {
                  d[0] = spread(dy.reshape(kept), to);
                });
}

Var mean(const Var& x, const std::vector<int>& axes, bool keep) {
  return record("mean", mean(x.value(), axes, keep), {x},
                [to = x.shape(), kept = reduced_shape(x.shape(), axes, true, "mean")](const Tensor& dy, Grads& d) {
                  d[0] = spread(dy.reshape(kept), to, double(kept.numel()) / double(std::max<int64_t>(to.numel(), 1)));
                });
}

Var max(const Var& x, const std::vector<int>& axes, bool keep) {
  return extreme("max", x, static_cast<Tensor (*)(const Tensor&, const std::vector<int>&, bool)>(max), axes, keep);
}
Var min(const Var& x, const std::vector<int>& axes, bool keep) {
  return extreme("min", x, static_cast<Tensor (*)(const Tensor&, const std::vector<int>&, bool)>(min), axes, keep);
}

Var variance(const Var& x, const std::vector<int>& axes, bool keep) {
  const Shape kept = reduced_shape(x.shape(), axes, true, "variance");
  return record("variance", variance(x.value(), axes, keep), {x},
                [X = save(x), axes, kept](const Tensor& dy, Grads& d) {
                  d[0] = variance_backward(dy.reshape(kept), X.get(), mean_kept(X.get(), axes));
                });
}

}  // namespace camo
