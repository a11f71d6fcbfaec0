// Attention within windows, of bf16 numbers on bf16 instructions.  Internal to window_attention*.cpp.
#pragma once

#include "tensor/cpu/kernels/gemm_unit.h"
#include "tensor/cpu/kernels/window_attention.h"

#ifdef CAMO_BF16_UNITS
namespace camo::kernel {

/// window_attention and its backward pass but for the rounding of P and dS to bf16 (attention_units.h).
void window_attention_on_units(const bf16* qkv, const bf16* pad, const float* bias, bf16* y, const Windows& w);
void window_attention_backward_on_units(const bf16* dy, const bf16* qkv, const bf16* pad, const float* bias, bf16* dqkv,
                                        float* dbias, const Windows& w);

}  // namespace camo::kernel
#endif
