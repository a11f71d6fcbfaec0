// Matrix products: checks, and reshaping or transposing before a kernel multiplies.  a^T b^T copies the transpose of a
// first; no network needs it.
#include "tensor/ops/matmul.h"

#include "tensor/ops/layout.h"
#include "tensor/ops/reduce.h"

namespace camo {
namespace {

/// Checks a product and returns the leading axes of its result.
Shape product_shape(const char* op, const Tensor& a, const Tensor& b, Trans ta, Trans tb) {
  check(a.rank() >= 2 && b.rank() >= 2, op, ": operands need two axes or more, got a ", a.shape(), " x b ", b.shape());
  const int64_t K = a.dim(ta == Trans::no ? -1 : -2), L = b.dim(tb == Trans::no ? -2 : -1);
  check(K == L, op, ": inner sizes differ: a ", a.shape(), ta == Trans::yes ? "^T" : "", " x b ", b.shape(),
        tb == Trans::yes ? "^T" : "");
  auto leading = [](const Tensor& t) {
    return std::vector<int64_t>(t.shape().begin(), t.shape().begin() + t.rank() - 2);
  };
  check(a.rank() == 2 || b.rank() == 2 || leading(a) == leading(b), op,
        ": leading axes are equal or one operand has none, got a ", a.shape(), " x b ", b.shape());
  std::vector<int64_t> out = leading(a.rank() == 2 ? b : a);
  out.push_back(a.dim(ta == Trans::no ? -2 : -1));
  out.push_back(b.dim(tb == Trans::no ? -1 : -2));
  return Shape(out);
}

void check_types(const char* op, const Tensor& a, const Tensor& b) {
  check<DTypeError>(
      is_float(a.dtype()) && (a.dtype() == b.dtype() || (a.dtype() == DType::bf16 && b.dtype() == DType::f32)), op,
      ": takes one floating type, or bf16 with f32, got a ", a.dtype(), " ", a.shape(), " x b ", b.dtype(), " ",
      b.shape());
  check<DeviceError>(a.device() == b.device(), op, ": operands on ", a.device(), " and ", b.device());
}

Tensor to_type(const Tensor& x, DType type) { return x.dtype() == type ? x : cast(x, type); }
Trans other(Trans t) { return t == Trans::no ? Trans::yes : Trans::no; }

/// A copy with the last two axes swapped.
Tensor turned(const Tensor& x) {
  std::vector<int> order(size_t(x.rank()));
  for (int i = 0; i < x.rank(); ++i) order[size_t(i)] = i;
  std::swap(order[size_t(x.rank() - 1)], order[size_t(x.rank() - 2)]);
  return permute(x, order);
}

/// The product of any floating types, in a dtype of the caller's choice.
Tensor product(Tensor a, Tensor b, Trans ta, Trans tb, DType type) {
  Shape shape = product_shape("matmul", a, b, ta, tb);
  if (a.dtype() != b.dtype() && !(a.dtype() == DType::bf16 && b.dtype() == DType::f32))
    a = to_type(a, DType::f32), b = to_type(b, DType::f32);
  if (ta == Trans::yes && tb == Trans::yes) a = turned(a), ta = Trans::no;
  Tensor y = empty(shape, ta == Trans::yes ? acc_dtype(a.dtype()) : a.dtype(), a.device());
  Tensor rows = y, left = a;
  if (b.rank() == 2 && a.rank() > 2 && ta == Trans::no)  // one tall product instead of many
    left = a.reshape({a.shape().product(0, a.rank() - 1), a.dim(-1)}), rows = y.reshape({left.dim(0), y.dim(-1)});
  on(a.device(), [&](auto where) { kernel::matmul(where, left, b, ta, tb, rows); });
  return to_type(y, type);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, Trans ta, Trans tb) {
  check_types("matmul", a, b);
  return product(a, b, ta, tb, a.dtype());
}

Tensor matmul_left_grad(const Tensor& dy, const Tensor& b, Trans ta, Trans tb, const Shape& a_shape, DType a_type) {
  const bool shared = a_shape.rank() < dy.rank();  // a was used by every product, so its gradient is their sum
  const DType type = shared ? acc_dtype(a_type) : a_type;
  Tensor da = ta == Trans::no ? product(dy, b, Trans::no, other(tb), type) : product(b, dy, tb, Trans::yes, type);
  return to_type(shared ? sum(da.reshape({-1, a_shape[0], a_shape[1]}), {0}) : da, a_type);
}

Tensor matmul_right_grad(const Tensor& dy, const Tensor& a, Trans ta, Trans tb, const Shape& b_shape, DType b_type) {
  Tensor x = a, g = dy;
  if (b_shape.rank() < dy.rank()) {  // treat the rows of all products as one tall matrix: one long sum
    if (ta == Trans::yes) x = turned(a), ta = Trans::no;
    x = x.reshape({x.shape().product(0, x.rank() - 1), x.dim(-1)}), g = dy.reshape({x.dim(0), dy.dim(-1)});
  }
  return tb == Trans::no ? product(x, g, other(ta), Trans::no, b_type) : product(g, x, Trans::yes, ta, b_type);
}

namespace {

void check_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check(x.rank() >= 1 && weight.rank() == 2 && weight.dim(1) == x.dim(-1),
        "linear: weight (O, I) for x (..., I), got x ", x.shape(), ", weight ", weight.shape());
  check(!bias.defined() || bias.shape() == Shape{weight.dim(0)}, "linear: bias (O) for weight (O, I), got weight ",
        weight.shape(), ", bias ", bias.shape());
  check<DTypeError>(is_float(x.dtype()) && weight.dtype() == acc_dtype(x.dtype()) &&
                        (!bias.defined() || bias.dtype() == weight.dtype()),
                    "linear: weight and bias are f32, or f64 with f64, got x ", x.dtype(), " ", x.shape(), ", weight ",
                    weight.dtype(), " ", weight.shape());
  check<DeviceError>(x.device() == weight.device(), "linear: x on ", x.device(), ", weight on ", weight.device());
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Act act) {
  check_linear(x, weight, bias);
  Tensor y = empty(x.shape().with(-1, weight.dim(0)), x.dtype(), x.device());
  on(x.device(), [&](auto where) { kernel::linear(where, x, weight, bias, act, y); });
  return y;
}

Tensor linear_input_grad(const Tensor& dy, const Tensor& weight) {
  check(weight.rank() == 2 && weight.dim(0) == dy.dim(-1), "linear_input_grad: dy (..., O) and weight (O, I), got ",
        dy.shape(), " and ", weight.shape());
  Tensor dx = empty(dy.shape().with(-1, weight.dim(1)), dy.dtype(), dy.device());
  on(dy.device(), [&](auto where) { kernel::linear_input_grad(where, dy, weight, dx); });
  return dx;
}

Tensor linear_weight_grad(const Tensor& dy, const Tensor& x) {
  check(dy.shape().with(-1, 0) == x.shape().with(-1, 0), "linear_weight_grad: dy (..., O) and x (..., I), got ",
        dy.shape(), " and ", x.shape());
  Tensor dweight = empty({dy.dim(-1), x.dim(-1)}, acc_dtype(dy.dtype()), dy.device());
  on(dy.device(), [&](auto where) { kernel::linear_weight_grad(where, dy, x, dweight); });
  return dweight;
}

Tensor column_sums(const Tensor& x) {
  check(x.rank() >= 1, "column_sums: x (..., C), got ", x.shape());
  Tensor sums = empty({x.dim(-1)}, acc_dtype(x.dtype()), x.device());
  on(x.device(), [&](auto where) { kernel::column_sums(where, x, sums); });
  return sums;
}

// ---- groups of rows ---------------------------------------------------------------------------------------
//
// Groups run one after another, each on all threads.  A row depends only on its own group's matrix, so its result
// equals that of linear.

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

/// Matrix e of (E, O, I), or row e of (E, O), as a view.
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

namespace {
bool g_tf32 = false;
}
bool tf32() { return g_tf32; }
void use_tf32(bool on) { g_tf32 = on; }

}  // namespace camo
