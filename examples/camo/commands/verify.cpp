// camo verify: checks the sparse layers of a trained or fresh network (moe/verify/verify.h).
#include "moe/verify/verify.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "autograd/ops.h"
#include "examples/camo/commands/commands.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/data/dataset.h"
#include "examples/camo/data/splits.h"
#include "examples/camo/options/format.h"
#include "examples/camo/trained/trained_network.h"
#include "moe/verify/survey.h"
#include "nn/loss.h"

namespace camo::program {
namespace {

using moe::Check;
using moe::Verdict;

constexpr int64_t kExactImages = 3;  // for the checks that must hold for any images
constexpr int64_t kTaskImages = 64;  // for the check that passes them once more for each mixture

std::vector<Tensor> inputs(const Dataset& data, int64_t begin, int64_t end, const TrainConfig& c) {
  std::vector<Tensor> out;
  for (int64_t i = begin; i < end; ++i) out.push_back(normalised(data.load(i).image, c.size, normalisation(c)));
  return out;
}

moe::Survey survey(moe::CamoXpert& model, const nn::NamedTensors& first_gates, const Dataset& data, int64_t count,
                   const TrainConfig& c) {
  NoGrad no_grad;
  moe::Surveyor surveyor(model, first_gates);
  for (int64_t i = 0; i < count; i += 4)
    model.forward(Var(stack(inputs(data, i, std::min(count, i + 4), c)).to(model.state().device)));
  return surveyor.result();
}

/// The largest difference between the probabilities of maps with flash and with plain attention.
Check compare_attention(moe::CamoXpert& model, const Dataset& data, int64_t count, const TrainConfig& c) {
  NoGrad no_grad;
  struct Restored {
    bool before = uses_plain_attention();
    ~Restored() { use_plain_attention(before); }
  } restored;
  use_plain_attention(false);
  if (uses_plain_attention())
    return {.name = "attention",
            .where = "network",
            .verdict = Verdict::skipped,
            .sentence = "CAMO_ATTENTION=plain leaves nothing to compare with"};
  double worst = 0;
  for (int64_t i = 0; i < count; ++i) {
    const Var image(stack(inputs(data, i, i + 1, c)).to(model.state().device));
    Tensor map[2];
    for (bool plain : {false, true}) {
      use_plain_attention(plain);
      map[plain] = sigmoid(model.forward(image).logits).value();
    }
    worst = std::max(worst, item(max(abs(map[0] - map[1]))));
  }
  constexpr double kLimit = 1e-4;
  return {.name = "attention",
          .where = "network",
          .verdict = worst <= kLimit ? Verdict::passed : Verdict::failed,
          .measured = worst,
          .limit = kLimit,
          .sentence = text("largest difference between the maps of ", count, " images, flash against plain attention")};
}

/// The first photographs with their masks; a loss is the structure loss of the final map.
moe::HeldOut held_out(moe::CamoXpert& model, const Dataset& data, int64_t count, const TrainConfig& c) {
  return {count, [&model, &data, &c](int64_t begin, int64_t end) {
            std::vector<Tensor> images, masks;
            for (int64_t i = begin; i < end; ++i) {
              Sample s = plain(data.load(i), c.size, normalisation(c));
              images.push_back(s.image), masks.push_back(s.mask);
            }
            const Device device = model.state().device;
            const Tensor logits = model.forward(Var(stack(images).to(device))).logits.value();
            std::vector<double> losses;
            for (int64_t i = 0; i < end - begin; ++i)
              losses.push_back(
                  item(nn::structure_loss(Var(logits.slice(i, i + 1)), stack({masks[size_t(i)]}).to(device)).value()));
            return losses;
          }};
}

/// All photographs of a folder, Test first.  Routing is not scored, so photographs of the training
/// split may be used too.
std::vector<Pair> photographs_of(const std::string& data, const std::string& split, const Reading& how) {
  if (!split.empty()) return find_pairs(data, {split}, how);
  std::vector<Pair> out = find_pairs(data, {"Test", "Train", ""}, how);
  if (std::filesystem::is_directory(data))
    for (const char* more : {"Val", "Train"})
      for (Pair& p : find_pairs(data, {more}, how, false))
        if (std::none_of(out.begin(), out.end(), [&](const Pair& q) { return q.image == p.image; }))
          out.push_back(std::move(p));
  return out;
}

/// A short text of a number: 1.2e-07, 0.31, 0.
std::string number(double x) { return formatted("%.2g", x); }

const char* word(Verdict v) {
  constexpr const char* words[] = {"ok", "FAIL", "skip", "warn"};
  return words[int(v)];
}

void print(const std::vector<Check>& checks) {
  size_t widest = 0;
  for (const Check& c : checks) widest = std::max(widest, c.where.size());
  for (const Check& c : checks) {
    const char* sign = c.at_least ? ">=" : "<=";
    const std::string numbers =
        c.verdict == Verdict::skipped ? "" : number(c.measured) + " " + sign + " " + number(c.limit);
    std::printf("%-4s  %-10s  %-*s  %-18s  %s\n", word(c.verdict), c.name.c_str(), int(widest), c.where.c_str(),
                numbers.c_str(), c.sentence.c_str());
  }
}

void print_json(const std::vector<Check>& checks) {
  for (const Check& c : checks) {
    JsonObject line;
    line.items = {{"name", c.name}, {"where", c.where}, {"verdict", std::string(word(c.verdict))}};
    if (c.verdict != Verdict::skipped) line.set("measured", c.measured), line.set("limit", c.limit);
    line.set("sentence", c.sentence);
    std::printf("%s\n", to_json(line).c_str());
  }
}

}  // namespace

int verify_command(const Arguments& words) {
  TrainConfig config;
  config.size = {64, 64};
  std::string split;
  int64_t images = 256, compared = 0;
  bool json = false;
  Command command{
      .name = "verify",
      .summary =
          "Checks the routing of a network and the arithmetic of its experts and of its attention.  With data it also "
          "checks which photographs use which expert, whether the gate was trained, and whether routes matter.",
      .usage =
          "camo verify [--model M --backbone B --size S] [--data DIR]   or   camo verify --weights F --data DIR "
          "[--json]",
      .options = {{"weights", &config.weights, "run folder or checkpoint; without it a fresh network is checked"},
                  {"data", &config.data, "photographs and masks for the checks that need many, or 'synthetic'"},
                  {"split", &split, "part of the data folder; without it all parts, Test first"},
                  {"images", &images, "photographs of --data that are used; at most 64 for the check of the task", 32,
                   1e6},
                  {"compare-attention", &compared, "compare flash with plain attention on this many images", 0, 1e6},
                  {"json", &json, "print one JSON object per check"}},
      .notes = "The exit code is 7 when a check fails, and the last line names the checks that failed."};
  // The network and the machine have the same options as training.
  command.options.add(options(config).only({"model", "backbone", "size", "experts", "pool", "chosen", "router",
                                            "attention", "balance-rate", "difficulty", "seed", "device", "threads"}));
  const CommandLine line = read(command, words);
  std::string described =
      text("fresh ", config.model, " on ", config.backbone, ", ", to_string(config.size), " pixels");
  std::unique_ptr<moe::CamoXpert> model;
  nn::NamedTensors first_gates;
  const bool fresh = config.weights.empty();
  if (fresh) {
    apply_machine(config);
    model = make_model(config);
  } else {
    const TrainConfig flags = config;
    TrainedNetwork loaded = open_network(flags.weights, flags);
    described = loaded.described, config = loaded.config, model = std::move(loaded.model);
    first_gates = std::move(loaded.first_gates);
    config.data = flags.data;
    if (line.has("size")) config.size = flags.size;
  }
  model->train(false);
  Dataset data = synthetic_test(config, images);
  if (!config.data.empty() && config.data != "synthetic") {
    config.reading.images.clear(), config.reading.masks.clear();  // the folders of the training run
    data = {.pairs = photographs_of(config.data, split, config.reading), .reading = config.reading, .synthetic = {}};
  }
  images = std::min(images, data.size());

  const int64_t few = std::min(kExactImages, data.size());
  const moe::Subject subject{*model, [&](const Var& x) { return model->forward(x).logits; },
                             stack(inputs(data, 0, few, config)).to(model->state().device)};
  std::optional<moe::Survey> seen;
  std::optional<moe::HeldOut> held;
  if (!config.data.empty()) {
    seen = survey(*model, first_gates, data, images, config), seen->trained = !fresh;
    if (!fresh) held = held_out(*model, data, std::min(images, kTaskImages), config);
  }
  if (!json) std::printf("%s\n", described.c_str());
  std::vector<Check> checks = moe::verify(subject, seen ? &*seen : nullptr, held ? &*held : nullptr);
  if (compared > 0) checks.push_back(compare_attention(*model, data, std::min(compared, data.size()), config));
  json ? print_json(checks) : print(checks);
  std::string names;
  for (const std::string& name : moe::failed(checks)) names += (names.empty() ? "" : ", ") + name;
  const auto warnings =
      std::count_if(checks.begin(), checks.end(), [](const Check& c) { return c.verdict == Verdict::warned; });
  if (!json)
    std::printf("%s%s%s\n", names.empty() ? "all is well" : "failed: ", names.c_str(),
                warnings ? text(" (", warnings, " warning", warnings > 1 ? "s" : "", ")").c_str() : "");
  return names.empty() ? 0 : 7;
}

}  // namespace camo::program
