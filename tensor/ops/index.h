// Choosing and ordering rows.  Everything here is deterministic: ties go to the lower index, sorts are stable,
// and adjoints read (gather form) instead of scattering.
#pragma once

#include "tensor/tensor.h"

namespace camo {

/// y[i] = x[index[i]] along the leading axis; any dtype; index (n) i64 in [0, rows), checked.
Tensor gather_rows(const Tensor& x, const Tensor& index);
/// Adjoint of gather_rows: y (rows, ...), y[r] = sum of dy[i] over index[i] == r, in ascending i.
Tensor gather_rows_backward(const Tensor& dy, const Tensor& index, int64_t rows);
/// y[b] = sum_k weight[b, k] rows[position[b, k]].
Tensor combine_rows(const Tensor& rows, const Tensor& position, const Tensor& weight);

/// y[r, k] = x[r, index[r, k]].
Tensor take_along(const Tensor& x, const Tensor& index);

struct TopK { Tensor value, index; };
/// The k largest of each row, distinct, largest first, ties to the lower index; x (R, C) -> (R, k).
TopK top_k(const Tensor& x, int64_t k);
/// Order that sorts keys (n) i64 ascending, stable.
Tensor sort_by_key(const Tensor& keys);
/// (n) i64 in [0, classes) -> (n, classes).
Tensor one_hot(const Tensor& index, int64_t classes, DType dtype = DType::f32);
/// How often each of 0..classes-1 occurs in index (any shape, i64) -> (classes) i64.
Tensor histogram(const Tensor& index, int64_t classes);

}  // namespace camo
