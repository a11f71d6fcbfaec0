// Norms save x and two numbers per row (or channel); the backward pass computes the normalised x again.
#include "autograd/ops.h"

namespace camo {

Var layer_norm(const Var& x, const Var& gain, const Var& bias, double eps) {
  LayerNormOut out = layer_norm(x.value(), gain.value(), bias.value(), eps);
  const Saved X = save(x), G = save(gain), B = save(bias);
  return record("layer_norm", out.y, {x, gain, bias},
                [X, G, mean = Saved(out.mean), rstd = Saved(out.rstd)](const Tensor& dy, Grads& d) {
                  NormGrads g = layer_norm_backward(dy, X.get(), G.get(), mean.get(), rstd.get());
                  d[0] = g.dx, d[1] = g.dgain, d[2] = g.dbias;
                },
                {.again = [=] { return layer_norm(X.get(), G.get(), B.get(), eps).y; }});
}

namespace {

Var batch_norm(const char* op, const Var& x, const Var& gain, const Var& bias, const BatchStats& stats, double eps,
               bool from_batch) {
  const Saved X = save(x), G = save(gain), B = save(bias), mean = Saved(stats.mean), variance = Saved(stats.variance);
  return record(
      op, batch_norm(x.value(), gain.value(), bias.value(), stats, eps), {x, gain, bias},
      [=](const Tensor& dy, Grads& d) {
        NormGrads g = batch_norm_backward(dy, X.get(), G.get(), {mean.get(), variance.get()}, eps, from_batch);
        d[0] = g.dx, d[1] = g.dgain, d[2] = g.dbias;
      },
      {.again = [=] {
        return batch_norm(X.get(), G.get(), B.get(), {mean.get(), variance.get()}, eps);
      }});
}

}  // namespace

Var batch_norm(const Var& x, const Var& gain, const Var& bias, double eps, BatchStats* stats) {
  BatchStats own = batch_stats(x.value());
  if (stats) *stats = own;
  return batch_norm("batch_norm", x, gain, bias, own, eps, true);
}

Var batch_norm_eval(const Var& x, const Var& gain, const Var& bias, const Tensor& mean, const Tensor& variance,
                    double eps) {
  return batch_norm("batch_norm_eval", x, gain, bias, {mean, variance}, eps, false);
}

}  // namespace camo
