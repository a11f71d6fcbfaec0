#include "examples/camo/predict/views.h"

#include <algorithm>

#include "examples/camo/options/augment_settings.h"
#include "examples/camo/options/format.h"
#include "tensor/error.h"
#include "tensor/ops/layout.h"

namespace camo::program {
namespace {

constexpr const char* kViewRule = "--tta: expects off, or some of flip, rotate, scales=X:Y:...";

std::vector<double> parse_scales(const std::string& words) {
  std::vector<double> out;
  for (const std::string& word : split(words, ':')) {
    double scale = 0;
    set({"scales", &scale, "", 0.25, 4}, word, "--tta: scales");
    check<ConfigError>(std::find(out.begin(), out.end(), scale) == out.end(), "--tta: scales: ", word,
                       " is given twice");
    out.push_back(scale);
  }
  check<ConfigError>(!out.empty(), "--tta: scales: expects X:Y:..., got '", words, "'");
  return out;
}

/// A quarter turn counter-clockwise.
Tensor turned(const Tensor& x) { return flip(permute(x, {0, 2, 1, 3}), 1); }

}  // namespace

std::vector<View> parse_views(const std::string& words) {
  if (words == "off") return {View{}};
  std::vector<double> scales{1};
  bool flips = false, turns = false;
  std::vector<std::string> given;
  for (const std::string& word : split(words, ',')) {
    const std::string key = word.substr(0, word.find('='));
    check<ConfigError>(std::find(given.begin(), given.end(), key) == given.end(), "--tta: ", key, " is given twice");
    given.push_back(key);
    if (word == "flip") flips = true;
    else if (word == "rotate") turns = true;
    else if (key == "scales" && key != word) scales = parse_scales(word.substr(key.size() + 1));
    else throw ConfigError(text(kViewRule, ", got '", word, "'", hint(key, {"flip", "rotate", "scales", "off"})));
  }
  check<ConfigError>(!given.empty(), kViewRule, ", got ''");
  std::vector<View> out;
  for (double scale : scales)
    for (int turn = 0; turn < (turns ? 4 : 1); ++turn)
      for (bool flip : {false, true})
        if (flips || !flip) out.push_back({scale, flip, turn});
  return out;
}

std::string to_text(const std::vector<View>& views) {
  bool flips = false, turns = false;
  std::vector<double> scales;
  for (const View& view : views) {
    flips |= view.flip, turns |= view.turns > 0;
    if (scales.empty() || scales.back() != view.scale) scales.push_back(view.scale);
  }
  std::sort(scales.begin(), scales.end());
  std::string out = flips ? "flip" : "";
  if (turns) out += out.empty() ? "rotate" : ",rotate";
  if (scales != std::vector<double>{1}) {
    out += out.empty() ? "scales=" : ",scales=";
    for (size_t i = 0; i < scales.size(); ++i) out += text(i ? ":" : "", scales[i]);
  }
  return out.empty() ? "off" : out;
}

void check_views(const std::vector<View>& views, ImageSize size) {
  for (const View& a : views)
    for (const View& b : views)
      check<ConfigError>(a.scale == b.scale || size_in(a, size) != size_in(b, size), "--tta: scales ", a.scale, " and ",
                         b.scale, " both give ", to_string(size_in(a, size)), " pixels, a multiple of 32");
}

ImageSize size_in(const View& view, ImageSize size) { return scaled(size, view.scale); }

Tensor seen(const Tensor& x, const View& view) {
  Tensor out = view.flip ? flip(x, 2) : x;
  for (int i = 0; i < view.turns; ++i) out = turned(out);
  return out;
}

Tensor unseen(const Tensor& x, const View& view) {
  Tensor out = x;
  for (int i = view.turns; i < 4 && view.turns > 0; ++i) out = turned(out);
  return view.flip ? flip(out, 2) : out;
}

}  // namespace camo::program
