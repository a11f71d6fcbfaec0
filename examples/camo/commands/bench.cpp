// camo bench: the table of its subjects.  Read next: bench/bench.h.
#include "examples/camo/bench/bench.h"

#include "examples/camo/commands/commands.h"
#include "examples/camo/options/help.h"

namespace camo::program {
namespace {

std::vector<Entry> subjects() {
  auto kernels = [](const char* subject) {
    return [subject](const Arguments& words) { return bench_kernels_command(subject, words); };
  };
  return {
      {"all", "gemm, then conv; this is what runs without a subject", kernels("all")},
      {"gemm", "matrix products at the sizes of PVTv2-B2", kernels("gemm")},
      {"conv", "convolutions at the sizes of the network, and their gradients", kernels("conv")},
      {"step", "a training step of a backbone", bench_step_command},
      {"train", "training steps of the demo's network, on one device", bench_train_command},
      {"load", "loading weights from a file", bench_load_command},
      {"metrics", "the measures of camo eval", bench_metrics_command},
      {"moe", "the mixture-of-experts layer against a loop over images", bench_moe_command},
      {"parallel", "a training step by several processes, and what their messages cost", bench_parallel_command},
      {"recompute", "memory and time of each choice of --recompute", bench_recompute_command},
      {"attention", "attention without a score matrix against attention with one", bench_attention_command},
      {"predict", "how long a photograph takes", bench_predict_command},
      {"ladder", "one task in several steps, from the plain loop to the kernel", bench_ladder_command},
      {"ops", "every op against what the device can do", bench_ops_command},
  };
}

}  // namespace

int bench_command(const Arguments& words) {
  const std::string first = words.empty() ? "" : words[0];
  if (first == "--help" || first == "-h") {
    throw HelpRequest{help_page(
        {.name = "bench",
         .summary = "Measures how fast this machine runs Camo.  camo bench SUBJECT --help shows a subject's flags.",
         .usage = "camo bench [SUBJECT] [flags]",
         .options = {},
         .subjects = subjects()})};
  }
  if (first.empty() || first[0] == '-') return bench_kernels_command("all", words);
  return find_entry(subjects(), first, "camo bench: no such subject '").run({words.begin() + 1, words.end()});
}

}  // namespace camo::program
