#include "nn/weights.h"

#include <algorithm>
#include <map>

namespace camo::nn {
namespace {

using Parts = std::vector<std::string>;

Parts split(const std::string& name) {
  Parts parts(1);
  for (char c : name) {
    if (c == '.') parts.emplace_back();
    else parts.back() += c;
  }
  return parts;
}

std::string join(const Parts& parts) {
  std::string out = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) out += "." + parts[i];
  return out;
}

bool digits(const std::string& s) {
  return !s.empty() && s.size() < 9 && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The module lists whose index timm's features_only models join to the name.
bool is_list(const std::string& s) { return s == "stages" || s == "layers" || s == "stem"; }

/// The number N >= 1 in a word "stemN"; 0 if the word has another form.
int numbered(const std::string& word, const std::string& stem) {
  if (!word.starts_with(stem) || !digits(word.substr(stem.size()))) return 0;
  return std::stoi(word.substr(stem.size()));
}

void replace_first(Parts& parts, const Parts& by) {
  parts.erase(parts.begin());
  parts.insert(parts.begin(), by.begin(), by.end());
}

struct Reading {
  const char* name;
  std::string (*timm)(const std::string&);
};
constexpr Reading kReadings[] = {{"timm", timm_name},
                                 {"PVT", timm_name_of_pvt},
                                 {"EdgeNeXt/ConvNeXt", timm_name_of_convnext},
                                 {"Swin", timm_name_of_swin},
                                 {"EfficientNet-Lite0", timm_name_of_lite0},
                                 {"EfficientNet-Lite1/2", timm_name_of_lite1}};
const char* const kPrefixes[] = {
    "", "module.", "model.", "backbone.", "ema.backbone.", "model.backbone.", "module.backbone.", "backbone.body."};

/// True for the classifier and the norm before it, in timm's names.
bool of_classifier(const std::string& name) {
  for (const char* part : {"head.", "norm.", "fc.", "classifier.", "conv_head.", "bn2."})
    if (name.starts_with(part)) return true;
  return false;
}

bool computed(const std::string& name) {
  return name.ends_with("relative_position_index") || name.ends_with("attn_mask");
}

struct Choice {
  Reading reading = kReadings[0];
  std::string prefix;

  bool within(const std::string& name) const { return name.starts_with(prefix); }
  std::string timm(const std::string& name) const { return reading.timm(name.substr(prefix.size())); }
};

using Shapes = std::map<std::string, Shape>;

Shapes shapes_of(const Backbone& network) {
  const auto list = file_shapes(network);
  return Shapes(list.begin(), list.end());
}

/// What may stand before every name: the known prefixes, behind each beginning that all names of the file share.
std::vector<std::string> prefixes(const Shapes& file) {
  std::string shared = file.empty() ? "" : file.begin()->first;
  for (const auto& [name, shape] : file) {
    size_t n = 0;
    while (n < shared.size() && n < name.size() && shared[n] == name[n]) ++n;
    shared.resize(n);
  }
  std::vector<std::string> out;
  constexpr size_t kMost = 8;  // beginnings that are tried
  for (size_t end = 0; end != std::string::npos && out.size() < kMost * std::size(kPrefixes);
       end = shared.find('.', end), end += end != std::string::npos)
    for (const char* known : kPrefixes) out.push_back(shared.substr(0, end) + known);
  return out;
}

/// The dialect in which most names match the network; the first of several.
Choice choose(const Shapes& file, const Shapes& wanted) {
  Choice best;
  int64_t most = 0;
  for (const std::string& prefix : prefixes(file))
    for (const Reading& reading : kReadings) {
      const Choice choice{reading, prefix};
      int64_t hits = 0;
      for (const auto& [name, shape] : file)
        if (choice.within(name)) hits += int64_t(wanted.count(choice.timm(name)));
      if (hits > most) most = hits, best = choice;
    }
  return best;
}

/// The shape without axes of length one: equal for tensors with the same numbers in the same order.
std::vector<int64_t> essence(const Shape& shape) {
  std::vector<int64_t> out;
  for (int64_t n : shape)
    if (n != 1) out.push_back(n);
  return out;
}

std::string shown(const Choice& choice) {
  std::string out = text(choice.reading.name, " names");
  return choice.prefix.empty() ? out : out + " behind \"" + choice.prefix + "\"";
}

Likeness likeness(const Shapes& file) {
  Likeness best;
  for (const std::string& name : backbone_names()) {
    const Shapes wanted = shapes_of(*backbone(name, Scope{.initialise = false}));
    const Choice choice = choose(file, wanted);
    Likeness now{.backbone = name, .wanted = int64_t(wanted.size()), .reading = shown(choice)};
    for (const auto& [key, shape] : file) {
      auto place = choice.within(key) ? wanted.find(choice.timm(key)) : wanted.end();
      now.there += place != wanted.end() && essence(place->second) == essence(shape);
    }
    const int64_t share = now.there * std::max<int64_t>(best.wanted, 1), best_share = best.there * now.wanted;
    // pvt_v2_b1 lies whole within pvt_v2_b2
    if (share > best_share || (share == best_share && now.there > best.there)) best = now;
  }
  return best;
}

/// Advice for a message about a file that has all tensors of some backbone.
std::string owner(const Shapes& file) {
  const Likeness best = likeness(file);
  return best.there > 0 && best.there == best.wanted ? text(" [these are the weights of ", best.backbone, "]") : "";
}

}  // namespace

std::string timm_name(const std::string& name) {
  const size_t dot = name.find('.'), line = name.find('_');
  if (dot == name.npos || line > dot || !is_list(name.substr(0, line))) return name;
  if (!digits(name.substr(line + 1, dot - line - 1))) return name;
  return name.substr(0, line) + "." + name.substr(line + 1);
}

std::string features_name(const std::string& name) {
  const size_t dot = name.find('.');
  if (dot == name.npos || !is_list(name.substr(0, dot))) return name;
  return name.substr(0, dot) + "_" + name.substr(dot + 1);
}

std::string timm_name_of_pvt(const std::string& name) {
  Parts parts = split(name);
  if (int n = numbered(parts[0], "patch_embed"))
    replace_first(parts, n == 1 ? Parts{"patch_embed"} : Parts{"stages", std::to_string(n - 1), "downsample"});
  else if (int n = numbered(parts[0], "block")) replace_first(parts, {"stages", std::to_string(n - 1), "blocks"});
  else if (int n = numbered(parts[0], "norm")) replace_first(parts, {"stages", std::to_string(n - 1), "norm"});
  auto twice = std::adjacent_find(parts.begin(), parts.end(),
                                  [](const auto& a, const auto& b) { return a == "dwconv" && b == a; });
  if (twice != parts.end()) parts.erase(twice);
  return join(parts);
}

std::string timm_name_of_convnext(const std::string& name) {
  Parts parts = split(name);
  if (parts[0] == "downsample_layers" && parts.size() > 2 && digits(parts[1])) {
    if (parts[1] == "0") parts.erase(parts.begin() + 1), parts[0] = "stem";
    else parts.insert(parts.begin() + 2, "downsample"), parts[0] = "stages";
  } else if (parts[0] == "stages" && parts.size() > 3 && digits(parts[1]) && digits(parts[2])) {
    parts.insert(parts.begin() + 2, "blocks");
  } else if (parts[0] == "norm") {
    parts.insert(parts.begin(), "head");
  } else if (parts[0] == "head") {
    parts.insert(parts.begin() + 1, "fc");
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == "dwconv") parts[i] = "conv_dw";
    if (int n = numbered(parts[i], "pwconv")) parts[i] = text("fc", n), parts.insert(parts.begin() + int64_t(i), "mlp");
  }
  return join(parts);
}

