Var wrong_op(const Var& x) {
  return record("wrong", softmax(x.value()), {x},
                [shape = x.shape()](const Tensor&, Grads& d) { d[0] = zeros(shape, DType::f64); });
}
