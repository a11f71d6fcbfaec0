// Choosing and ordering rows.  Everything is deterministic: ties go to the lower index, sorts are stable, and adjoints
// gather instead of scattering.
//
// An index outside its range raises ShapeError on the CPU.  A GPU would have to wait for that check; there the result
// has all bits set (NaN, -1, 255), adjoints and counts ignore the index, and nothing outside is read.
#pragma once

#include "tensor/tensor.h"

namespace camo {

/// y[i] = x[index[i]] along the leading axis; any dtype; index (n) i64 in [0, rows), checked.
Tensor gather_rows(const Tensor& x, const Tensor& index);
/// Adjoint of gather_rows: y (rows, ...), y[r] = sum of dy[i] over index[i] == r, in ascending i.
Tensor gather_rows_backward(const Tensor& dy, const Tensor& index, int64_t rows);
/// y[b] = sum_k weight[b, k] rows[position[b, k]].  weight has the dtype of rows or its acc_dtype.
Tensor combine_rows(const Tensor& rows, const Tensor& position, const Tensor& weight);
struct CombineGrads {
  Tensor drows, dweight;
};
/// drows[position[b, k]] = weight[b, k] dy[b], other rows 0; dweight[b, k] = <dy[b], rows[position[b, k]]>.
/// Throws ShapeError if two (b, k) name the same row; on a GPU their gradients are added.
CombineGrads combine_rows_backward(const Tensor& dy, const Tensor& rows, const Tensor& position, const Tensor& weight);

/// y[r, k] = x[r, index[r, k]].
Tensor take_along(const Tensor& x, const Tensor& index);
/// Adjoint of take_along: dx (R, columns).
Tensor take_along_backward(const Tensor& dy, const Tensor& index, int64_t columns);

struct TopK {
  Tensor value, index;
};
/// The k largest numbers of each row, largest first, each position once, ties to the lower index; x (R, C) -> (R, k).
/// NaN counts as largest.
TopK top_k(const Tensor& x, int64_t k);
/// The order that sorts keys (n) i64 ascending; stable.
Tensor sort_by_key(const Tensor& keys);
/// (n) i64 in [0, classes) -> (n, classes).
Tensor one_hot(const Tensor& index, int64_t classes, DType dtype = DType::f32);
/// How often each of 0 ... classes - 1 occurs in index (any shape, i64) -> (classes) i64.
Tensor histogram(const Tensor& index, int64_t classes);

namespace kernel {
void gather_rows(Cpu, const Tensor& x, const Tensor& index, Tensor y);
void gather_rows(Cuda, const Tensor& x, const Tensor& index, Tensor y);
void gather_rows_backward(Cpu, const Tensor& dy, const Tensor& index, Tensor dx);
void gather_rows_backward(Cuda, const Tensor& dy, const Tensor& index, Tensor dx);
void combine_rows(Cpu, const Tensor& rows, const Tensor& position, const Tensor& weight, Tensor y);
void combine_rows(Cuda, const Tensor& rows, const Tensor& position, const Tensor& weight, Tensor y);
void combine_rows_backward(Cpu, const Tensor& dy, const Tensor& rows, const Tensor& position, const Tensor& weight,
                           CombineGrads& out);
void combine_rows_backward(Cuda, const Tensor& dy, const Tensor& rows, const Tensor& position, const Tensor& weight,
                           CombineGrads& out);
void take_along(Cpu, const Tensor& x, const Tensor& index, Tensor y);
void take_along(Cuda, const Tensor& x, const Tensor& index, Tensor y);
void take_along_backward(Cpu, const Tensor& dy, const Tensor& index, Tensor dx);
void take_along_backward(Cuda, const Tensor& dy, const Tensor& index, Tensor dx);
void top_k(Cpu, const Tensor& x, TopK& out);
void top_k(Cuda, const Tensor& x, TopK& out);
void sort_by_key(Cpu, const Tensor& keys, Tensor order);
void sort_by_key(Cuda, const Tensor& keys, Tensor order);
void one_hot(Cpu, const Tensor& index, Tensor y);
void one_hot(Cuda, const Tensor& index, Tensor y);
void histogram(Cpu, const Tensor& index, Tensor count);
void histogram(Cuda, const Tensor& index, Tensor count);
}  // namespace kernel

}  // namespace camo
