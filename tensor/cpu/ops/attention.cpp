// Attention on the CPU: dispatch by dtype.  The kernels are in tensor/cpu/kernels/attention.h.
#include "tensor/ops/attention.h"

#include "tensor/cpu/kernels/attention.h"

namespace camo::kernel {

void attention(Cpu, const Tensor& q, const Tensor& k, const Tensor& v, int heads, double scale, AttentionOut& out) {
  with_float(q.dtype(), "attention", [&]<class T>() {
    attention(q.read<T>(), k.read<T>(), v.read<T>(), out.y.write<T>(), out.lse.write<acc_t<T>>(),
              attention_sizes(q, k, heads, scale));
  });
}

void attention_backward(Cpu, const Tensor& dy, const Tensor& q, const Tensor& k, const Tensor& v,
                        const AttentionOut& out, int heads, double scale, AttentionGrads& grads) {
  with_float(q.dtype(), "attention_backward", [&]<class T>() {
    attention_backward(dy.read<T>(), q.read<T>(), k.read<T>(), v.read<T>(), out.y.read<T>(), out.lse.read<acc_t<T>>(),
                       grads.dq.write<T>(), grads.dk.write<T>(), grads.dv.write<T>(),
                       attention_sizes(q, k, heads, scale));
  });
}

}  // namespace camo::kernel
