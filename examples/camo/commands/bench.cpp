// camo bench: kernels against the peak measured in the same minutes; `step` is a whole training step.
#include "examples/camo/bench/bench.h"

#include "examples/camo/bench/step.h"
#include "examples/camo/commands/commands.h"
#include "tensor/error.h"

namespace camo::program {

int bench_command(const Arguments& words) {
  if (!words.empty() && words[0] == "train") return bench_train_command(words);
  if (!words.empty() && words[0] == "load") return bench_load_command({words.begin() + 1, words.end()});
  if (!words.empty() && words[0] == "metrics") return bench_metrics_command({words.begin() + 1, words.end()});
  if (!words.empty() && words[0] == "moe") return bench_moe_command({words.begin() + 1, words.end()});
  if (!words.empty() && words[0] == "ops") return bench_ops_command(words);
  StepBench step;
  int64_t threads = 0, rounds = step.rounds;
  Command command{
      .name = "bench",
      .summary =
          "Measures kernels (gemm, conv, attention, all) against the multiply-add peak measured in the same "
          "run, or one "
          "training step of a backbone (step).  train, load, metrics, moe and ops have flags of their own.",
      .usage = "camo bench [gemm|conv|attention|all|step|train|load|metrics|moe|ops] [flags]",
      .options = {{"threads", &threads, "largest number of threads; 0: one per core", 0, 1024},
                  {"backbone", &step.backbone, "of step"},
                  {"batch", &step.batch, "photographs, of step", 1, 4096},
                  {"size", &step.size, "pixels, of step", 32, 4096},
                  {"rounds", &rounds, "of step", 1, 1e6},
                  {"serve", &step.serve, "step obeys commands on standard input"}},
      .rest = "WHAT"};
  Given given = read(command, words);
  check<ConfigError>(given.rest.size() <= 1, "camo bench: takes one subject");
  step.threads = int(threads), step.rounds = int(rounds);
  std::string what = given.rest.empty() ? "all" : given.rest[0];
  return what == "step" ? bench_step(step) : bench(what, step.threads);
}

}  // namespace camo::program
