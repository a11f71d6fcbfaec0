// The commands of `camo`.  Each takes the words after its name and returns an exit code.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/cli.h"

namespace camo::program {

using Arguments = std::vector<std::string>;

int train_command(const Arguments& words);    // train.cpp
int demo_command(const Arguments& words);     // demo.cpp
int eval_command(const Arguments& words);     // eval.cpp
int compare_command(const Arguments& words);  // compare.cpp
int verify_command(const Arguments& words);   // verify.cpp
int route_command(const Arguments& words);    // route.cpp
int predict_command(const Arguments& words);  // predict.cpp
int backbones_command(const Arguments& words);  // backbones.cpp
int models_command(const Arguments& words);     // models.cpp
int features_command(const Arguments& words);   // features.cpp
int import_command(const Arguments& words);     // exchange.cpp
int export_command(const Arguments& words);     // exchange.cpp
int inspect_command(const Arguments& words);  // inspect.cpp
int synth_command(const Arguments& words);    // synth_command.cpp
int bench_command(const Arguments& words);    // bench_command.cpp
int bench_train_command(const Arguments& words);  // bench_train.cpp: `camo bench train`
int bench_load_command(const Arguments& words);   // bench_load.cpp: `camo bench load`
int bench_metrics_command(const Arguments& words);  // bench_metrics.cpp: `camo bench metrics`
int bench_moe_command(const Arguments& words);    // bench_moe.cpp: `camo bench moe`

/// `camo bench ops` needs the op cases of the tests: bench_ops.cpp, in builds that have them.
int bench_ops_command(const Arguments& words);

/// All of them but `ops`, which needs the op cases of the tests and lives in main.cpp.
std::vector<Entry> commands();

}  // namespace camo::program