std::string timm_name_of_swin(const std::string& name) {
  Parts parts = split(name);
  if (parts[0] == "layers" && parts.size() > 2 && digits(parts[1]) && parts[2] == "downsample")
    parts[1] = std::to_string(std::stoi(parts[1]) + 1);
  else if (parts[0] == "head") parts.insert(parts.begin() + 1, "fc");
  return join(parts);
}

namespace {

/// `first`: the first block of each stage, in the numbering through all stages.
std::string timm_name_of_lite(const std::string& name, const std::vector<int64_t>& first) {
  Parts parts = split(name);
  if (parts[0] == "_conv_stem" || parts[0] == "_conv_head") parts[0].erase(0, 1);
  else if (parts[0] == "_bn0") parts[0] = "bn1";
  else if (parts[0] == "_bn1") parts[0] = "bn2";
  else if (parts[0] == "_fc") parts[0] = "classifier";
  if (parts[0] != "_blocks" || parts.size() < 4 || !digits(parts[1])) return join(parts);
  const int64_t block = std::stoi(parts[1]),
                stage = std::upper_bound(first.begin(), first.end(), block) - first.begin();
  const bool widens = stage > 1;  // the first stage has neither _expand_conv nor _bn0
  std::string& part = parts[2];
  if (part == "_expand_conv") part = "conv_pw";
  else if (part == "_depthwise_conv") part = "conv_dw";
  else if (part == "_project_conv") part = widens ? "conv_pwl" : "conv_pw";
  else if (part == "_bn0" || part == "_bn1" || part == "_bn2") part = text("bn", part[3] - '0' + (widens ? 1 : 0));
  replace_first(parts, {"blocks", std::to_string(stage - 1)});
  parts[2] = std::to_string(block - first[size_t(stage - 1)]);
  return join(parts);
}

}  // namespace

