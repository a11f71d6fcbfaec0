// Attention within windows on the CPU: one (window, head) at a time in the first two cache levels.
//
// Its rows of q, k and v are gathered into scratch memory, k also transposed, so that keys are the lanes of the scores
// and channels those of the result.  The whole score matrix of a window is at hand: the softmax needs no running
// maximum, and the backward pass makes scores, probabilities and all three products in one go.
// Items run window by window, the heads of a window next to each other: they share its cache lines and pages.
// Definition: window_attention_plain.cpp.  Products, packing, exponential: attention_tile.h.
#pragma once

#include "tensor/ops/window_attention.h"

namespace camo::kernel {

template <class T> void window_attention(const T* qkv, const T* pad, const acc_t<T>* bias, T* y, const Windows& w);
/// dqkv has the rows of the maps and of what lies beyond; dbias one (heads, n, n) per chunk of windows.
template <class T>
void window_attention_backward(const T* dy, const T* qkv, const T* pad, const acc_t<T>* bias, T* dqkv, acc_t<T>* dbias,
                               const Windows& w);

/// The same, straight from the formulas in double; dbias (heads, n, n).
template <class T>
void window_attention_plain(const T* qkv, const T* pad, const acc_t<T>* bias, T* y, const Windows& w);
template <class T>
void window_attention_backward_plain(const T* dy, const T* qkv, const T* pad, const acc_t<T>* bias, T* dqkv,
                                     acc_t<T>* dbias, const Windows& w);

}  // namespace camo::kernel
