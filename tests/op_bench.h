// Measures the time of a case, and the least time it can take.  Used by `camo bench ops` and by the check `bench`.
//
// The bound of an op is the larger of two times: its bytes over the measured copy bandwidth, and its flops over the
// measured rate of a large product.  A backward pass must at least read dy and write the gradients, and does twice the
// flops of forward.
#pragma once

#include <algorithm>
#include <array>

#include "tests/op_case.h"

namespace camo::test {

/// small: the shapes of the checks, for trying the benchmark itself; listed: the case's bench_inputs; large: with eight
/// times their leading axis (a batch of 32 photographs), for a device whose caches hold the listed size.
enum class BenchSize { small, listed, large };
constexpr auto names_of(BenchSize) { return std::array{"small", "listed", "large"}; }

struct BenchPlan {
  Device device = {};
  BenchSize size = BenchSize::listed;
  int rounds = 9;  // samples of one or more calls; the result is their median
};

/// The median time of f() in seconds.  Waits for the device around each sample, not around each call.
double median_seconds(const BenchPlan& plan, const std::function<void()>& f);

/// The limits of the device, measured now.
struct Peaks {
  double bytes = 0;                      // per second, read and written, by a long copy
  double f32_flops = 0, bf16_flops = 0;  // per second, by a large matmul
  double call = 0;                       // seconds of the shortest op: the overhead of any call

  double flops(DType t) const { return t == DType::bf16 ? bf16_flops : f32_flops; }
};
Peaks measure_peaks(const BenchPlan& plan);

struct Timing {
  DType dtype = DType::f32;
  std::vector<Shape> inputs;
  double forward = 0, both = 0;  // seconds of forward, and of forward with backward (0: no backward)
  double forward_bytes = 0, backward_bytes = 0, flops = 0;  // bytes of forward and backward; flops of forward

  double forward_bound(const Peaks& p) const { return std::max(forward_bytes / p.bytes, flops / p.flops(dtype)); }
  double both_bound(const Peaks& p) const {
    return forward_bound(p) + std::max(backward_bytes / p.bytes, 2 * flops / p.flops(dtype));
  }
};
/// Times a case that lists a benchmark size.  In bf16, inputs listed as f32 (weights, gains) stay f32.
Timing time_case(const OpCase& c, DType dtype, const BenchPlan& plan);

}  // namespace camo::test
