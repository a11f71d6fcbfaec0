// How long a case takes, and the least it can take: `camo bench ops` and the check `bench` both ask here.
//
// The bound of an op is the larger of its bytes over the measured copy bandwidth and its flops over the measured rate of
// a large product.  A backward pass must at least read dy and write the gradients, and do twice the flops of forward.
#pragma once

#include <algorithm>
#include <array>

#include "tests/op_case.h"

namespace camo::test {

/// small: the shapes of the checks, to try the benchmark itself; listed: the case's bench_inputs; large: with eight times
/// their leading axis (a batch of 32 photographs), for a device whose caches hold the listed size.
enum class BenchSize { small, listed, large };
constexpr auto names_of(BenchSize) { return std::array{"small", "listed", "large"}; }

struct BenchPlan {
  Device device = {};
  BenchSize size = BenchSize::listed;
  int rounds = 9;  // samples of one call or more; their median counts
};

/// Median time of f() in seconds.  The device is waited for around each sample, not around each call.
double median_seconds(const BenchPlan& plan, const std::function<void()>& f);

/// What the device does, measured now.
struct Peaks {
  double bytes = 0;                      // a second, read or written, by a long copy
  double f32_flops = 0, bf16_flops = 0;  // a second, by a large matmul
  double call = 0;                       // seconds of the shortest op: no call is shorter

  double flops(DType t) const { return t == DType::bf16 ? bf16_flops : f32_flops; }
};
Peaks measure_peaks(const BenchPlan& plan);

struct Timing {
  DType dtype = DType::f32;
  std::vector<Shape> inputs;
  double forward = 0, both = 0;  // seconds of forward, and of forward with backward (0: none)
  double forward_bytes = 0, backward_bytes = 0, flops = 0;  // of a forward pass; backward bytes; forward flops

  double forward_bound(const Peaks& p) const { return std::max(forward_bytes / p.bytes, flops / p.flops(dtype)); }
  double both_bound(const Peaks& p) const {
    return forward_bound(p) + std::max(backward_bytes / p.bytes, 2 * flops / p.flops(dtype));
  }
};
/// Times a case that lists a benchmark size.  f32 or bf16; what stays f32 (weights, gains) does.
Timing time_case(const OpCase& c, DType dtype, const BenchPlan& plan);

}  // namespace camo::test
