// Weights named as in timm, in its features_only models, and in the original repositories.
#include "nn/weights.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tensor/io/io.h"
#include "tensor/ops/layout.h"

using namespace camo;
using namespace camo::nn;
using nlohmann::json;

namespace {

/// Pairs [original name, timm's name] from timm's own checkpoint filter; null for tensors that it drops.
const json& dialects() {
  static const json file = json::parse(std::ifstream(CAMO_SOURCE_DIR "/tests/golden/dialects.json"));
  return file;
}

std::vector<std::string> families_here() {
  std::vector<std::string> out;
  for (const std::string& name : backbone_names())
    if (dialects().contains(name)) out.push_back(name);
  return out;
}

/// The network's tensors, each filled with a different number.
NamedTensors numbered_weights(const Module& net) {
  NamedTensors out;
  std::map<std::string, DType> types;  // the counters of batch norms are integers
  for (const auto& [name, t] : state_dict(net)) types[name] = is_float(t.dtype()) ? DType::f32 : t.dtype();
  for (const auto& [name, shape] : file_shapes(net))
    out.emplace_back(name, full(shape, double(out.size()), types[name]));
  return out;
}

/// True if every parameter has the number of its position.
bool all_in_place(const Module& net) {
  int64_t i = 0;
  for (const auto& [name, t] : state_dict(net)) {
    std::vector<float> v = to_vector<float>(is_float(t.dtype()) ? t : full(t.shape(), double(item(t))));
    if (std::count(v.begin(), v.end(), float(i++)) != int64_t(v.size())) return false;
  }
  return true;
}

void fill_all(Module& net, double value) {
  for (Parameter& p : net.named_parameters()) fill(p.var.value(), value);
}

NamedTensors with_names(const NamedTensors& tensors, const std::function<std::string(std::string)>& rename) {
  NamedTensors out;
  for (const auto& [name, t] : tensors) out.emplace_back(rename(name), t.clone());
  return out;
}

std::string refusal(Backbone& net, NamedTensors tensors) {
  try {
    load_weights(net, std::move(tensors));
  } catch (const WeightsError& e) {
    return e.what();
  }
  return "loaded";
}

}  // namespace

TEST_CASE("the original repositories' names load strictly, as timm's own filter maps them") {
  for (const std::string& name : families_here()) {
    CAPTURE(name);
    auto net = backbone(name, Scope{.initialise = false});
    std::map<std::string, Tensor> by_name;
    for (auto& [key, t] : numbered_weights(*net)) by_name.emplace(key, t);
    NamedTensors original;
    size_t beyond = 0;
    for (const auto& pair : dialects()[name]) {
      const std::string timm = pair[1].is_null() ? "" : pair[1].get<std::string>();
      const bool ours = by_name.count(timm);
      beyond += !ours;
      original.emplace_back(pair[0].get<std::string>(), ours ? by_name.at(timm).clone() : zeros({3}));
    }
    for (const char* prefix :
         {"", "module.", "backbone.", "_orig_mod.", "encoder.", "net.", "model.model.", "_orig_mod.backbone."}) {
      fill_all(*net, -1);
      WeightsReport report = load_weights(*net, with_names(original, [&](auto key) { return prefix + key; }));
      CHECK(report.complete());
      CHECK(report.tensors == int64_t(by_name.size()));
      CHECK(report.heads.size() + report.ignored.size() == beyond);
      CHECK(report.reading.find("timm") == std::string::npos);
      CHECK(all_in_place(*net));
    }
  }
}

TEST_CASE("a file is recognised by names and shapes, also behind a prefix, with parts missing or added") {
  auto shapes = [](const std::string& name, const std::string& prefix) {
    std::vector<std::pair<std::string, Shape>> out;
    for (auto [key, shape] : file_shapes(*backbone(name, Scope{.initialise = false})))
      out.emplace_back(prefix + key, shape);
    return out;
  };
  for (const std::string& name : backbone_names()) {
    CAPTURE(name);
    const Likeness like = likeness(shapes(name, ""));
    CHECK(like.backbone == name);
    CHECK(like.there == like.wanted);
    CHECK(like.reading == "timm names");
  }
  auto part = shapes("pvt_v2_b1", "module.encoder.");
  const int64_t all = int64_t(part.size());
  part.resize(part.size() - 5);
  for (int i = 0; i < 9; ++i) part.emplace_back(text("module.encoder.extra.", i), Shape{3});
  const Likeness like = likeness(part);
  CHECK(like.backbone == "pvt_v2_b1");
  CHECK(like.wanted == all);
  CHECK(like.there == all - 5);
  CHECK(like.reading == "timm names behind \"module.encoder.\"");
  CHECK(likeness({{"conv.weight", Shape{3}}}).there == 0);
}

