// camo models: the names that --model takes, with the size and cost of each.
#include <cstdio>

#include "autograd/debug.h"
#include "examples/camo/commands/commands.h"
#include "examples/camo/options/config.h"
#include "moe/camoxpert.h"

namespace camo::program {
namespace {

double millions(const nn::Module& part) { return double(part.parameter_count()) / 1e6; }

/// The multiply-adds, in 10^9, of a forward pass over a square photograph, counted while it runs.
double cost(moe::CamoXpert& net, int64_t size) {
  NoGrad no_grad;
  debug::CountMacs counter;
  net.forward(Var(zeros({1, size, size, 3})));
  return double(counter.count()) / 1e9;
}

}  // namespace

int models_command(const Arguments& words) {
  TrainConfig config;
  Command command{
      .name = "models",
      .summary = "Lists the networks with the parameters of their parts and their cost per photograph.",
      .usage = "camo models [flags]",
      .options = options(config).only({"backbone", "experts", "pool", "chosen"}),
      .notes =
          "Parameters are in millions; `used` counts those that one photograph uses, without the experts that it "
          "is not sent to.\n"
          "GMAC: 10^9 multiply-adds of matrix products, convolutions and attention in the forward pass of one "
          "photograph of 224 x 224 or 352 x 352 pixels."};
  read(command, words);
  std::printf("%-17s %9s %9s %9s %9s %9s  %9s  %9s\n", "model", "backbone", "experts", "decoder", "all", "used",
              "GMAC @224", "GMAC @352");
  for (const std::string& name : moe::model_names()) {
    const moe::CamoXpertConfig built{
        .model = name, .backbone = config.backbone, .experts = config.experts, .mixture = {.chosen = config.chosen}};
    moe::CamoXpert net(nn::Scope{.seed = 1}, built);
    net.train(false);
    const double idle = moe::idle_parameters(net) / 1e6;
    const double all = millions(net), body = millions(*net.backbone), mixing = millions(net.scales);
    std::printf("%-17s %9.3f %9.3f %9.3f %9.3f %9.3f  %9.2f  %9.2f\n", name.c_str(), body, mixing, all - body - mixing,
                all, all - idle, cost(net, 224), cost(net, 352));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace camo::program
