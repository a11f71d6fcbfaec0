#include "examples/camo/trained/start_weights.h"

#include <algorithm>
#include <map>

#include "examples/camo/options/format.h"
#include "examples/camo/trained/weights_file.h"

namespace camo::program {
namespace {

/// The settings without which a network's weights mean nothing, and the size that they were trained for.
const std::vector<std::string> kOfNetwork = {"model",  "backbone",  "experts",        "pool", "chosen",
                                             "router", "attention", "attention-pool", "size"};

/// "backbone" of "backbone.stages.0.norm.weight".
std::string part_of(const std::string& name) { return name.substr(0, name.find('.')); }

/// A row for each part of the network: how many of its tensors come from the file, and which start fresh.
std::string table(moe::CamoXpert& model, const nn::LoadReport& report, const std::string& from) {
  struct Row {
    int64_t wanted = 0;
    std::vector<std::string> fresh;
  };
  std::vector<std::pair<std::string, Row>> rows;
  for (const auto& [name, shape] : nn::file_shapes(model)) {
    if (std::count(report.kept.begin(), report.kept.end(), name)) continue;
    const std::string part = part_of(name);
    auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.first == part; });
    if (at == rows.end()) at = rows.insert(rows.end(), {part, Row{}});
    at->second.wanted += 1;
  }
  for (const std::vector<std::string>* list : {&report.missing, &report.misshapen})
    for (const std::string& name : *list)
      for (auto& [part, row] : rows)
        if (part == part_of(name)) row.fresh.push_back(name.substr(0, name.find(' ')));
  std::string out = "part       tensors from " + from;
  for (const auto& [part, row] : rows) {
    const std::string counts = text(row.wanted - int64_t(row.fresh.size()), " of ", row.wanted);
    out += text("\n", part, std::string(11 - std::min<size_t>(part.size(), 10), ' '), counts);
    if (row.fresh.empty()) continue;
    out += text("; fresh: ", row.fresh[0]);
    for (size_t i = 1; i < std::min<size_t>(row.fresh.size(), 3); ++i) out += ", " + row.fresh[i];
    if (row.fresh.size() > 3) out += text(" and ", row.fresh.size() - 3, " more");
  }
  if (!report.unexpected.empty()) out += "\n" + nn::listed(report.unexpected, "tensors of the file have no place here");
  return out;
}

std::string load_network(moe::CamoXpert& model, const TrainConfig& c) {
  NetworkFile file = read_network(c.weights);
  const nn::LoadReport report =
      about_file(file.path, [&] { return nn::load_state_dict(model, std::move(file.weights), /*strict=*/false); });
  const std::string said = table(model, report, file.described);
  const bool whole = report.missing.empty() && report.misshapen.empty();
  std::string words = nn::listed(report.misshapen, "of another shape");
  if (!report.missing.empty()) words += (words.empty() ? "" : "; ") + nn::listed(report.missing, "missing");
  check<WeightsError>(c.partial || whole, "camo train --weights: the file must hold every tensor of ", c.model, " on ",
                      c.backbone, ", got ", file.described, ": ", words,
                      " [--partial starts these fresh; --part backbone takes the backbone alone]");
  check<WeightsError>(report.tensors > 0, "camo train --weights: nothing in ", file.described, " fits ", c.model,
                      " on ", c.backbone);
  return said;
}

}  // namespace

bool starts_from_network(const TrainConfig& c) {
  if (c.weights.empty() || c.part == Load::backbone) return false;
  return c.part == Load::network || holds_network(c.weights);
}

void adopt_network(TrainConfig& config) {
  TrainConfig theirs = network_config(config.weights);
  const Options from = options(theirs).only(kOfNetwork), to = options(config).only(kOfNetwork);
  for (size_t i = 0; i < to.size(); ++i) set_json(to[i], to_json_value(from[i]), config.weights);
}

std::string load_start_weights(moe::CamoXpert& model, const TrainConfig& c) {
  if (c.weights.empty()) return "";
  if (starts_from_network(c)) return load_network(model, c);
  return text(c.weights, ": ", load_weights_file(*model.backbone, c.weights, c.partial).text());
}

}  // namespace camo::program
