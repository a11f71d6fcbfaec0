// [times]
Var times(const Var& a, const Var& b) {
  Tensor y = mul(a.value(), b.value());
  return record("times", y, {a, b}, [A = save_for(b, a), B = save_for(a, b)](const Tensor& dy, Grads& d) {
    if (d.wants(0)) d[0] = mul(dy, B.get());
    if (d.wants(1)) d[1] = mul(dy, A.get());
  });
}
// [/times]
