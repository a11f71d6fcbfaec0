// `camo ops` and `camo bench ops` in a build without tests: they need the op cases of tests/ops.
#include "examples/camo/bench/bench.h"
#include "examples/camo/commands/commands.h"
#include "examples/camo/options/help.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

[[noreturn]] void no_cases(const std::string& command, const Arguments& words) {
  if (!words.empty() && (words[0] == "--help" || words[0] == "-h"))
    throw HelpRequest{help_page({.name = command,
                                 .summary = "Runs the op cases of the tests; this program was built without them.",
                                 .usage = "camo " + command,
                                 .options = {}})};
  throw ConfigError(text("camo ", command, ": this program was built without the tests' op cases  [./run test builds ",
                         "it with them]"));
}

}  // namespace

int ops_command(const Arguments& words) { no_cases("ops", words); }
int bench_ops_command(const Arguments& words) { no_cases("bench ops", words); }

}  // namespace camo::program
