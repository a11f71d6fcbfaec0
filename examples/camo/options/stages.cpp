#include "examples/camo/options/stages.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace camo::program {
namespace {

/// The keys that a stage may say.
const std::vector<std::string> kKeys = {"epochs",       "freeze", "thaw",   "size",     "batch-size",    "accumulate",
                                        "lr",           "min-lr", "warmup", "schedule", "backbone-rate", "layer-decay",
                                        "weight-decay", "clip",   "loss",   "augment",  "ema-decay"};

/// The option of a configuration for a stage's key, or for a name that means it.
Option stage_option(TrainConfig& c, std::string name, const std::string& label) {
  std::replace(name.begin(), name.end(), '_', '-');
  if (name == "ema") name = "ema-decay";
  check<ConfigError>(std::count(kKeys.begin(), kKeys.end(), name), label, ": a stage has no key '", name, "'",
                     hint(name, kKeys));
  return options(c).only({name})[0];
}

std::string stage_label(const std::string& where, size_t i) { return text(where, "stage ", i + 1); }

/// The rest of "NAME" or "NAME,KEY=VALUE,...".
std::string after_comma(const std::string& words) {
  const size_t comma = words.find(',');
  return comma == std::string::npos ? "" : words.substr(comma + 1);
}

}  // namespace

const std::vector<std::string>& stage_keys() { return kKeys; }

std::vector<JsonObject> stage_rows(const JsonValue& value, const std::string& where) {
  const auto* rows = std::get_if<std::vector<JsonObject>>(&value);
  check<ConfigError>(rows, where, ": stages: expects a list of objects [\"stages\": [{\"epochs\": 30}, {}]]");
  std::vector<JsonObject> out;
  for (size_t i = 0; i < rows->size(); ++i) {
    TrainConfig scratch;
    JsonObject& row = out.emplace_back();
    for (const auto& [name, v] : (*rows)[i].items) {
      const std::string label = stage_label(where + ": ", i);
      const Option o = stage_option(scratch, name, label);
      check<ConfigError>(!row.find(o.name), label, ": says ", o.name, " twice");
      set_json(o, v, label + ": " + o.name);
      row.set(o.name, to_json_value(o));
    }
  }
  return out;
}

std::vector<TrainConfig> stages_of(const TrainConfig& config) {
  std::vector<TrainConfig> out;
  for (size_t i = 0; i < config.stages.size(); ++i) {
    TrainConfig& stage = out.emplace_back(config);
    stage.stages.clear();
    for (const auto& [name, value] : config.stages[i].items)
      set_json(stage_option(stage, name, stage_label("", i)), value, stage_label("", i) + ": " + name);
  }
  return out.empty() ? std::vector{config} : out;
}

void complete_stages(TrainConfig& c) {
  if (c.stages.empty()) return;
  int64_t said = 0;
  JsonObject* open = nullptr;
  for (JsonObject& row : c.stages) {
    if (row.find("epochs")) {
      said += row.integer("epochs");
      continue;
    }
    check<ConfigError>(!open, "stages: two of them say no epochs; one may, and gets what the others leave of --epochs");
    open = &row;
  }
  if (open) {
    check<ConfigError>(said < c.epochs, "stages: take ", said, " epochs and leave none of the ", c.epochs,
                       " for the stage that says no number [--epochs counts all stages]");
    open->set("epochs", c.epochs - said);
  } else {
    c.epochs = said;
  }
}

void set_epochs(TrainConfig& c, size_t stage, int64_t epochs) {
  if (c.stages.empty()) return void(c.epochs = epochs);
  c.stages.at(stage).set("epochs", epochs);
  c.epochs = 0;
  for (const JsonObject& row : c.stages) c.epochs += row.integer("epochs");
}

void set_batch(TrainConfig& c, size_t stage, int64_t batch_size, int64_t accumulate) {
  if (c.stages.empty()) return void((c.batch_size = batch_size, c.accumulate = accumulate));
  c.stages.at(stage).set("batch-size", batch_size);
  c.stages.at(stage).set("accumulate", accumulate);
}

