#include "examples/camo/options/normalisation.h"

#include <cmath>
#include <cstdlib>

#include "examples/camo/options/format.h"
#include "examples/camo/options/json.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

struct Known {
  const char* name;
  Normalisation value;
};
const Known kKnown[] = {{"imagenet", Normalisation{}}, {"lite", kLiteNormalisation}};

/// Three finite numbers with commas between them.
bool read_three(const std::string& words, float* out) {
  const std::vector<std::string> parts = split(words, ',');
  if (parts.size() != 3) return false;
  for (size_t i = 0; i < 3; ++i) {
    char* end = nullptr;
    out[i] = std::strtof(parts[i].c_str(), &end);
    if (parts[i].empty() || *end || !std::isfinite(out[i])) return false;
  }
  return true;
}

bool divides(const Normalisation& n) { return n.deviation[0] > 0 && n.deviation[1] > 0 && n.deviation[2] > 0; }

/// "0.485, 0.456, 0.406" with the fewest digits that read back as the same floats.
std::string three(const float* numbers, const char* between) {
  std::string out;
  for (int i = 0; i < 3; ++i) {
    std::string digits;
    for (int precision = 1; precision <= 9; ++precision) {
      digits = formatted(text("%.", precision, "g").c_str(), double(numbers[i]));
      if (std::strtof(digits.c_str(), nullptr) == numbers[i]) break;
    }
    out += (i ? between : "") + digits;
  }
  return out;
}

}  // namespace

Normalisation parse_normalisation(const std::string& words) {
  if (words.empty()) return {};
  for (const Known& known : kKnown)
    if (words == known.name) return known.value;
  Normalisation out;
  const std::vector<std::string> parts = split(words, '/');
  const bool good = parts.size() == 2 && read_three(parts[0], out.mean) && read_three(parts[1], out.deviation);
  check<ConfigError>(good && divides(out),
                     "normalisation: must be imagenet, lite, or M,M,M/D,D,D with deviations D > 0, ", "got '", words,
                     "'");
  return out;
}

std::string to_text(const Normalisation& n) {
  for (const Known& known : kKnown)
    if (n == known.value) return known.name;
  return three(n.mean, ",") + "/" + three(n.deviation, ",");
}

std::string normalisation_json(const Normalisation& n) {
  return R"({"mean": [)" + three(n.mean, ", ") + R"(], "deviation": [)" + three(n.deviation, ", ") + "]}";
}

Normalisation parse_normalisation_json(const std::string& json) {
  Normalisation out;
  const JsonObject object = parse_json(json, "normalisation");
  const std::pair<const char*, float*> parts[] = {{"mean", out.mean}, {"deviation", out.deviation}};
  for (const auto& [name, to] : parts) {
    const JsonValue* value = object.find(name);
    const auto* list = value ? std::get_if<std::vector<double>>(value) : nullptr;
    check<WeightsError>(list && list->size() == 3, "normalisation: needs three numbers '", name, "', got ", json);
    for (size_t i = 0; i < 3; ++i) to[i] = float((*list)[i]);
  }
  check<WeightsError>(divides(out), "normalisation: deviations are positive, got ", json);
  return out;
}

}  // namespace camo::program
