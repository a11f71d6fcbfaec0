// camo export: a trained network for other programs.
#include <cstdio>
#include <filesystem>

#include "examples/camo/commands/commands.h"
#include "examples/camo/export/onnx.h"
#include "examples/camo/export/pytorch.h"
#include "examples/camo/trained/trained_network.h"
#include "examples/camo/trained/weights_file.h"
#include "examples/camo/trained/weights_target.h"
#include "tensor/io/file.h"

namespace camo::program {
namespace {

enum class ExportTo { safetensors, onnx, pytorch };
constexpr auto names_of(ExportTo) { return std::array{"safetensors", "onnx", "pytorch"}; }

void write_safetensors(const WeightsTarget& target, const TrainedNetwork& network) {
  if (target.part == Part::network) write_weights(target.file, *network.model, about_network(network.config));
  else
    write_weights(target.file, *network.model->backbone,
                  about_backbone(network.config.backbone, normalisation(network.config)),
                  target.names == TensorNames::features);
}

void check_ending(const std::string& file, ExportTo to) {
  const char* const ending = to == ExportTo::onnx ? ".onnx" : ".safetensors";
  check<ConfigError>(file.ends_with(ending), "camo export --to ", name_of(to), ": --out must end in ", ending,
                     ", got '", file, "'",
                     file.ends_with(".onnx")          ? " [--to onnx]"
                     : file.ends_with(".safetensors") ? " [--to safetensors]"
                                                      : " [--to pytorch writes a folder]");
}

/// ConfigError if a folder that is to be replaced holds anything but an earlier export.
void check_only_export(const std::string& folder) {
  if (!std::filesystem::exists(folder)) return;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    check<ConfigError>(
        std::filesystem::exists(folder + "/model.py") &&
            (name == "model.py" || name == "model.safetensors" || name == "README.md" || name == "__pycache__"),
        "camo export --to pytorch --out ", folder, ": holds ", name,
        ", which is not of an earlier export [another folder]");
  }
}

}  // namespace

int export_command(const Arguments& words) {
  std::string weights;
  ExportTo to = ExportTo::safetensors;
  WeightsTarget target{.file = {}, .part = Part::network};
  OnnxTarget onnx;
  Command command{
      .name = "export",
      .summary =
          "Writes a trained network for other programs: its weights with PyTorch's layout and names, an ONNX "
          "file, or a folder of Python.",
      .usage = "camo export --weights RUN --out FILE [flags]",
      .options = {trained_weights(&weights),
                  choice("to", &to, "a file of weights; a file for ONNX runtimes; a folder with a model.py")},
      .notes =
          "In Python:  model.load_state_dict(safetensors.torch.load_file(FILE), strict=True)\n"
          "            map, = onnxruntime.InferenceSession(FILE).run(None, {\"image\": rgb})  # f32 (B, 3, H, W) in "
          "[0, 1]\n"
          "            network = model.load()                                               # in the folder"};
  command.options.add(options(target)).add(options(onnx));
  const CommandLine line = read(command, words);
  check<ConfigError>(!weights.empty(), "camo export: needs --weights");
  for (const std::string& flag : options(onnx).names())
    check<ConfigError>(to == ExportTo::onnx || !line.has(flag), "camo export --", flag, ": is for --to onnx");
  check<ConfigError>(to != ExportTo::onnx || target.part == Part::network,
                     "camo export --to onnx: writes whole networks");
  to == ExportTo::pytorch ? validate_folder(target, "export") : validate(target, "export");
  to == ExportTo::pytorch ? check_only_export(target.file) : check_ending(target.file, to);
  const TrainedNetwork loaded = load_model(weights);
  switch (to) {
    case ExportTo::safetensors: write_safetensors(target, loaded); break;
    case ExportTo::onnx: write_file(target.file, onnx_model(loaded, onnx)); break;
    case ExportTo::pytorch: export_pytorch(target.file, loaded); break;
  }
  std::printf("%s: %s\n", target.file.c_str(), loaded.described.c_str());
  return 0;
}

}  // namespace camo::program
