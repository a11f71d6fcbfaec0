// Multi-head attention on the CPU, without a score matrix.
//
// A task owns a block of queries and walks over tiles of keys: scores, softmax and the product with v of one tile
// stay in the first two cache levels.  A running maximum and sum per query rescale what was added before
// (Milakov, Gimelshein 2018, arXiv:1805.02867; Dao et al. 2022, arXiv:2205.14135).  Keys are the lanes of the scores
// and channels those of the result; k is transposed once per (image, head).  The backward pass recomputes the
// probabilities from lse, one tile at a time.
// Definition: attention_plain.cpp.  Tiles: attention_tile.h.  Then attention.cpp, attention_backward.cpp.
#pragma once

#include "tensor/ops/attention.h"

namespace camo::kernel {

/// y = softmax(scale q k^T) v per image and head, and the log of each row's sum of exponentials.
/// A query's bits do not depend on N.
template <class T> void attention(const T* q, const T* k, const T* v, T* y, acc_t<T>* lse, const Attention& s);
/// dk and dv are summed over fixed stretches of queries, the stretches in order.
template <class T>
void attention_backward(const T* dy, const T* q, const T* k, const T* v, const T* y, const acc_t<T>* lse, T* dq, T* dk,
                        T* dv, const Attention& s);

/// The same, straight from the formulas in double.
template <class T> void attention_plain(const T* q, const T* k, const T* v, T* y, acc_t<T>* lse, const Attention& s);
template <class T>
void attention_backward_plain(const T* dy, const T* q, const T* k, const T* v, T* dq, T* dk, T* dv, const Attention& s);

}  // namespace camo::kernel
