#include "examples/camo/export/pytorch.h"

#include <charconv>

#include "examples/camo/export/python.h"
#include "examples/camo/options/files.h"
#include "examples/camo/trained/weights_file.h"
#include "nn/backbones/convnext.h"
#include "nn/backbones/edgenext.h"
#include "nn/backbones/efficientnet_lite.h"
#include "nn/backbones/pvt_v2.h"
#include "nn/backbones/swin.h"

namespace camo::program {

const std::vector<std::string_view>& pytorch_pieces();  // embed.cmake writes it

namespace {

// ---- values as Python ---------------------------------------------------------------------------------------

std::string python(int64_t x) { return std::to_string(x); }
template <std::floating_point T> std::string python(T x) {
  char digits[64];
  const std::string out(digits, std::to_chars(digits, digits + sizeof digits, x).ptr);
  return out.find_first_of(".e") == out.npos ? out + ".0" : out;
}
template <class List> std::string python_tuple(const List& list) {
  std::string out;
  for (const auto& x : list) out += (out.empty() ? "" : ", ") + python(x);
  return "(" + out + ")";
}

/// An argument of the function `build`, on a line of its own.
std::string argument(const char* name, const std::string& value) { return text("        ", name, "=", value, ",\n"); }

// ---- the backbone -------------------------------------------------------------------------------------------

/// How the backbone is built: its class and the arguments.
struct Construction {
  std::string name, arguments;
};

Construction construction(const nn::PvtV2Config& c) {
  return {"PvtV2", argument("dims", python_tuple(c.dims)) + argument("depths", python_tuple(c.depths)) +
                       argument("mlp_ratios", python_tuple(c.mlp_ratios))};
}
Construction construction(const nn::EdgeNextConfig& c) {
  return {"EdgeNext", argument("dims", python_tuple(c.dims)) + argument("depths", python_tuple(c.depths)) +
                          argument("heads", python(c.heads))};
}
Construction construction(const nn::ConvNextConfig& c) {
  return {"ConvNext", argument("dims", python_tuple(c.dims)) + argument("depths", python_tuple(c.depths))};
}
Construction construction(const nn::SwinConfig& c) {
  return {"Swin", argument("dims", python_tuple(c.dims)) + argument("depths", python_tuple(c.depths)) +
                      argument("heads", python_tuple(c.heads))};
}
Construction construction(const nn::EfficientNetLiteConfig& c) {
  return {"EfficientNetLite",
          argument("channels", python_tuple(c.channels)) + argument("depths", python_tuple(c.depths))};
}

template <class Family> void construct_if(const std::string& name, Construction& out) {
  for (const auto& config : Family::configs())
    if (config.name == name) out = construction(config);
}

Construction construction(const TrainConfig& c) {
  Construction out;
  construct_if<nn::PvtV2>(c.backbone, out);
  construct_if<nn::EdgeNext>(c.backbone, out);
  construct_if<nn::ConvNext>(c.backbone, out);
  construct_if<nn::Swin>(c.backbone, out);
  construct_if<nn::EfficientNetLite>(c.backbone, out);
  check<ConfigError>(!out.name.empty(), "camo export: there is no ", c.backbone, " in Python yet");
  if (out.name == "Swin") {
    using moe::CamoXpert;
    out.arguments += argument(
        "size", python_tuple(std::vector{CamoXpert::padded_side(c.size.height), CamoXpert::padded_side(c.size.width)}));
  }
  out.arguments += argument("drop_path", python(c.drop_path));
  return out;
}

// ---- experts and routers ------------------------------------------------------------------------------------

/// The class of an expert: "texture 2" of the COD family is TextureExpert.
std::string expert_class(const std::string& name, bool generic) {
  std::string kind = name.substr(0, name.find(' '));
  kind[0] = char(std::toupper(kind[0]));
  return generic && kind != "Texture" ? "Generic" + kind : kind + "Expert";
}

std::string experts_of(const moe::Scale& scale, const TrainConfig& c) {
  const std::vector<std::string>& names = scale.mixture ? scale.mixture->experts->names : scale.series.names;
  std::string out;
  for (const std::string& name : names)
    out += "        " +
           (name == "single" ? text("partial(SingleExpert, worth=", c.chosen, ")")
                             : expert_class(name, scale.attend.has_value())) +
           ",\n";
  return "(\n" + out + "    )";
}

/// The marks that hold for a router, and its constants.
void add_router(const moe::Moe& layer, PythonFile& file) {
  using moe::Balancing;
  const moe::MoeConfig& c = layer.router.config;
  auto add = [&](bool holds, const char* word) {
    if (holds) file.words.insert(word);
  };
  auto set = [&](const char* name, auto value) { file.constants[name] = python(value); };
  const bool moves = c.balancing == Balancing::sign || c.balancing == Balancing::proportional;
  const bool even = c.balancing == Balancing::auxiliary;
  add(c.gate == moe::GateKind::content_aware, "by_content"), add(c.weights == moe::Weights::all, "by_share");
  add(c.routing == moe::Routing::tile, "tile"), add(c.temperature != 1, "temperature"), add(c.clamp > 0, "clamp");
  add(c.noise > 0, "noise"), add(moves, "balances"), add(c.balancing == Balancing::sign, "sign");
  add(c.balancing == Balancing::proportional, "proportional"), add(c.leak > 0, "leak"), add(c.limit > 0, "limit");
  add(c.average > 0, "average"), add(even, "auxiliary"), add(layer.router.steps != nullptr, "steps");
  add(moves || even, "counts"), add(c.z_loss > 0, "z_loss"), add(c.entropy > 0, "entropy");
  add(even || c.z_loss > 0 || c.entropy > 0, "aux_loss");
  set("CHOSEN", c.chosen), set("TILE", layer.tile), set("TEMPERATURE", c.temperature), set("CLAMP", c.clamp);
  set("NOISE", c.noise), set("RATE", c.rate), set("LEAK", c.leak), set("LIMIT", c.limit), set("AVERAGE", c.average);
  set("AUXILIARY", c.auxiliary), set("Z_LOSS", c.z_loss), set("ENTROPY", c.entropy);
}

// ---- the file -----------------------------------------------------------------------------------------------

std::string title(const TrainConfig& c) { return c.model + " on " + c.backbone; }

std::string build_function(const TrainedNetwork& network) {
  const moe::CamoXpert& model = *network.model;
  const Construction backbone = construction(network.config);
  std::string out = "def build():\n    \"\"\"" + title(network.config) + ", with random weights.\"\"\"\n";
  out += "    backbone = " + backbone.name + "(\n" + backbone.arguments + "    )\n";
  out += "    experts = " + experts_of(model.scales[0], network.config) + "\n";
  out += "    return CamoXpert(\n        backbone,\n" + argument("dims", python_tuple(model.backbone->dims)) +
         "        experts=experts,\n" + argument("width", python(model.decoder.lateral[0].weight.dim(0)));
  if (model.heads)
    out += argument("head_width", python(model.heads->narrow.weight.dim(0))) +
           argument("refinements", python(model.heads->refinement.steps.size()));
  return out + "    )\n";
}

const char* const kReadme = R"(# NAME

Finds camouflaged objects. Trained by Camo CAMO_VERSION_TEXT; needs PyTorch alone.

