// camo bench: kernels against the peak measured in the same minutes; `step` is a whole training step.
#include "examples/camo/bench.h"
#include "examples/camo/bench_step.h"
#include "examples/camo/commands.h"
#include "tensor/error.h"

namespace camo::program {

int bench_command(const Arguments& words) {
  StepBench step;
  int64_t threads = 0, rounds = step.rounds;
  Command command{
      .name = "bench",
      .summary =
          "Measures kernels (gemm, conv, attention, all) against the multiply-add peak measured in the same "
          "run, or one "
          "training step of a backbone (step).",
      .usage = "camo bench [gemm|conv|attention|all|step] [flags]",
      .options =
          {{.name = "threads",
            .value = &threads,
            .help = "largest number of threads; 0: one per core",
            .low = 0,
            .high = 1024},
           {.name = "backbone", .value = &step.backbone, .help = "of step"},
           {.name = "batch", .value = &step.batch, .help = "photographs, of step", .low = 1, .high = 4096},
           {.name = "size", .value = &step.size, .help = "pixels, of step", .low = 32, .high = 4096},
           {.name = "rounds", .value = &rounds, .help = "of step", .low = 1, .high = 1e6},
           {.name = "serve", .value = &step.serve, .help = "step obeys commands on standard input"}},
      .rest = "WHAT"};
  Given given = read(command, words);
  check<ConfigError>(given.rest.size() <= 1, "camo bench: takes one subject");
  step.threads = int(threads), step.rounds = int(rounds);
  std::string what = given.rest.empty() ? "all" : given.rest[0];
  return what == "step" ? bench_step(step) : bench(what, step.threads);
}

}  // namespace camo::program
