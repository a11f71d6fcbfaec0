// The commands of `camo`.  Each takes the words after its name and returns an exit code.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/options/cli.h"

namespace camo::program {

using Arguments = std::vector<std::string>;

int train_command(const Arguments& words);          // train.cpp
int demo_command(const Arguments& words);           // demo.cpp
int eval_command(const Arguments& words);           // eval.cpp
int compare_command(const Arguments& words);        // compare.cpp
int verify_command(const Arguments& words);         // verify.cpp
int route_command(const Arguments& words);          // route.cpp
int predict_command(const Arguments& words);        // predict.cpp
int backbones_command(const Arguments& words);      // backbones.cpp
int models_command(const Arguments& words);         // models.cpp
int features_command(const Arguments& words);       // features.cpp
int import_command(const Arguments& words);         // exchange.cpp
int export_command(const Arguments& words);         // exchange.cpp
int inspect_command(const Arguments& words);        // inspect.cpp
int synth_command(const Arguments& words);          // synth_command.cpp
int bench_command(const Arguments& words);          // bench_command.cpp
int bench_train_command(const Arguments& words);    // bench_train.cpp: `camo bench train`
int bench_load_command(const Arguments& words);     // bench_load.cpp: `camo bench load`
int bench_metrics_command(const Arguments& words);  // bench_metrics.cpp: `camo bench metrics`
int bench_moe_command(const Arguments& words);      // bench_moe.cpp: `camo bench moe`

/// These two run the op cases of the tests.  In a build without tests they say how to get one (no_cases.cpp).
int ops_command(const Arguments& words);        // ops.cpp
int bench_ops_command(const Arguments& words);  // bench/ops.cpp: `camo bench ops`

std::vector<Entry> commands();

/// Threads that wait for each other must not spin: loader workers, or another program, need the cores.  Only a benchmark
/// has the machine to itself.  OpenMP reads OMP_WAIT_POLICY when the process starts, so this sets it and starts the
/// process again, unless the caller set it already.
void sleep_while_waiting(int argc, char** argv);

}  // namespace camo::program
