// camo backbones: the names that --backbone takes, with the size and cost of each.
#include <cstdio>

#include "autograd/debug.h"
#include "examples/camo/commands/commands.h"
#include "nn/backbone.h"

namespace camo::program {
namespace {

/// The multiply-adds of a forward pass over a square photograph, counted while it runs.
int64_t macs(const std::string& name, int64_t size) {
  NoGrad no_grad;
  debug::CountMacs counter;
  auto net = nn::backbone(name, nn::Scope{.initialise = false}, {.height = size, .width = size});
  net->train(false);
  for (nn::Parameter& p : net->named_parameters()) fill(p.var.value(), 0);
  net->forward(Var(zeros({1, size, size, 3})));
  return counter.count();
}

}  // namespace

int backbones_command(const Arguments& words) {
  Command command{.name = "backbones",
                  .summary =
                      "Lists the backbones with their parameters, their cost per photograph and the channels of their "
                      "four feature maps.",
                  .usage = "camo backbones [NAMES...]",
                  .options = {},
                  .rest = "NAMES",
                  .notes =
                      "GMAC: 10^9 multiply-adds of matrix products, convolutions and attention in the forward pass of "
                      "one photograph of 224 x 224 or 352 x 352 pixels."};
  const CommandLine line = read(command, words);
  std::vector<std::string> names = line.rest.empty() ? nn::backbone_names() : line.rest;
  std::printf("%-20s %12s  %9s  %9s  %s\n", "name", "parameters", "GMAC @224", "GMAC @352",
              "channels at strides 4, 8, 16, 32");
  for (const std::string& name : names) {
    auto net = nn::backbone(name, nn::Scope{.initialise = false});
    std::printf("%-20s %12lld  %9.2f  %9.2f ", name.c_str(), (long long)net->parameter_count(),
                double(macs(name, 224)) / 1e9, double(macs(name, 352)) / 1e9);
    for (int64_t dim : net->dims) std::printf(" %lld", (long long)dim);
    std::printf("\n");
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace camo::program
