// Attention within windows on the CPU: one (window, head) at a time, in the L1 and L2 caches.
//
// The rows of q, k and v are gathered into scratch memory, k also transposed: vector lanes hold keys in the scores and
// channels in the result.  The whole score matrix of a window fits, so the softmax needs no running maximum, and the
// backward pass computes scores, probabilities and all three products at once.
// Tasks are ordered by window, then head, because the heads of a window share cache lines and pages.
// Read next: attention_plain.h (the definition), attention_tile.h (products, packing, exponential);
// window_attention_units.cpp for bf16 instructions, where lanes hold queries.
#pragma once

#include "tensor/ops/window_attention.h"

namespace camo::kernel {

template <class T> void window_attention(const T* qkv, const T* pad, const acc_t<T>* bias, T* y, const Windows& w);
/// dqkv has the rows of the maps, then those of tokens beyond them; dbias has one (heads, n, n) per chunk of windows.
template <class T>
void window_attention_backward(const T* dy, const T* qkv, const T* pad, const acc_t<T>* bias, T* dqkv, acc_t<T>* dbias,
                               const Windows& w);

}  // namespace camo::kernel
