struct RmsNorm : nn::Module {
  Var& gain;
  RmsNorm(nn::Scope s, int64_t dim)
      : Module(std::move(s)), gain(parameter("gain", {dim}, nn::constant(1), {.decay = false})) {}
  Var forward(const Var& x) { return x * rsqrt(mean(square(x), {-1}, true) + 1e-6) * cast(gain, x.dtype()); }
};
