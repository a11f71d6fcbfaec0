// The checks of a case.  The reference is the f64 run of the same kernels, which the gradient check compares with
// finite differences of a random projection.  A plain sum instead of a projection would miss, for example, a softmax
// whose backward returns zeros.
#include <algorithm>
#include <cmath>

#include "autograd/gradient_check.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/op_bench.h"

namespace camo::test {
namespace {

constexpr double kGradientTolerance = 1e-6;  // of the largest gradient of the same input

Tensor convert(const Tensor& x, DType to) {
  std::vector<double> v = to_vector<double>(x);
  if (to == DType::f64) return from(v, x.shape());
  std::vector<float> f(v.begin(), v.end());
  if (to == DType::f32) return from(f, x.shape());
  Tensor out = empty(x.shape(), to);
  bf16* p = out.write<bf16>();
  for (size_t i = 0; i < f.size(); ++i) p[i] = bf16(f[i]);
  return out;
}

/// Normal numbers that are exact in every floating type, so that all runs have the same input.
Tensor numbers(const Shape& shape, uint64_t seed) {
  return convert(convert(randn(shape, seed, DType::f64), DType::bf16), DType::f64);
}

std::vector<Tensor> make_inputs(const OpCase& c, const std::vector<Shape>& shapes, bool exact_in_bf16) {
  std::vector<Tensor> out;
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::vector<double> v = to_vector<double>(randn(shapes[i], hash(c.name) + i, DType::f64));
    if (c.value)
      for (size_t j = 0; j < v.size(); ++j) v[j] = c.value(int(i), int64_t(j), v[j]);
    Tensor x = from(v, shapes[i]);
    bool stays_f32 = std::count(c.f32_inputs.begin(), c.f32_inputs.end(), int(i)) > 0;
    if (exact_in_bf16 && !stays_f32) x = convert(x, DType::bf16);
    out.push_back(convert(convert(x, DType::f32), DType::f64));
  }
  return out;
}

struct Run {
  Tensor y;
  std::vector<Tensor> grads;  // undefined where not required
};

/// Forward and backward with inputs of the given dtypes; only input `only` requires a gradient, or all if it is -1.
Run run(const OpCase& c, const std::vector<Tensor>& inputs, DType activations, int only = -1, Device device = {}) {
  Vars x;
  for (size_t i = 0; i < inputs.size(); ++i) {
    bool stays_f32 = std::count(c.f32_inputs.begin(), c.f32_inputs.end(), int(i)) > 0;
    DType t = activations == DType::bf16 && stays_f32 ? DType::f32 : activations;
    Tensor value = convert(inputs[i], t).to(device);
    x.push_back(only < 0 || only == int(i) ? Var::leaf(value) : Var(value));
  }
  Var y = c.run(x);
  if (y.wants_grad()) backward(y, convert(numbers(y.shape(), 77), y.dtype()).to(device));
  Run out{y.value(), {}};
  for (const Var& v : x) out.grads.push_back(v.wants_grad() ? v.grad() : Tensor());
  return out;
}

/// The largest relative error of y and of all gradients.
double run_error(const Run& a, const Run& b) {
  double worst = relative_error(a.y, b.y);
  for (size_t i = 0; i < a.grads.size(); ++i) {
    check(a.grads[i].defined() == b.grads[i].defined(), "one run has no gradient of input ", i);
    if (a.grads[i].defined()) worst = std::max(worst, relative_error(a.grads[i], b.grads[i]));
  }
  return worst;
}

Outcome within(double error, double tolerance, const std::string& what = "") {
  return {.applies = true,
          .passed = error <= tolerance,
          .note = text(what, what.empty() ? "" : " ", "error ", error, " of ", tolerance)};
}

Outcome check_single_input(const OpCase& c) {
  std::vector<Tensor> in = make_inputs(c, c.inputs, false);
  Run all = run(c, in, DType::f64);
  double worst = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    Run one = run(c, in, DType::f64, int(i));
    check(one.grads[i].defined(), "no gradient for input ", i, " alone");
    worst = std::max(worst, relative_error(one.grads[i], all.grads[i]));
  }
  return within(worst, 1e-12);
}

Outcome check_dtype(const OpCase& c, DType t) {
  std::vector<Tensor> in = make_inputs(c, c.inputs, t == DType::bf16);
  return within(run_error(run(c, in, t), run(c, in, DType::f64)), t == DType::f32 ? c.f32_tolerance : c.bf16_tolerance);
}

/// Also runs the further sizes, because a small input is a single chunk, which any number of threads runs alike.
Outcome check_determinism(const OpCase& c) {
  std::vector<std::vector<Shape>> all = c.sizes;
  all.push_back(c.inputs);
  int before = threads();
  Outcome out;
  for (const auto& shapes : all) {
    std::vector<Tensor> in = make_inputs(c, shapes, false);
    set_threads(1);
    Run first = run(c, in, DType::f32);
    for (int n : {1, 2, 3}) {
      set_threads(n);
      Run again = run(c, in, DType::f32);
      bool same = equal_bits(again.y, first.y);
      for (size_t i = 0; i < in.size(); ++i)
        if (first.grads[i].defined()) same = same && equal_bits(again.grads[i], first.grads[i]);
      if (!same)
        out = {.applies = true, .passed = false, .note = text("other bits with ", n, " threads at ", shapes[0])};
    }
  }
  set_threads(before);
  return out;
}

/// How far the GPU may be off beyond twice the CPU's own error, for sums in another order and fused multiply-adds.
double cuda_floor(DType t) { return t == DType::f64 ? 1e-13 : t == DType::f32 ? 1e-6 : 1e-3; }

