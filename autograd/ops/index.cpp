// Gradients of gathers; each is another gather (tensor/ops/index.h).
#include "autograd/ops.h"

namespace camo {

Var gather_rows(const Var& x, const Tensor& index) {
  return record("gather_rows", gather_rows(x.value(), index), {x},
                [rows = x.dim(0), I = Saved(index)](const Tensor& dy, Grads& d) {
                  d[0] = gather_rows_backward(dy, I.get(), rows);
                });
}

Var combine_rows(const Var& rows, const Tensor& position, const Var& weight) {
  return record("combine_rows", combine_rows(rows.value(), position, weight.value()), {rows, weight},
                [R = save(rows), W = save(weight), P = Saved(position)](const Tensor& dy, Grads& d) {
                  CombineGrads g = combine_rows_backward(dy, R.get(), P.get(), W.get());
                  d[0] = g.drows, d[1] = g.dweight;
                });
}

Var take_along(const Var& x, const Tensor& index) {
  return record("take_along", take_along(x.value(), index), {x},
                [columns = x.dim(1), I = Saved(index)](const Tensor& dy, Grads& d) {
                  d[0] = take_along_backward(dy, I.get(), columns);
                });
}

}  // namespace camo
