// Window attention saves only its inputs; the backward pass recomputes the scores.
#include "autograd/ops.h"

namespace camo {

Var window_attention(const Var& qkv, const Var& pad, const Var& bias, int heads, const WindowSpec& window) {
  Tensor y = window_attention(qkv.value(), pad.value(), bias.value(), heads, window);
  return record("window_attention", y, {qkv, pad, bias},
                [=, X = save(qkv), P = save(pad), S = save(bias)](const Tensor& dy, Grads& d) {
                  WindowAttentionGrads g = window_attention_backward(dy, X.get(), P.get(), S.get(), heads, window);
                  d[0] = g.dqkv, d[1] = g.dpad, d[2] = g.dbias;
                },
                {.macs_per_number = 2 * bias.dim(1)});  // two products over a window's tokens, for those within the map
}

}  // namespace camo
