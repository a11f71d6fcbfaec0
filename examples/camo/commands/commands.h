// The commands of `camo`.  Each takes the words after its name and returns an exit code.
// A new command is a file commands/NAME.cpp, a declaration here and a row of commands() in commands.cpp.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/options/cli.h"

namespace camo::program {

// Each in commands/NAME.cpp.
int train_command(const Arguments& words);
int demo_command(const Arguments& words);
int check_data_command(const Arguments& words);
int eval_command(const Arguments& words);
int compare_command(const Arguments& words);
int report_command(const Arguments& words);
int verify_command(const Arguments& words);
int route_command(const Arguments& words);
int predict_command(const Arguments& words);
int serve_command(const Arguments& words);
int soup_command(const Arguments& words);
int calibrate_command(const Arguments& words);
int tune_crf_command(const Arguments& words);
int backbones_command(const Arguments& words);
int models_command(const Arguments& words);
int weights_command(const Arguments& words);
int features_command(const Arguments& words);
int import_command(const Arguments& words);
int export_command(const Arguments& words);
int inspect_command(const Arguments& words);
int synth_command(const Arguments& words);
int bench_command(const Arguments& words);
int ops_command(const Arguments& words);  // no_cases.cpp in a build without tests, whose op cases it runs

int manual_command(const Arguments& words);

/// The table of them.
std::vector<Entry> commands();

/// Does nothing; whoever calls it links processor.cpp, whose check then runs at start.
void link_processor_check();

/// Makes standard input, output and error exist, so that no file of a run gets one of their numbers; and turns the
/// signal of `ulimit -f` into an error of write().
void prepare_process();

}  // namespace camo::program
