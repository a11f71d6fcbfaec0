// One linear layer for each group of rows: the products of linear, on slices.
//
// Groups run one after another, each on all threads.  A row's numbers depend on its own group's matrix alone,
// so they are those that linear would give it.
#include "tensor/ops/grouped_matmul.h"

#include "tensor/ops/matmul.h"

namespace camo {
namespace {

void check_grouped(const Tensor& x, const Tensor& weight, const Tensor& bias, const std::vector<int64_t>& begin) {
  check(x.rank() == 2 && weight.rank() == 3 && weight.dim(2) == x.dim(1),
        "grouped_linear: x (R, I), weight (E, O, I), got x ", x.shape(), ", weight ", weight.shape());
  const int64_t E = weight.dim(0);
  check(!bias.defined() || bias.shape() == Shape{E, weight.dim(1)},
        "grouped_linear: bias (E, O) for weight (E, O, I), got weight ", weight.shape(), ", bias ", bias.shape());
  bool ascending = int64_t(begin.size()) == E + 1 && begin[0] == 0 && begin.back() == x.dim(0);
  for (size_t e = 0; ascending && e + 1 < begin.size(); ++e) ascending = begin[e] <= begin[e + 1];
  check(ascending, "grouped_linear: begin has E + 1 offsets that ascend from 0 to R, got ", begin.size(),
        " of them for x ", x.shape(), ", weight ", weight.shape());
  check<DTypeError>(is_float(x.dtype()) && weight.dtype() == acc_dtype(x.dtype()) &&
                        (!bias.defined() || bias.dtype() == weight.dtype()),
                    "grouped_linear: weight and bias are f32, or f64 with f64, got x ", x.dtype(), " ", x.shape(),
                    ", weight ", weight.dtype(), " ", weight.shape());
}

/// Matrix e of (E, O, I), or row e of (E, O): a view.
Tensor item_of(const Tensor& t, int64_t e) {
  Tensor one = t.slice(e, e + 1);
  return one.reshape(t.shape().without(0));
}

}  // namespace

Tensor grouped_linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const std::vector<int64_t>& begin) {
  check_grouped(x, weight, bias, begin);
  Tensor y = empty({x.dim(0), weight.dim(1)}, x.dtype(), x.device());
  on(x.device(), [&](auto where) {
    for (int64_t e = 0; e < weight.dim(0); ++e)
      kernel::linear(where, x.slice(begin[size_t(e)], begin[size_t(e) + 1]), item_of(weight, e),
                     bias.defined() ? item_of(bias, e) : Tensor(), Act::none,
                     y.slice(begin[size_t(e)], begin[size_t(e) + 1]));
  });
  return y;
}

GroupedLinearGrads grouped_linear_backward(const Tensor& dy, const Tensor& x, const Tensor& weight,
                                           const std::vector<int64_t>& begin, bool want_x, bool want_weight,
                                           bool want_bias) {
  const int64_t E = int64_t(begin.size()) - 1, O = dy.dim(1);
  const DType type = acc_dtype(dy.dtype());
  GroupedLinearGrads out;
  if (want_x) out.dx = empty({dy.dim(0), weight.dim(2)}, dy.dtype(), dy.device());
  if (want_weight) out.dweight = empty({E, O, x.dim(1)}, type, dy.device());
  if (want_bias) out.dbias = empty({E, O}, type, dy.device());
  on(dy.device(), [&](auto where) {
    for (int64_t e = 0; e < E; ++e) {
      const int64_t from = begin[size_t(e)], to = begin[size_t(e) + 1];
      const Tensor g = dy.slice(from, to);
      if (want_x) kernel::linear_input_grad(where, g, item_of(weight, e), out.dx.slice(from, to));
      if (want_weight) kernel::linear_weight_grad(where, g, x.slice(from, to), item_of(out.dweight, e));
      if (want_bias) kernel::column_sums(where, g, item_of(out.dbias, e));
    }
  });
  return out;
}

}  // namespace camo
