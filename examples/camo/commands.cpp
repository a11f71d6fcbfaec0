#include "examples/camo/commands.h"

namespace camo::program {

std::vector<Entry> commands() {
  return {
      {"demo", "train on synthetic camouflage for some minutes and look at the result", demo_command},
      {"train", "train a network on photographs with masks, or go on with a run", train_command},
      {"eval", "score a trained network, or a folder of maps, against masks", eval_command},
      {"predict", "find the object in photographs", predict_command},
      {"inspect", "what a weight file or checkpoint holds", inspect_command},
      {"synth", "write synthetic photographs with masks as files", synth_command},
      {"bench", "measure kernels against this machine's peak", bench_command},
  };
}

}  // namespace camo::program
