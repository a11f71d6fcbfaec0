#include "examples/camo/commands/commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

namespace camo::program {

void prepare_process() {
  link_processor_check();
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) [[maybe_unused]]
      int got = ::open("/dev/null", O_RDWR);  // the lowest free number
  std::signal(SIGXFSZ, SIG_IGN);
}

std::vector<Entry> commands() {
  return {
      {"demo", "train a small network on synthetic camouflage in some minutes, and score it", demo_command},
      {"train", "train a network on photographs with masks, or go on with a run", train_command},
      {"check-data", "look at every photograph and mask, and list what is wrong", check_data_command},
      {"eval", "score a trained network, or a folder of maps, against masks", eval_command},
      {"compare", "compare two models on the same images", compare_command},
      {"report", "write a page about a run, or about several side by side", report_command},
      {"verify", "check the routing, the experts and the attention of a network", verify_command},
      {"route", "draw which experts photographs are sent to, and what the experts answer", route_command},
      {"predict", "find the object in photographs", predict_command},
      {"serve", "find the object in photographs that a browser or another program sends", serve_command},
      {"soup", "average the weights of several runs", soup_command},
      {"calibrate", "find the threshold of a network, and how far its maps can be believed", calibrate_command},
      {"tune-crf", "find the settings of the CRF that suit a network", tune_crf_command},
      {"models", "list the networks with their parameters and cost", models_command},
      {"backbones", "list the backbones (feature extractors) with their parameters and cost", backbones_command},
      {"weights", "say where pretrained weights of a backbone come from", weights_command},
      {"features", "run a backbone on a tensor, for comparison with other programs", features_command},
      {"import", "convert weights of other programs into one safetensors file", import_command},
      {"export", "write a trained network for PyTorch or ONNX", export_command},
      {"inspect", "list the tensors of a weight file or checkpoint", inspect_command},
      {"synth", "write synthetic photographs with masks as files", synth_command},
      {"bench", "measure how fast this machine runs Camo", bench_command},
      {"ops", "run every check on every op", ops_command},
      {"manual", "print the manual page, or the completion of a shell", manual_command},
  };
}

}  // namespace camo::program