TEST_CASE("both of timm's dialects load strictly; heads are skipped and reported") {
  for (const std::string& name : families_here()) {
    CAPTURE(name);
    auto net = backbone(name, Scope{.initialise = false});
    NamedTensors full_model = numbered_weights(*net), features = with_names(full_model, features_name);
    full_model.emplace_back("head.fc.weight", zeros({10, 4}));
    full_model.emplace_back("head.norm.bias", zeros({4}));
    for (const NamedTensors& file : {full_model, features}) {
      fill_all(*net, -1);
      WeightsReport report = load_weights(*net, with_names(file, [](auto key) { return key; }));
      CHECK(report.complete());
      CHECK(report.reading == "timm names");
      CHECK(report.heads.size() == (file.size() == full_model.size() ? 2 : 0));
      CHECK(all_in_place(*net));
    }
  }
}

TEST_CASE("names translate between the dialects") {
  CHECK(timm_name("stages_2.blocks.4.mlp.fc1.weight") == "stages.2.blocks.4.mlp.fc1.weight");
  CHECK(timm_name("stem_1.bias") == "stem.1.bias");
  CHECK(timm_name("patch_embed.proj.weight") == "patch_embed.proj.weight");
  CHECK(timm_name("stages_x.a") == "stages_x.a");
  CHECK(timm_name("odd_1") == "odd_1");
  CHECK(features_name("layers.3.blocks.1.attn.qkv.bias") == "layers_3.blocks.1.attn.qkv.bias");
  CHECK(features_name("patch_embed.norm.bias") == "patch_embed.norm.bias");
  CHECK(timm_name_of_pvt("block3.11.mlp.dwconv.dwconv.bias") == "stages.2.blocks.11.mlp.dwconv.bias");
  CHECK(timm_name_of_pvt("patch_embed99999999999.x") == "patch_embed99999999999.x");
  CHECK(timm_name_of_convnext("downsample_layers.2.0.weight") == "stages.2.downsample.0.weight");
  CHECK(timm_name_of_convnext("stages.1.2.pwconv1.weight") == "stages.1.blocks.2.mlp.fc1.weight");
  CHECK(timm_name_of_convnext("norm.bias") == "head.norm.bias");
  CHECK(timm_name_of_lite0("_blocks.0._project_conv.weight") == "blocks.0.0.conv_pw.weight");
  CHECK(timm_name_of_lite0("_blocks.0._bn1.running_var") == "blocks.0.0.bn1.running_var");
  CHECK(timm_name_of_lite0("_blocks.7._bn0.bias") == "blocks.3.2.bn1.bias");
  CHECK(timm_name_of_lite0("_blocks.15._project_conv.weight") == "blocks.6.0.conv_pwl.weight");
  CHECK(timm_name_of_lite1("_blocks.7._depthwise_conv.weight") == "blocks.3.0.conv_dw.weight");
  CHECK(timm_name_of_lite1("_blocks.20._bn2.weight") == "blocks.6.0.bn3.weight");
  CHECK(timm_name_of_lite1("_bn0.bias") == "bn1.bias");
  CHECK(timm_name_of_lite1("_fc.bias") == "classifier.bias");
  CHECK(timm_name_of_lite1("_blocks.99999999999.x.y") == "_blocks.99999999999.x.y");
  CHECK(timm_name_of_swin("layers.0.downsample.norm.weight") == "layers.1.downsample.norm.weight");
}

