// One training step of a backbone: forward, mean of squares over the features, backward.  Twin of
// tests/peers/step_timm.py; tests/peers/compare_step.py interleaves the two.
#pragma once

#include <cstdint>
#include <string>

namespace camo {

struct StepBench {
  std::string backbone = "pvt_v2_b0";
  int64_t batch = 4, size = 352;
  int threads = 0;     // 0: one per core
  int rounds = 7;      // after two that are not counted
  bool serve = false;  // obey commands on standard input instead: "step" -> "ms 123.4", "memory" -> "mib 567.8"
};

/// Prints the median of the rounds in ms, and the memory of the first step (peak resident memory in it minus
/// resident memory before it).  Returns an exit code.
int bench_step(const StepBench& options);

}  // namespace camo
