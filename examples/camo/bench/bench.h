// `camo bench`: how fast the kernels are against what this machine can do.
//
// Every figure is a fraction of the multiply-add peak measured in the same minutes, because clocks and
// neighbours change.  Rows of a table run interleaved, round by round; the median of the rounds counts.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace camo {

/// One thing to time: flops of one call, and a call (made with the thread count already set).
struct BenchRow {
  std::string name;
  double flops;
  std::function<void()> run;
};

/// Measured peak in flop/s of f32 multiply-adds on `threads` threads (a few milliseconds).
double measured_peak(int threads);

/// Times the rows at each thread count and prints GFLOP/s, fraction of the peak, and geometric means.
/// Returns the geometric means, one per thread count.
std::vector<double> bench_table(const std::string& title, std::vector<BenchRow> rows, const std::vector<int>& threads);

/// A line of /proc/self/status in MiB: VmRSS (resident now) or VmHWM (its peak).  0 where there is none.
double status_mib(const std::string& key);

/// what: gemm, conv, attention or all; threads: the largest count (0: all cores).  Returns an exit code.
int bench(const std::string& what, int threads);

// One function per subject, each in a file of its own.
void bench_gemm(const std::vector<int>& threads);
void bench_conv(const std::vector<int>& threads);

}  // namespace camo
