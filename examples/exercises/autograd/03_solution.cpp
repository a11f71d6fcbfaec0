Var length(const Var& a, const Var& b) {
  auto value = [](const Tensor& x, const Tensor& y) { return sqrt(add(mul(x, x), mul(y, y))); };
  return record("length", value(a.value(), b.value()), {a, b},
                [=, A = save(a), B = save(b)](const Tensor& dy, Grads& d) {
                  const Tensor scaled = div(dy, value(A.get(), B.get()));
                  if (d.wants(0)) d[0] = mul(scaled, A.get());
                  if (d.wants(1)) d[1] = mul(scaled, B.get());
                });
}
