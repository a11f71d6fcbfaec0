// The subjects of `camo bench`, and a table of kernels against the speed of this machine.
//
// Results for kernels are fractions of the multiply-add peak measured at the same time, because clock rates and other
// load change.  The rows of a table are run in turn, round by round, and the median of the rounds is printed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "examples/camo/options/cli.h"
#include "tensor/ops/matmul.h"

namespace camo::program {

/// One kernel to time: the flops of one call, and the call.
struct BenchRow {
  std::string name;
  double flops;
  std::function<void()> run;
};

/// The numbers of "4,8,16"; ConfigError names `label` unless each is an integer of at least 1.
std::vector<int64_t> list_of(const std::string& words, const std::string& label);

/// Peak in flop/s on `threads` threads of multiply-adds of f32, or of bf16 numbers by these units; measured in a few
/// milliseconds.
double measured_peak(int threads, Bf16Units units = Bf16Units::off);

/// Times the rows with each number of threads and prints GFLOP/s, fractions of the peak and their geometric means.
/// Returns the geometric means, one per number of threads.
std::vector<double> bench_table(const std::string& title, std::vector<BenchRow> rows, const std::vector<int>& threads,
                                Bf16Units units = Bf16Units::off);

// Tables, each with one thread and with all.
void bench_gemm(const std::vector<int>& threads);
void bench_conv(const std::vector<int>& threads);

// Subjects, each in bench/NAME.cpp.  They take the words after `camo bench NAME` and return an exit code.
int bench_kernels_command(const std::string& subject, const Arguments& words);  // bench.cpp: gemm, conv or all
int bench_step_command(const Arguments& words);
int bench_train_command(const Arguments& words);
int bench_load_command(const Arguments& words);
int bench_metrics_command(const Arguments& words);
int bench_moe_command(const Arguments& words);
int bench_recompute_command(const Arguments& words);
int bench_parallel_command(const Arguments& words);
int bench_attention_command(const Arguments& words);
int bench_predict_command(const Arguments& words);
int bench_ladder_command(const Arguments& words);
int bench_ops_command(const Arguments& words);  // commands/no_cases.cpp in a build without tests

}  // namespace camo::program