    from model import load, predict
    network = load()
    p = predict(photograph, network)  # (H, W, 3) of bytes -> (H, W), 0 to 1

In the shell, with Pillow: `python model.py PHOTOGRAPH MAP.png`.
`network.train()` lets training go on: the network then returns a dict of all its maps.
)";

}  // namespace

std::string pytorch_model(const TrainedNetwork& network) {
  const TrainConfig& c = network.config;
  const moe::CamoXpert& model = *network.model;
  const moe::Scale& scale = model.scales[0];
  const Normalisation n = normalisation(c);
  PythonFile file;
  file.docstring = title(c) +
                   ": finds camouflaged objects.\n\nWritten by Camo " CAMO_VERSION
                   "; needs PyTorch alone.\n\n    network = load()  # reads model.safetensors beside this file"
                   "\n    p = predict(photograph, network)\n";
  if (model.heads) file.words.insert("heads");
  if (scale.attend) file.words.insert("attend");
  else file.words.insert("cod");
  if (scale.mixture) file.words.insert("mixture"), add_router(*scale.mixture, file);
  else file.words.insert("series");
  if (c.attention == moe::AttentionKind::linear) file.words.insert("linear_attention");
  if (c.attention_pool > 0) file.words.insert("pools_keys");
  if (c.reading.exif == Exif::apply) file.words.insert("upright");
  for (const nn::PvtV2Config& pvt : nn::PvtV2::configs())
    if (pvt.name == c.backbone && pvt.linear) file.words.insert("pvt_pooled");
  file.constants["SIZE"] = python_tuple(std::vector{c.size.height, c.size.width});
  file.constants["MEAN"] = python_tuple(n.mean), file.constants["DEVIATION"] = python_tuple(n.deviation);
  file.constants["POOL_ABOVE"] = python(c.attention_pool);
  file.functions["build"] = build_function(network);
  return python_text(pytorch_pieces(), file);
}

void export_pytorch(const std::string& folder, const TrainedNetwork& network) {
  const std::string model = pytorch_model(network);
  std::string readme = kReadme;
  const std::pair<const char*, std::string> fills[] = {{"NAME", title(network.config)},
                                                       {"CAMO_VERSION_TEXT", CAMO_VERSION}};
  for (const auto& [gap, words] : fills) readme.replace(readme.find(gap), std::string(gap).size(), words);
  make_folder(folder, "camo export --out");
  write_weights(folder + "/model.safetensors", *network.model, about_network(network.config));
  write_file(folder + "/model.py", model);
  write_file(folder + "/README.md", readme);
}

}  // namespace camo::program