/// Compares CUDA, real or emulated, with f64 on the CPU: forward and gradients, all sizes and dtypes.  Then three runs
/// must give the same bits; the emulator runs them in three orders of blocks and threads.
Outcome check_cuda(const OpCase& c) {
  if (cuda_device_count() == 0) return {.applies = false, .passed = true, .note = "no CUDA backend or no GPU"};
  const Device cuda{Device::cuda, 0};
  std::vector<std::vector<Shape>> all = c.sizes;
  all.push_back(c.inputs);
  double worst = 0;
  for (const auto& shapes : all)
    for (DType t : {DType::f64, DType::f32, DType::bf16}) {
      if (t == DType::bf16 && c.except.count(Check::bf16)) continue;
      const std::vector<Tensor> in = make_inputs(c, shapes, t == DType::bf16);
      const Run reference = run(c, in, DType::f64), gpu = run(c, in, t, -1, cuda);
      const double error = run_error(gpu, reference), bound = 2 * run_error(run(c, in, t), reference) + cuda_floor(t);
      if (!(error <= bound)) return within(error, bound, text(t, " ", shapes.empty() ? Shape{} : shapes[0]));
      worst = std::max(worst, error / bound);
    }
  const std::vector<Tensor> in = make_inputs(c, c.inputs, false);
  const Run first = run(c, in, DType::f32, -1, cuda);
  bool same = true;
  for (uint64_t schedule : {1, 2, 3}) {
    set_cuda_schedule(schedule);
    const Run again = run(c, in, DType::f32, -1, cuda);
    same = same && equal_bits(again.y, first.y);
    for (size_t i = 0; i < in.size(); ++i)
      if (first.grads[i].defined()) same = same && equal_bits(again.grads[i], first.grads[i]);
  }
  set_cuda_schedule(0);
  return {.applies = true,
          .passed = same,
          .note = same ? text("error at most ", worst, " of the bound") : "other bits in another run"};
}

Outcome check_sizes(const OpCase& c) {
  Outcome worst;
  for (const auto& shapes : c.sizes) {
    std::vector<Tensor> in = make_inputs(c, shapes, false);
    Outcome one = within(run_error(run(c, in, DType::f32), run(c, in, DType::f64)), c.f32_tolerance, text(shapes[0]));
    if (!one.passed) return one;
  }
  worst.note = text(c.sizes.size(), " sizes");
  return worst;
}

Outcome check_errors(const OpCase& c) {
  for (size_t i = 0; i < c.errors.size(); ++i) {
    try {
      c.errors[i].call();
      return {.applies = true, .passed = false, .note = text("bad call ", i, " was accepted")};
    } catch (const Error& e) {
      for (const std::string& part : c.errors[i].says)
        if (std::string(e.what()).find(part) == std::string::npos)
          return {.applies = true,
                  .passed = false,
                  .note = text("bad call ", i, " says '", e.what(), "', not '", part, "'")};
    }
  }
  return {.applies = true, .passed = true, .note = text(c.errors.size(), " bad calls")};
}

Outcome bench(const OpCase& c) {
  const Timing t = time_case(c, DType::f32, {});
  std::string rate;
  if (t.flops > 0) rate += text("  ", t.flops / t.forward * 1e-9, " GFLOP/s");
  if (c.bytes > 0) rate += text("  ", t.forward_bytes / t.forward * 1e-9, " GB/s");
  const std::string backward = t.both > 0 ? text(", ", t.both * 1e3, " ms with backward") : "";
  return {.applies = true, .passed = true, .note = text(t.forward * 1e3, " ms forward", backward, rate)};
}

/// The one list of checks, in the order of the enumeration.
struct Row {
  Check check;
  const char* name;
  Outcome (*run)(const OpCase& c);
};
const Row kRows[] = {
    {Check::gradient, "gradient",
     [](const OpCase& c) {
       return within(gradient_error(c.run, make_inputs(c, c.inputs, false)), kGradientTolerance);
     }},
    {Check::single_input, "single_input", check_single_input},
    {Check::f32, "f32", [](const OpCase& c) { return check_dtype(c, DType::f32); }},
    {Check::bf16, "bf16", [](const OpCase& c) { return check_dtype(c, DType::bf16); }},
    {Check::cuda, "cuda", check_cuda},
    {Check::determinism, "determinism", check_determinism},
    {Check::sizes, "sizes", check_sizes},
    {Check::errors, "errors", check_errors},
    {Check::bench, "bench", bench},
};

/// An empty list must not count as a passed check.
const char* nothing_listed(const OpCase& c, Check check) {
  if (check == Check::sizes && c.sizes.empty()) return "no further sizes listed";
  if (check == Check::errors && c.errors.empty()) return "no bad calls listed";
  if (check == Check::bench && c.bench_inputs.empty()) return "no benchmark size listed";
  if (check == Check::single_input && c.inputs.size() < 2) return "one input only";
  return nullptr;
}

}  // namespace

const char* name(Check check) { return kRows[int(check)].name; }

std::vector<Check> checks() {
  std::vector<Check> out;
  for (const Row& row : kRows)
    if (row.check != Check::bench) out.push_back(row.check);
  return out;
}

Outcome run_check(const OpCase& c, Check check) {
  if (auto it = c.except.find(check); it != c.except.end())
    return {.applies = false, .passed = true, .note = it->second};
  if (const char* why = nothing_listed(c, check)) return {.applies = false, .passed = true, .note = why};
  try {
    return kRows[int(check)].run(c);
  } catch (const std::exception& e) {
    return {.applies = true, .passed = false, .note = e.what()};
  }
}

}  // namespace camo::test
