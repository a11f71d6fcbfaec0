#include "examples/camo/trained/trained_network.h"

#include <algorithm>
#include <cstdio>

#include "examples/camo/options/format.h"
#include "examples/camo/trained/findings.h"
#include "tensor/ops/matmul.h"
#include "tensor/processes.h"

namespace camo::program {
namespace {

/// Applies the device and threads of a command, and the settings of training that every network shares.
void apply_to(std::vector<TrainedNetwork>& networks, const Machine& machine) {
  UnitsChoice units = networks[0].config.bf16_units;
  bool winograd = true;
  for (const TrainedNetwork& n : networks) {
    if (n.config.bf16_units != units) units = UnitsChoice::off;
    winograd = winograd && n.config.winograd;
  }
  if (units != UnitsChoice::automatic && !use_bf16_units(Bf16Units(units))) {
    if (first_process())
      std::fprintf(stderr, "warning: the network was trained with bf16 %s, which this processor lacks\n",
                   name_of(units));
    units = UnitsChoice::off;
  }
  for (TrainedNetwork& n : networks) {
    n.config.threads = machine.threads;
    n.config.bf16_units = units;
    n.config.winograd = winograd;
    apply_machine(n.config);
  }
}

/// What is not plain about a recipe, a line each.
std::string extras(const PredictionFlags& flags, const Recipe& recipe) {
  const size_t views = recipe.views.size();
  std::string out;
  if (flags.weights.size() > 1)
    out += text("\nmean of the ", name_of(flags.mean), " of ", flags.weights.size(), " networks");
  if (recipe.views != std::vector<View>{View{}})
    out += text("\n", views, " view", views == 1 ? "" : "s", " of each photograph (--tta ", flags.tta, ")");
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
  const bool tuned = refine == "tuned";
  const std::string words =
      tuned ? read_finding(finding_file(weights, Finding::refinement), key(), "camo tune-crf with the same flags")
                  .string("refine")
            : refine;
  return {parse_views(tta), mean, parse_refinement(words)};
}

JsonObject PredictionFlags::key() const {
  JsonObject out;
  out.items = {{"weights", checksums(weights)}, {"tta", to_text(parse_views(tta))}, {"mean", name_of(mean)}};
  return out;
}

JsonObject PredictionFlags::calibration_key() const {
  JsonObject out = key();
  out.set("refine", to_text(recipe().refinement));
  return out;
}

JsonObject how_maps_are_made(const PredictionFlags& flags) {
  const Recipe recipe = flags.recipe();
  JsonObject out;
  out.items = {{"tta", to_text(recipe.views)}, {"mean", name_of(flags.mean)}, {"refine", to_text(recipe.refinement)}};
  return out;
}

std::vector<TrainConfig> Ensemble::configs() const {
  std::vector<TrainConfig> out;
  for (const TrainedNetwork& n : networks) out.push_back(n.config);
  return out;
}

void warn_if_few(int64_t photographs) {
  if (photographs < 20)
    std::printf("note: %lld photographs are few to choose by; another set may choose otherwise\n",
                (long long)photographs);
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
    check_views(recipe.views, n.config.size);
    members.push_back(member_of(*n.model, n.config));
  }
  return {std::move(networks), described + extras(flags, recipe), Predictor(std::move(members), recipe, flags.batch)};
}

}  // namespace camo::program