std::string timm_name_of_lite0(const std::string& name) { return timm_name_of_lite(name, {0, 1, 3, 5, 8, 11, 15}); }

std::string timm_name_of_lite1(const std::string& name) { return timm_name_of_lite(name, {0, 1, 4, 7, 11, 15, 20}); }

std::string WeightsReport::text() const {
  std::string out = reading + ": " + LoadReport::text();
  if (!others.empty()) out += camo::text("; ", others.size(), " of other parts");
  for (const std::string& part : {listed(heads, "of the classifier skipped"), listed(ignored, "computed here, ignored"),
                                  listed(resized, "resized to this window")})
    if (!part.empty()) out += "; " + part;
  return out;
}

Likeness likeness(const std::vector<std::pair<std::string, Shape>>& file) {
  return likeness(Shapes(file.begin(), file.end()));
}

WeightsReport load_weights(Backbone& network, NamedTensors tensors, bool partial) {
  const Shapes shapes = shapes_of(network);
  Shapes file;
  for (const auto& [name, t] : tensors) file.emplace(name, t.shape());
  const Choice choice = choose(file, shapes);

  WeightsReport report;
  NamedTensors named;
  for (auto& [name, t] : tensors) {
    if (!choice.within(name)) {
      report.others.push_back(name);
      continue;
    }
    const std::string timm = choice.timm(name);
    auto place = shapes.find(timm);
    if (place == shapes.end() && of_classifier(timm)) {
      report.heads.push_back(name);
    } else if (place == shapes.end() && computed(timm)) {
      report.ignored.push_back(name);
    } else {
      if (place != shapes.end() && t.shape() != place->second) {
        if (essence(t.shape()) == essence(place->second)) t = t.reshape(place->second);
        else if (Tensor fitted = network.fit(timm, t); fitted.defined()) t = fitted, report.resized.push_back(timm);
      }
      named.emplace_back(timm, std::move(t));
    }
  }
  report.reading = shown(choice);
  try {
    static_cast<LoadReport&>(report) = load_state_dict(network, std::move(named), !partial);
  } catch (const LoadError& e) {
    static_cast<LoadReport&>(report) = e.report;
    throw WeightsError("load_weights: names and shapes must be the network's, got " + report.text() + owner(file));
  }
  return report;
}

}  // namespace camo::nn
