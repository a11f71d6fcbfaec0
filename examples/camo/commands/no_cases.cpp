// `camo ops` and `camo bench ops` in a build without tests: they need the op cases of tests/ops.
#include "examples/camo/bench/bench.h"
#include "examples/camo/commands/commands.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

[[noreturn]] void no_cases(const std::string& command) {
  throw ConfigError(text("camo ", command, ": this program was built without the tests' op cases  [./run test builds ",
                         "it with them]"));
}

}  // namespace

int ops_command(const Arguments&) { no_cases("ops"); }
int bench_ops_command(const Arguments&) { no_cases("bench ops"); }

}  // namespace camo::program
