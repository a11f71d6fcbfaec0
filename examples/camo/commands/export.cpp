// camo export: a trained network for other programs.
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/commands/trained_network.h"
#include "examples/camo/commands/weights_target.h"
#include "examples/camo/export/pytorch.h"
#include "examples/camo/run/weights_file.h"

namespace camo::program {

int export_command(const Arguments& words) {
  std::string weights, to = "safetensors";
  WeightsTarget target{.file = {}, .part = Part::network};
  Command command{
      .name = "export",
      .summary = "Writes a trained network for other programs, with PyTorch's layout and names.",
      .usage = "camo export --weights RUN --out FILE [flags]",
      .options = {trained_weights(&weights),
                  choice("to", &to, "safetensors: a file; pytorch: a folder with model.py, which needs torch alone",
                         {"safetensors", "pytorch"})},
      .notes = "In Python:  model.load_state_dict(safetensors.torch.load_file(FILE), strict=True)"};
  command.options.add(options(target));
  read(command, words);
  check<ConfigError>(!weights.empty(), "camo export: needs --weights");
  if (to == "pytorch") {
    validate_folder(target, "export");
    const TrainedNetwork loaded = load_model(weights);
    export_pytorch(target.file, loaded);
    std::printf("%s: %s\n", target.file.c_str(), loaded.described.c_str());
    return 0;
  }
  validate(target, "export");
  TrainedNetwork loaded = load_model(weights);
  if (target.part == Part::network) write_weights(target.file, *loaded.model, about_network(loaded.config));
  else
    write_weights(target.file, *loaded.model->backbone,
                  about_backbone(loaded.config.backbone, normalisation(loaded.config)),
                  target.names == TensorNames::features);
  std::printf("%s: %s\n", target.file.c_str(), loaded.described.c_str());
  return 0;
}

}  // namespace camo::program
