// The definitions of attention and of attention within windows, from the formulas: one query at a time, with scores in
// double.  Tests compare the kernels of attention.h and window_attention.h with them.
#pragma once

#include "tensor/ops/attention.h"
#include "tensor/ops/window_attention.h"

namespace camo::kernel {

template <class T> void attention_plain(const T* q, const T* k, const T* v, T* y, acc_t<T>* lse, const Attention& s);
template <class T>
void attention_backward_plain(const T* dy, const T* q, const T* k, const T* v, T* dq, T* dk, T* dv, const Attention& s);

/// dbias (heads, n, n), summed over all windows.
template <class T>
void window_attention_plain(const T* qkv, const T* pad, const acc_t<T>* bias, T* y, const Windows& w);
template <class T>
void window_attention_backward_plain(const T* dy, const T* qkv, const T* pad, const acc_t<T>* bias, T* dqkv,
                                     acc_t<T>* dbias, const Windows& w);

}  // namespace camo::kernel