TEST_CASE("a strict load lists what is wrong and changes nothing; a partial one loads what fits") {
  auto net = backbone("pvt_v2_b0", Scope{.seed = 1});
  NamedTensors before;
  for (const auto& [name, t] : state_dict(*net)) before.emplace_back(name, t.clone());
  auto wrong = [&] {
    NamedTensors file = numbered_weights(*net);
    for (int i = 0; i < 12; ++i) file[size_t(i)].first += "x";
    file[20].second = zeros({7, 7});
    return file;
  };
  std::string message = refusal(*net, wrong());
  CHECK(message.starts_with(
      "load_weights: names and shapes must be the network's, got timm names: 163 of 176 tensors, "));
  CHECK(message.find("12 missing: patch_embed.proj.weight, ") != std::string::npos);
  CHECK(message.find(", ... (2 more); 12 unexpected: patch_embed.proj.weightx (nearest: patch_embed.proj.weight), ") !=
        std::string::npos);
  CHECK(message.find("1 of another shape or type: " + before[20].first + " (7, 7) f32 for ") != std::string::npos);
  for (size_t i = 0; i < before.size(); ++i) CHECK(equal_bits(state_dict(*net)[i].second, before[i].second));

  WeightsReport report = load_weights(*net, wrong(), /*partial=*/true);
  CHECK(report.tensors == 163);
  CHECK(equal_bits(state_dict(*net)[20].second, before[20].second));
  CHECK(to_vector<float>(state_dict(*net)[30].second)[0] == 30);

  auto other = backbone("convnext_small", Scope{.initialise = false});  // has all names of convnext_tiny, and more
  NamedTensors original;
  for (const auto& [name, shape] : file_shapes(*other))
    original.emplace_back("module." + features_name(name), empty(shape, DType::f32));
  CHECK(refusal(*net, original).ends_with(" [these are the weights of convnext_small]"));
  CHECK(refusal(*net, wrong()).find('[') == std::string::npos);

  CHECK(refusal(*net, {}).find("0 of 176 tensors, 0 % of the numbers; 176 missing: ") != std::string::npos);
  CHECK(refusal(*net, {{"a", zeros({1})}, {"b", zeros({1})}}).find("2 unexpected: a, b") != std::string::npos);
}

TEST_CASE("every float type converts, and axes of length one do not matter") {
  auto net = backbone("pvt_v2_b0", Scope{.initialise = false});
  for (DType dtype : {DType::f64, DType::bf16, DType::f32}) {
    NamedTensors file;
    for (const auto& [name, t] : numbered_weights(*net)) file.emplace_back(name, cast(t, dtype));
    CHECK(load_weights(*net, std::move(file)).complete());
    CHECK(all_in_place(*net));
  }
  NamedTensors file = numbered_weights(*net);
  for (auto& [name, t] : file)
    if (name.ends_with("fc1.weight")) t = t.reshape({t.dim(0), t.dim(1), 1, 1});  // store the matrix as 1 x 1 filters
  CHECK(load_weights(*net, std::move(file)).complete());
  CHECK(all_in_place(*net));
}

TEST_CASE("from a larger file only the backbone's part is loaded") {
  auto net = backbone("pvt_v2_b0", Scope{.initialise = false});
  NamedTensors file = with_names(numbered_weights(*net), [](auto key) { return "ema.backbone." + key; });
  for (auto& item : with_names(numbered_weights(*net), [](auto key) { return "model.backbone." + key; })) {
    fill(item.second, -5);
    file.push_back(item);
  }
  file.emplace_back("model.decoder.search.weight", zeros({1, 64}));
  WeightsReport report = load_weights(*net, std::move(file));
  CHECK(report.reading == R"(timm names behind "ema.backbone.")");
  CHECK(report.others.size() == 177);
  CHECK(all_in_place(*net));
}

TEST_CASE("the package's ImageNet weights of EfficientNet-Lite0 load strictly, and are told from those of lite1") {
  const char* data = std::getenv("CAMO_DATA");
  const std::string file = std::string(data ? data : "") + "/weights/efficientnet-lite0-57934424.pth";
  if (!data || !std::filesystem::exists(file)) {
    MESSAGE("skipped: no ", file, " [set CAMO_DATA]");
    return;
  }
  const Tensor stem = *read_tensors(file).find("_conv_stem.weight");
  auto net = backbone("efficientnet_lite0", Scope{.initialise = false});
  const WeightsReport report = load_weights(*net, read_tensors(file).tensors);
  CHECK(report.complete());
  CHECK(report.tensors == 288);
  CHECK(report.reading == "EfficientNet-Lite0 names");
  CHECK(report.heads.size() == 8);  // _conv_head, _bn1 and _fc
  CHECK(equal_bits(state_dict(*net)[0].second, stem));
  auto other = backbone("efficientnet_lite1", Scope{.initialise = false});
  CHECK(refusal(*other, read_tensors(file).tensors).ends_with("[these are the weights of efficientnet_lite0]"));
}
