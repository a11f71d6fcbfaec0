#include "examples/camo/options/augment_settings.h"

#include <algorithm>
#include <cmath>

#include "examples/camo/options/format.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

constexpr double kLeastScale = 0.25, kMostScale = 4;

/// The table; `scales` are words until they are read.
Options options(AugmentSettings& settings, std::string& scales) {
  return {{"blur", &settings.blur, "chance that the background is blurred", 0, 1},
          {"temperature", &settings.temperature, "largest change of the colour temperature", 0, 0.9},
          {"cutout", &settings.cutout, "chance that a rectangle is filled with the mean colour", 0, 1},
          {"scales", &scales, "factors of --size, one drawn for each step: 0.75:1:1.25"}};
}

}  // namespace

AugmentSettings augment_settings(const std::string& words) {
  AugmentSettings out;
  const size_t comma = words.find(',');
  const std::string first = words.substr(0, comma);
  const bool has_word = first == "on" || first == "off";
  check<ConfigError>(has_word || first.find('=') != first.npos, "augment: expects on, off or KEY=VALUE,..., got '",
                     words, "' [keys: ", augment_keys(), "]");
  out.usual = first != "off";
  std::string scales;
  const std::string rest = !has_word ? words : comma == words.npos ? "" : words.substr(comma + 1);
  const Options table = options(out, scales);
  set_all(table, rest, "augment");
  for (const std::string& word : split(scales, ':')) {
    double scale = 0;
    set({"scales", &scale, "", kLeastScale, kMostScale}, word, "augment: scales");
    out.scales.push_back(scale);
  }
  return out;
}

std::string augment_keys() {
  AugmentSettings settings;
  std::string scales, out;
  for (const std::string& key : options(settings, scales).names()) out += (out.empty() ? "" : ", ") + key;
  return out;
}

ImageSize scaled(ImageSize size, double scale) {
  if (scale == 1) return size;
  auto side = [&](int64_t n) { return std::max<int64_t>(1, std::llround(double(n) * scale / 32)) * 32; };
  return {side(size.height), side(size.width)};
}

}  // namespace camo::program
