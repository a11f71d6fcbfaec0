#include "examples/camo/commands/commands.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace camo::program {

void sleep_while_waiting(int argc, char** argv) {
  const char* policy = argc > 1 && std::string_view(argv[1]) == "bench" ? "active" : "passive";
  if (std::getenv("OMP_WAIT_POLICY") || ::setenv("OMP_WAIT_POLICY", policy, 0) != 0) return;
  std::error_code error;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) ::execv(self.c_str(), argv);
}

std::vector<Entry> commands() {
  return {
      {"demo", "train on synthetic camouflage for some minutes and look at the result", demo_command},
      {"train", "train a network on photographs with masks, or go on with a run", train_command},
      {"eval", "score a trained network, or a folder of maps, against masks", eval_command},
      {"compare", "two models' scores on the same images, with intervals", compare_command},
      {"verify", "check that routing, experts and attention do what they say", verify_command},
      {"route", "draw where photographs are sent, and what each expert makes of them", route_command},
      {"predict", "find the object in photographs", predict_command},
      {"models", "the networks that can be named, with their parameters and cost", models_command},
      {"backbones", "the feature extractors that can be named, with their cost", backbones_command},
      {"features", "what a backbone makes of given numbers, to compare with other programs", features_command},
      {"import", "turn anybody's weights of a backbone into one clean file", import_command},
      {"export", "write a trained network for PyTorch", export_command},
      {"inspect", "what a weight file or checkpoint holds", inspect_command},
      {"synth", "write synthetic photographs with masks as files", synth_command},
      {"bench", "measure kernels against this machine's peak", bench_command},
      {"ops", "coverage table: every op against every check", ops_command},
  };
}

}  // namespace camo::program
