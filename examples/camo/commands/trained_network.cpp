#include "examples/camo/commands/trained_network.h"

#include <algorithm>
#include <cstdio>

#include "examples/camo/commands/findings.h"
#include "examples/camo/options/format.h"
#include "tensor/ops/matmul.h"
#include "tensor/processes.h"

namespace camo::program {
namespace {

/// Applies the device and threads of a command, and the settings of training that every network shares.
void apply_to(std::vector<TrainedNetwork>& networks, const Machine& machine) {
  Bf16Units units = Bf16Units::on;
  for (const TrainedNetwork& n : networks)
    if (n.config.bf16_units == Bf16Units::off) units = Bf16Units::off;
  use_bf16_units(true);
  if (units == Bf16Units::on && !bf16_units()) {
    if (first_process())
      std::fprintf(stderr, "warning: the network was trained with bf16 units, which this processor lacks\n");
    units = Bf16Units::off;
  }
  for (TrainedNetwork& n : networks) {
    n.config.threads = machine.threads;
    n.config.bf16_units = units;
    apply_machine(n.config);
  }
}

/// What is not plain about a recipe, a line each.
std::string extras(const PredictionFlags& flags, const Recipe& recipe) {
  const size_t views = recipe.views.size();
  std::string out;
  if (flags.weights.size() > 1)
    out += text("\nmean of the ", name_of(flags.mean), " of ", flags.weights.size(), " networks");
  if (views > 1) out += text("\n", views, " views of each photograph (--tta ", flags.tta, ")");
  if (recipe.refinement.by != RefineBy::off) out += "\nrefined: " + to_text(recipe.refinement);
  return out;
}

}  // namespace

TrainedNetwork open_network(const std::string& weights, const Machine& machine) {
  std::vector<TrainedNetwork> out;
  out.push_back(load_model(weights, machine.device));
  apply_to(out, machine);
  return std::move(out[0]);
}

Options options(PredictionFlags& f) {
  return {{"weights", &f.weights,
           "run folder, checkpoint or exported network; given several times, the mean of their answers is taken"},
          {"tta", &f.tta,
           "test-time augmentation, such as flip,scales=0.75:1:1.25,rotate: the mean over all combinations of "
           "mirrored, scaled and turned views"},
          choice("mean", &f.mean, "what is averaged over networks and views"),
          {"refine", &f.refine,
           "sharpen maps by the photograph: off, crf (fully connected CRF), guided (guided filter), each with settings "
           "after commas, or tuned: what camo tune-crf has found"},
          {"batch-size", &f.batch, "images in a forward pass, each view is one; never changes a result", 1, 4096}};
}

Recipe PredictionFlags::recipe() const {
  const std::string words = refine == "tuned" ? read_finding(weights, Finding::refinement).string("refine") : refine;
  return {parse_views(tta), mean, parse_refinement(words)};
}

JsonObject how_maps_are_made(const PredictionFlags& flags) {
  JsonObject out;
  out.items = {{"tta", flags.tta}, {"mean", name_of(flags.mean)}, {"refine", to_text(flags.recipe().refinement)}};
  return out;
}

std::string time_words(const Predictor& predictor) {
  const auto& [network, refinement, maps] = predictor.seconds();
  const double each = 1e3 / double(std::max<int64_t>(maps, 1));
  return text(fixed(network * each, 1), " ms a photograph for the networks, ", fixed(refinement * each, 1),
              " ms for refinement and scaling");
}

Ensemble open_networks(const PredictionFlags& flags, const Machine& machine) {
  const Recipe recipe = flags.recipe();
  std::vector<TrainedNetwork> networks;
  for (const std::string& path : flags.weights) networks.push_back(load_model(path, machine.device));
  apply_to(networks, machine);
  std::string described;
  std::vector<Member> members;
  for (const TrainedNetwork& n : networks) {
    described += (described.empty() ? "" : "\n") + n.described;
    members.push_back(member_of(*n.model, n.config));
  }
  return {std::move(networks), described + extras(flags, recipe), Predictor(std::move(members), recipe, flags.batch)};
}

}  // namespace camo::program
