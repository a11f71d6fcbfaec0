#include "examples/camo/record/position.h"

#include <variant>

#include "tensor/error.h"

namespace camo::program {
namespace {

using List = std::vector<double>;
using Lists = std::vector<List>;
using Terms = LossTerms;

struct Field {
  std::string key;  // for lists: the prefix of the keys KEY0, KEY1, ...
  std::variant<int64_t*, double*, std::string*, List*, Lists*, Terms*> value;
  bool newer = false;  // a number that older files lack: not written when it is 0, and 0 when it is not there
};

/// The table of fields.  Its keys are in checkpoints and must never change.
std::vector<Field> fields(Position& p) {
  return {{"epoch", &p.epoch},
          {"batch", &p.batch},
          {"step", &p.step},
          {"bad_in_a_row", &p.bad_in_a_row},
          {"best_iou", &p.best_score},
          {"best_epoch", &p.best_epoch},
          {"data", &p.data},
          {"auxiliary_sum", &p.sums.auxiliary},
          {"loss_sum", &p.sums.loss},
          {"grad_norm_sum", &p.sums.grad_norm},
          {"grad_norm_squares", &p.sums.grad_norm_squares, /*newer=*/true},
          {"bytes_kept", &p.sums.bytes_kept},
          {"epoch_steps", &p.sums.steps},
          {"epoch_skipped", &p.sums.skipped},
          {"load_", &p.sums.load},
          {"term_", &p.sums.terms},
          {"micro_step", &p.micro_step},
          {"ema_updates", &p.ema_updates},
          {"seconds", &p.seconds, /*newer=*/true}};
}

// An empty list has no key: the model has no experts, or the epoch has not begun.
void save(JsonObject& state, const std::string& key, const int64_t& value) { state.set(key, value); }
void save(JsonObject& state, const std::string& key, const double& value) { state.set(key, value); }
void save(JsonObject& state, const std::string& key, const std::string& value) { state.set(key, value); }
void save(JsonObject& state, const std::string& key, const List& value) {
  if (!value.empty()) state.set(key, value);
}
void save(JsonObject& state, const std::string& key, const Lists& value) {
  for (size_t i = 0; i < value.size(); ++i) state.set(text(key, i), value[i]);
}
void save(JsonObject& state, const std::string& key, const Terms& value) {
  for (const auto& [name, sum] : value) state.set(key + name, sum);
}

void load(const JsonObject& state, const std::string& key, int64_t& value) { value = state.integer(key); }
void load(const JsonObject& state, const std::string& key, double& value) { value = state.number(key); }
void load(const JsonObject& state, const std::string& key, std::string& value) { value = state.string(key); }
void load(const JsonObject& state, const std::string& key, List& value) {
  const JsonValue* found = state.find(key);
  check<ConfigError>(!found || std::holds_alternative<List>(*found), "'", key, "' is no list");
  if (found) value = std::get<List>(*found);
}
void load(const JsonObject& state, const std::string& key, Lists& value) {
  for (std::string one = text(key, 0); state.find(one); one = text(key, value.size())) {
    value.emplace_back();
    load(state, one, value.back());
  }
}
void load(const JsonObject& state, const std::string& key, Terms& value) {
  for (const auto& [name, sum] : state.items)
    if (name.starts_with(key)) value.emplace_back(name.substr(key.size()), state.number(name));
}

}  // namespace

JsonObject to_json_object(const Position& position) {
  Position copy = position;  // the table points into the object that it describes
  JsonObject state;
  for (const Field& f : fields(copy))
    if (!f.newer || *std::get<double*>(f.value) != 0)
      std::visit([&](auto* value) { save(state, f.key, *value); }, f.value);
  return state;
}

Position position_of(const JsonObject& state) {
  Position out;
  for (const Field& f : fields(out))
    if (!f.newer || state.find(f.key)) std::visit([&](auto* value) { load(state, f.key, *value); }, f.value);
  return out;
}

}  // namespace camo::program
