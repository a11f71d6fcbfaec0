// Attention within windows, of bf16 numbers on bf16 instructions.  Internal to window_attention*.cpp.
#pragma once

#include "tensor/cpu/kernels/gemm_unit.h"
#include "tensor/cpu/kernels/window_attention.h"

#ifdef CAMO_BF16_UNITS
namespace camo::kernel {

/// Compute what window_attention_plain defines, except that probabilities (before the division by their sum in the
/// forward pass) and dS are rounded to bf16.
void window_attention_on_units(const bf16* qkv, const bf16* pad, const float* bias, bf16* y, const Windows& w);
void window_attention_backward_on_units(const bf16* dy, const bf16* qkv, const bf16* pad, const float* bias, bf16* dqkv,
                                        float* dbias, const Windows& w);

}  // namespace camo::kernel
#endif
