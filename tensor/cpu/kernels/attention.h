// Multi-head attention on the CPU, without a score matrix in memory.
//
// A task owns a block of queries and loops over tiles of keys.  The scores, softmax and product with v of one tile
// stay in the L1 and L2 caches.  A running maximum and sum per query rescale the earlier partial result (Milakov,
// Gimelshein 2018, arXiv:1805.02867; Dao et al. 2022, arXiv:2205.14135).  Vector lanes hold keys in the scores and
// channels in the result, so k is transposed once per (image, head).  The backward pass recomputes the probabilities
// from lse, tile by tile.
// Read next: attention_plain.h (the definition), attention_tile.h, attention.cpp, attention_backward.cpp;
// attention_units.h for bf16 instructions, where lanes hold queries.
#pragma once

#include "tensor/ops/attention.h"

namespace camo::kernel {

/// y = softmax(scale q k^T) v for each image and head; lse is the log of each row's sum of exponentials.
/// The bits of a query's result do not depend on N.
template <class T> void attention(const T* q, const T* k, const T* v, T* y, acc_t<T>* lse, const Attention& s);
/// dk and dv are summed over fixed ranges of queries, and the ranges are added in order.
template <class T>
void attention_backward(const T* dy, const T* q, const T* k, const T* v, const T* y, const acc_t<T>* lse, T* dq, T* dk,
                        T* dv, const Attention& s);

}  // namespace camo::kernel
