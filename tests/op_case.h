// An OpCase for an op, or for a special configuration of it, drives all checks and the benchmark.
//
//   static const bool gelu_case = add_case({
//       .name = "gelu", .inputs = {{3, 37}}, .run = [](const Vars& x) { return gelu(x[0]); }});
//
// It gets these checks: gradients in f64 by random projection; each input alone; f32 and bf16 against f64; CUDA
// against CPU; poisoned memory; two runs and 1, 2, 3 threads bit for bit; the listed extra sizes; the listed bad
// calls; a benchmark.
// A case that cannot take part in a check lists it in `except` with the reason; those are counted and printed.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "autograd/ops.h"

namespace camo::test {

enum class Check { gradient, single_input, f32, bf16, cuda, determinism, sizes, errors, bench };

struct BadCall {
  std::function<void()> call;     // must throw
  std::vector<std::string> says;  // each must be in the message (op name, both shapes)
};

struct OpCase {
  std::string name;                     // "stem" or "stem: configuration"
  std::vector<Shape> inputs;            // shapes of the differentiable inputs
  std::function<Var(const Vars&)> run;  // must not change state
  /// Value of input i, element j, from a standard normal number z; must keep away from kinks.  Default: z.
  std::function<double(int i, int64_t j, double z)> value = nullptr;
  /// Further input shapes to run through forward and backward in f32 (0, 1, 31, 33, 257, whole tiles and tails),
  /// compared with f64.
  std::vector<std::vector<Shape>> sizes = {};
  std::vector<BadCall> errors = {};
  /// Inputs that stay f32 when the activations are bf16 (weights, gains, biases).
  std::vector<int> f32_inputs = {};
  /// Shapes for the benchmark; flops of a forward pass (0: not counted) and the bytes that it must move in f32 (0:
  /// those of inputs and output).
  std::vector<Shape> bench_inputs = {};
  double flops = 0, bytes = 0;
  /// What to time if run does more than the op (makes a target, copies its inputs): called once with the inputs,
  /// returns the function to time.  An in-place op returns an undefined Var, and its case states its bytes.
  std::function<std::function<Var(const Vars&)>(const Vars&)> timed = nullptr;
  bool bench_grows = true;                             // false: a longer leading axis is not more of the same work
  double f32_tolerance = 2e-5, bf16_tolerance = 2e-2;  // relative L2 error against f64
  std::map<Check, std::string> except = {};            // check -> why it does not apply
  std::string stem = {};                               // set by add_case
};

/// Registers a case under the stem of its file (tests/ops/STEM.cpp).  The return value only serves to
/// initialise a static.
bool add_case(OpCase c, const char* file = __builtin_FILE());
const std::vector<OpCase>& cases();

/// The outcome of one check of one case.
struct Outcome {
  bool applies = true, passed = true;
  std::string note;  // the failure, the reason why it does not apply, or the measured number
};
/// Runs one check; never throws.
Outcome run_check(const OpCase& c, Check check);
const char* name(Check check);
/// Every check but the benchmark, in order.
std::vector<Check> checks();

}  // namespace camo::test