void multiply_accumulate(TrainConfig& c, int64_t factor) {
  check<ConfigError>(c.accumulate * factor <= 4096,
                     "camo train: --accumulate times the number of processes is at most ", "4096, got ", c.accumulate,
                     " times ", factor);
  c.accumulate *= factor;
  for (JsonObject& row : c.stages)
    if (row.find("accumulate")) row.set("accumulate", row.integer("accumulate") * factor);
}

void set_total_epochs(TrainConfig& c, int64_t epochs) {
  if (c.stages.empty()) return void(c.epochs = epochs);
  const int64_t before = c.epochs - c.stages.back().integer("epochs");
  check<ConfigError>(epochs > before, "camo train --epochs: the stages before the last take ", before, ", got ",
                     epochs);
  set_epochs(c, c.stages.size() - 1, epochs - before);
}

StageFlags StageFlags::take(std::vector<std::string>& words) {
  StageFlags out;
  std::vector<std::string> rest;
  bool ended = false;  // by "--"
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    ended = ended || word == "--";
    if (!ended && (word == "--skip-stage1" || word == "--skip_stage1")) {
      out.skip_first = true;
      continue;
    }
    const bool numbered = word.size() > 9 && word.starts_with("--stage") && std::isdigit(word[7]) && word[7] != '0' &&
                          (word[8] == '-' || word[8] == '_');
    if (ended || !numbered) {
      rest.push_back(word);
      continue;
    }
    const size_t stage = size_t(word[7] - '0'), equals = word.find('=');
    const std::string flag = word.substr(0, equals), label = "camo train " + flag;
    TrainConfig scratch;
    const Option o = stage_option(scratch, flag.substr(9), label);
    check<ConfigError>(equals != std::string::npos || i + 1 < words.size(), label, ": needs a value");
    set(o, equals != std::string::npos ? word.substr(equals + 1) : words[++i], label);
    if (out.stages.size() < stage) out.stages.resize(stage);
    check<ConfigError>(!out.stages[stage - 1].find(o.name), label, ": is given twice");
    out.stages[stage - 1].set(o.name, to_json_value(o));
  }
  words = std::move(rest);
  return out;
}

void StageFlags::apply(TrainConfig& c) const {
  if (!stages.empty() && c.stages.size() < stages.size()) {
    const bool fresh = c.stages.empty();
    c.stages.resize(std::max<size_t>(stages.size(), 2));
    if (fresh) c.stages[0].set("freeze", std::string("backbone"));
  }
  for (size_t i = 0; i < stages.size(); ++i)
    for (const auto& [key, value] : stages[i].items) c.stages[i].set(key, value);
  if (!skip_first) return;
  check<ConfigError>(c.stages.size() > 1, "camo train --skip-stage1: the run has no second stage, got ",
                     c.stages.size(), " in all [--stage1-epochs N]");
  complete_stages(c);
  c.stages.erase(c.stages.begin());
  c.epochs = 0;
  for (const JsonObject& row : c.stages) c.epochs += row.integer("epochs");
}

nn::RateSchedule rate_schedule(const std::string& words, double steps_per_epoch) {
  nn::RateSchedule out{.cycle = 10, .every = 10};
  const Option shape = choice("schedule", &out.decay, "");
  set(shape, words.substr(0, words.find(',')), "schedule");
  Options keys;
  if (out.decay == nn::Decay::polynomial) keys = {{"power", &out.power, "", 0.01, 100}};
  if (out.decay == nn::Decay::restarts)
    keys = {{"cycle", &out.cycle, "", 0.01, 1e6}, {"growth", &out.growth, "", 1, 100}};
  if (out.decay == nn::Decay::step) keys = {{"every", &out.every, "", 0.01, 1e6}, {"factor", &out.factor, "", 0, 1}};
  set_all(keys, after_comma(words), text("schedule: ", name_of(out.decay)));
  out.cycle = std::max(1.0, std::round(out.cycle * steps_per_epoch));
  out.every = std::max(1.0, std::round(out.every * steps_per_epoch));
  return out;
}

Thaw thaw_of(const TrainConfig& c) {
  Thaw out;
  if (c.thaw.empty()) return out;
  out.every = 1;
  set_all({{"every", &out.every, "", 1, 1e6}, choice("from", &out.from, "")}, c.thaw, "thaw");
  return out;
}

}  // namespace camo::program
