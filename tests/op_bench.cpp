#include "tests/op_bench.h"

#include <algorithm>
#include <chrono>

#include "tensor/random.h"

namespace camo::test {
namespace {

constexpr double kSample = 2e-3;  // seconds that a sample should last: far more than reading the clock takes
constexpr int kMostCalls = 100, kLarger = 8;
constexpr int64_t kDrawn = int64_t(1) << 20;

/// Random numbers of any size, made quickly by repeating 2^20 of them.  Zeros would be unfair: products of
/// zeros take less power.
Tensor numbers(uint64_t seed, const Shape& shape, DType dtype, Device device,
               const std::function<double(int64_t j, double z)>& value = nullptr) {
  const int64_t n = shape.numel(), drawn = std::min(n, kDrawn);
  Tensor first = randn({drawn}, seed);
  float* p = first.write<float>();
  for (int64_t j = 0; value && j < drawn; ++j) p[j] = float(value(j, double(p[j])));
  first = cast(first, dtype).to(device);
  Tensor all = empty({n}, dtype, device);
  for (int64_t at = 0; at < n; at += drawn) {
    const int64_t rows = std::min(drawn, n - at);
    copy_into(all.slice(at, at + rows), first.slice(0, rows));
  }
  return all.reshape(shape);
}

bool stays_f32(const OpCase& c, size_t i) { return std::count(c.f32_inputs.begin(), c.f32_inputs.end(), int(i)) > 0; }

/// In the large size, every input that shares the first input's leading axis gets a longer one.
std::vector<Shape> shapes_of(const OpCase& c, BenchSize size) {
  if (size == BenchSize::small) return c.inputs;
  std::vector<Shape> out = c.bench_inputs;
  if (size == BenchSize::large && c.bench_grows)
    for (size_t i = 0; i < out.size(); ++i)
      if (!stays_f32(c, i) && out[i][0] == c.bench_inputs[0][0]) out[i] = out[i].with(0, kLarger * out[i][0]);
  return out;
}

double bytes_of(const Vars& x) {
  double out = 0;
  for (const Var& v : x) out += double(v.value().bytes());
  return out;
}

}  // namespace

double median_seconds(const BenchPlan& plan, const std::function<void()>& f) {
  using Clock = std::chrono::steady_clock;
  auto sample = [&](int calls) {
    synchronize(plan.device);
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < calls; ++i) f();
    synchronize(plan.device);
    return std::chrono::duration<double>(Clock::now() - start).count() / calls;
  };
  if (plan.size == BenchSize::small) return sample(1);
  f();  // the first call allocates memory
  const int calls = std::clamp(int(kSample / sample(1)), 1, kMostCalls);
  std::vector<double> seconds;
  for (int i = 0; i < plan.rounds; ++i) seconds.push_back(sample(calls));
  std::nth_element(seconds.begin(), seconds.begin() + plan.rounds / 2, seconds.end());
  return seconds[size_t(plan.rounds / 2)];
}

Peaks measure_peaks(const BenchPlan& plan) {
  NoGrad no_grad;
  const bool small = plan.size == BenchSize::small, gpu = plan.device.kind == Device::cuda;
  Peaks out;
  {
    const int64_t n = int64_t(1) << (small ? 12 : gpu ? 28 : 26);  // 1 GiB on a GPU, else 256 MiB
    const Tensor from = numbers(0, {n}, DType::f32, plan.device);
    Tensor to = empty_like(from);
    out.bytes = 2 * double(from.bytes()) / median_seconds(plan, [&] { copy_into(to, from); });
  }
  const int64_t n = small ? 16 : gpu ? 8192 : 1024;
  for (DType t : {DType::f32, DType::bf16}) {
    const Tensor a = numbers(1, {n, n}, t, plan.device), b = numbers(2, {n, n}, t, plan.device);
    const double seconds = median_seconds(plan, [&] { matmul(a, b, Trans::no, Trans::yes); });
    (t == DType::f32 ? out.f32_flops : out.bf16_flops) = 2 * double(n) * double(n) * double(n) / seconds;
  }
  const Tensor one = full({1}, 1, DType::f32, plan.device);
  out.call = median_seconds(plan, [&] { scale(one, 2); });
  return out;
}

Timing time_case(const OpCase& c, DType dtype, const BenchPlan& plan) {
  Timing out{.dtype = dtype, .inputs = shapes_of(c, plan.size)};
  Vars x;
  for (size_t i = 0; i < out.inputs.size(); ++i) {
    std::function<double(int64_t, double)> value;
    if (c.value) value = [&](int64_t j, double z) { return c.value(int(i), j, z); };
    const DType type = stays_f32(c, i) ? DType::f32 : dtype;
    x.push_back(Var::leaf(numbers(hash(c.name) + i, out.inputs[i], type, plan.device, value)));
  }
  const std::function<Var(const Vars&)> run = c.timed ? c.timed(x) : c.run;

  Var y;
  out.forward = median_seconds(plan, [&] {
    NoGrad no_grad;
    y = Var();  // its memory is free for the next result, as in PyTorch's loop
    y = run(x);
  });
  if (plan.size != BenchSize::small) {  // the case states its bytes for the listed size, in f32
    const double grown = double(out.inputs[0].numel()) / double(c.bench_inputs[0].numel());
    out.flops = c.flops * grown;
    out.forward_bytes = c.bytes * grown * double(size_of(dtype)) / 4;
  }
  if (out.forward_bytes == 0) out.forward_bytes = bytes_of(x) + (y.defined() ? double(y.value().bytes()) : 0);
  if (!y.defined()) return out;

  const Tensor dy = numbers(77, y.shape(), y.dtype(), plan.device);
  y = run(x);
  if (!y.wants_grad()) return out;
  y = Var();
  out.both = median_seconds(plan, [&] {
    for (Var& v : x) v.clear_grad();
    backward(run(x), dy);
  });
  out.backward_bytes = double(dy.bytes());
  for (const Var& v : x)
    if (v.grad().defined()) out.backward_bytes += double(v.grad().bytes());
  return out;
}

}  // namespace camo::test
