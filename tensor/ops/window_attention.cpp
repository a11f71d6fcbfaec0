// Attention within windows: checks, allocation, and adding up the partial sums of the kernels.
#include "tensor/ops/window_attention.h"

#include "tensor/ops/layout.h"
#include "tensor/ops/reduce.h"
#include "tensor/scalar/integer.h"

namespace camo {
namespace {

kernel::Windows windows(const char* op, const Tensor& qkv, const Tensor& pad, const Tensor& bias, int heads,
                        const WindowSpec& size) {
  check<DTypeError>(is_float(qkv.dtype()), op, ": takes f32, f64 or bf16, got ", qkv.dtype(), " ", qkv.shape());
  auto [B, H, W, C] = dims<4>(qkv, "window_attention: qkv (B, H, W, 3 heads D)");
  for (const Tensor* t : {&pad, &bias}) {
    check<DTypeError>(t->dtype() == acc_dtype(qkv.dtype()), op, ": pad and bias are ", acc_dtype(qkv.dtype()), " with ",
                      qkv.dtype(), ", got ", t->dtype(), " ", t->shape());
    check<DeviceError>(t->device() == qkv.device(), op, ": qkv, pad and bias are on one device, got ", qkv.device(),
                       " and ", t->device());
  }
  check(heads > 0 && C > 0 && C % (3 * int64_t(heads)) == 0, op, ": channels do not divide into q, k and v of ", heads,
        " heads: qkv ", qkv.shape());
  check(size.height > 0 && size.width > 0 && size.shift_y >= 0 && size.shift_x >= 0 && size.shift_y < size.height &&
            size.shift_x < size.width,
        op, ": a shift is less than its window, got window ", size.height, " x ", size.width, ", shift ", size.shift_y,
        ", ", size.shift_x);
  const int64_t n = size.height * size.width;
  check(pad.shape() == Shape{C}, op, ": pad is (C) for qkv (B, H, W, C), got pad ", pad.shape(), ", qkv ", qkv.shape());
  check(bias.shape() == Shape{heads, n, n}, op, ": bias is (heads, n, n) for ", heads, " heads and windows of ", n,
        " tokens, got ", bias.shape());
  return {B, H, W, heads, C / 3 / heads, size, ceil_div(H, size.height), ceil_div(W, size.width)};
}

}  // namespace

Tensor window_attention(const Tensor& qkv, const Tensor& pad, const Tensor& bias, int heads, const WindowSpec& window) {
  const kernel::Windows w = windows("window_attention", qkv, pad, bias, heads, window);
  Tensor y = empty({w.B, w.H, w.W, w.channels()}, qkv.dtype(), qkv.device());
  // pad is rounded like qkv, whose values beyond the map it replaces.
  on(qkv.device(), [&](auto where) { kernel::window_attention(where, qkv, cast(pad, qkv.dtype()), bias, w, y); });
  return y;
}

WindowAttentionGrads window_attention_backward(const Tensor& dy, const Tensor& qkv, const Tensor& pad,
                                               const Tensor& bias, int heads, const WindowSpec& window) {
  const kernel::Windows w = windows("window_attention_backward", qkv, pad, bias, heads, window);
  check_same("window_attention_backward", dy, qkv);
  check(dy.shape() == Shape{w.B, w.H, w.W, w.channels()}, "window_attention_backward: dy ", dy.shape(), " for qkv ",
        qkv.shape());
  Tensor all = empty({w.rows() + w.pads(), 3 * w.channels()}, qkv.dtype(), qkv.device());
  Tensor parts = empty({kernel::window_chunks(w), heads, w.tokens(), w.tokens()}, bias.dtype(), qkv.device());
  on(qkv.device(), [&](auto where) {
    kernel::window_attention_backward(where, dy, qkv, cast(pad, qkv.dtype()), bias, w, all, parts);
  });
  Tensor beyond = cast(all.slice(w.rows(), all.dim(0)), pad.dtype());
  return {all.slice(0, w.rows()).reshape(qkv.shape()), sum(beyond, {0}), sum(parts, {0})};
}

}  // namespace camo
