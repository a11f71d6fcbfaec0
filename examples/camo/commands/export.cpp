// camo export: a trained network for other programs.
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/commands/trained_network.h"
#include "examples/camo/commands/weights_target.h"
#include "examples/camo/export/onnx.h"
#include "examples/camo/run/weights_file.h"
#include "tensor/io/file.h"

namespace camo::program {

int export_command(const Arguments& words) {
  std::string weights, to = "safetensors";
  WeightsTarget target{.file = {}, .part = Part::network};
  OnnxTarget onnx;
  Command command{
      .name = "export",
      .summary =
          "Writes a trained network for other programs: its weights with PyTorch's layout and names, or an ONNX file.",
      .usage = "camo export --weights RUN --out FILE [flags]",
      .options = {trained_weights(&weights), choice("to", &to, "format of the file", {"safetensors", "onnx"})},
      .notes =
          "In Python:  model.load_state_dict(safetensors.torch.load_file(FILE), strict=True)\n"
          "             map, = onnxruntime.InferenceSession(FILE).run(None, {\"image\": rgb})  # f32 (B, 3, H, W) in "
          "[0, 1]"};
  command.options.add(options(target)).add(options(onnx));
  const CommandLine line = read(command, words);
  check<ConfigError>(!weights.empty(), "camo export: needs --weights");
  validate(target, "export");
  for (const std::string& flag : options(onnx).names())
    check<ConfigError>(to == "onnx" || !line.has(flag), "camo export --", flag, ": is for --to onnx");
  check<ConfigError>(to != "onnx" || target.part == Part::network, "camo export --to onnx: writes whole networks");
  TrainedNetwork loaded = load_model(weights);
  if (to == "onnx") write_file(target.file, onnx_model(loaded, onnx));
  else if (target.part == Part::network) write_weights(target.file, *loaded.model, about_network(loaded.config));
  else
    write_weights(target.file, *loaded.model->backbone,
                  about_backbone(loaded.config.backbone, normalisation(loaded.config)),
                  target.names == TensorNames::features);
  std::printf("%s: %s\n", target.file.c_str(), loaded.described.c_str());
  return 0;
}

}  // namespace camo::program
