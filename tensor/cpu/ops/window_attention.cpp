// Attention within windows on the CPU: dispatch by dtype.  The kernels are in tensor/cpu/kernels/window_attention.h.
#include "tensor/ops/window_attention.h"

#include "tensor/cpu/kernels/window_attention.h"

namespace camo::kernel {

void window_attention(Cpu, const Tensor& qkv, const Tensor& pad, const Tensor& bias, const Windows& w, Tensor y) {
  with_float(qkv.dtype(), "window_attention", [&]<class T>() {
    window_attention(qkv.read<T>(), pad.read<T>(), bias.read<acc_t<T>>(), y.write<T>(), w);
  });
}

void window_attention_backward(Cpu, const Tensor& dy, const Tensor& qkv, const Tensor& pad, const Tensor& bias,
                               const Windows& w, Tensor dqkv, Tensor dbias) {
  with_float(qkv.dtype(), "window_attention_backward", [&]<class T>() {
    window_attention_backward(dy.read<T>(), qkv.read<T>(), pad.read<T>(), bias.read<acc_t<T>>(), dqkv.write<T>(),
                              dbias.write<acc_t<T>>(), w);
  });
}

}  // namespace camo::kernel
