// camo models: what can be named after --model.
#include <cstdio>

#include "autograd/debug.h"
#include "examples/camo/commands/commands.h"
#include "moe/camoxpert.h"

namespace camo::program {
namespace {

double millions(const nn::Module& part) { return double(part.parameter_count()) / 1e6; }

/// Multiply-adds, in 10^9, of one forward pass over a square photograph, counted while it runs.
double cost(moe::CamoXpert& net, int64_t size) {
  NoGrad no_grad;
  debug::CountMacs counter;
  net.forward(Var(zeros({1, size, size, 3})));
  return double(counter.count()) / 1e9;
}

}  // namespace

int models_command(const Arguments& words) {
  std::string backbone = "pvt_v2_b0";
  int64_t experts = 0, chosen = 2;
  Command command{
      .name = "models",
      .summary = "Lists the networks: parameters of their parts, and the cost of a photograph.",
      .usage = "camo models [flags]",
      .options = {choice("backbone", &backbone, "feature extractor", nn::backbone_names()),
                  {"experts", &experts, "experts at each scale; 0: as many as the model has by itself", 0, 16},
                  {"chosen", &chosen, "experts that a photograph is sent to at each scale", 1, 16}},
      .notes =
          "Millions of parameters; `used`: by one photograph, where some experts are not.  GMAC: 10^9 multiply-adds "
          "of\n"
          "products, convolutions and attention, counted while one photograph of 224 x 224 or 352 x 352 passes."};
  read(command, words);
  std::printf("%-17s %9s %9s %9s %9s %9s  %9s  %9s\n", "model", "backbone", "experts", "decoder", "all", "used",
              "GMAC @224", "GMAC @352");
  for (const std::string& name : moe::model_names()) {
    moe::CamoXpertConfig config{.model = name, .backbone = backbone, .experts = experts, .mixture = {.chosen = chosen}};
    moe::CamoXpert net(nn::Scope{.seed = 1}, config);
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
