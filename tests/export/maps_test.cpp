// What networks compute, in evaluation and in a step of training, for the peers that run them elsewhere:
// tests/peers/export_pytorch.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "autograd/ops.h"
#include "examples/camo/trained/checkpoint.h"
#include "moe/loss.h"
#include "nn/checking/in_double.h"
#include "tensor/io/io.h"
#include "tensor/ops/index.h"
#include "tensor/ops/layout.h"
#include "tensor/parallel.h"

using namespace camo;
using namespace camo::program;
namespace fs = std::filesystem;

namespace {

Tensor to_channels_first(const Var& map) { return permute(map.value(), {0, 3, 1, 2}); }

/// All maps, by name and number.
void append_maps(const moe::CamoXpertOut& out, const std::string& of, NamedTensors& maps) {
  auto append = [&](const std::string& name, const Var& map) {
    if (map.defined()) maps.emplace_back(name + "." + of, to_channels_first(map));
  };
  append("logits", out.logits), append("search", out.search);
  append("reverse", out.reverse), append("uncertainty", out.uncertainty);
  for (size_t i = 0; i < out.deep.size(); ++i) append(text("deep", i), out.deep[i]);
  for (size_t i = 0; i < out.steps.size(); ++i) append(text("steps", i), out.steps[i]);
}

/// Switches off what draws random numbers in training.
void make_certain(nn::Module& module) {
  if (auto* layer = dynamic_cast<nn::Dropout*>(&module)) layer->p = 0;
  if (auto* layer = dynamic_cast<nn::DropPath*>(&module)) layer->p = 0;
  if (auto* router = dynamic_cast<moe::Router*>(&module)) router->config.noise = 0;
  for (nn::Module* child : module.children()) make_certain(*child);
}

/// The maps and losses of passes in training, and the gradients of the sum of the losses.  A network with routers runs
/// once for each expert, with a balance that sends every row to it: so each expert has a gradient.
NamedTensors passes(moe::CamoXpert& network, const Tensor& image, const Tensor& mask) {
  const std::vector<moe::Moe*> layers = moe::mixtures(network);
  std::vector<Tensor> balance;
  for (moe::Moe* layer : layers) balance.push_back(layer->router.balance.value);
  const DType dtype = network.state().dtype;
  const int64_t count = layers.empty() ? 1 : layers[0]->router.experts;
  NamedTensors out;
  for (int64_t e = 0; e < count; ++e) {
    const Tensor turn = one_hot(full({1}, double(e), DType::i64), count, dtype).reshape({count}) * 100.0;
    for (size_t i = 0; i < layers.size(); ++i) layers[i]->router.balance.value = balance[i] + turn;
    const moe::CamoXpertOut maps = network.forward(Var(cast(image, dtype)));
    const Var loss = moe::camoxpert_loss(maps, cast(mask, dtype));
    backward(loss);
    append_maps(maps, std::to_string(e), out);
    out.emplace_back(text("loss.", e), loss.value().reshape({1}));
  }
  for (size_t i = 0; i < layers.size(); ++i) layers[i]->router.balance.value = balance[i];
  for (const nn::Parameter& p : network.named_parameters())
    if (p.var.grad().defined()) out.emplace_back("gradient." + p.name, nn::to_file(p.var.grad(), p.layout));
  return out;
}

/// The least of five times of the processor, in seconds, which other programs disturb little.
template <class F> double least_seconds(const F& f) {
  double least = 1e9;
  for (int i = 0; i < 5; ++i) {
    const std::clock_t begin = std::clock();
    f();
    least = std::min(least, double(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return least;
}

}  // namespace

// Each folder in CAMO_MAPS has network.safetensors, of `camo export`, and x.safetensors with normalised photographs
// (B, 3, H, W); this adds maps.safetensors: the maps of each x, and the `seconds` of the processor for x0, one thread.
TEST_CASE("maps of networks for peers") {
  const char* folders = std::getenv("CAMO_MAPS");
  if (!folders) return;
  set_threads(1);
  NoGrad no_grad;
  for (const auto& entry : fs::directory_iterator(folders)) {
    const std::string folder = entry.path().string();
    if (!fs::exists(folder + "/x.safetensors")) continue;
    TrainedNetwork network = load_model(folder + "/network.safetensors");
    NamedTensors maps;
    for (const auto& [name, x] : read_safetensors(folder + "/x.safetensors").tensors) {
      const Var image(permute(x, {0, 2, 3, 1}));
      append_maps(network.model->forward(image), name, maps);
      if (name == "x0") maps.emplace_back("seconds", full({1}, least_seconds([&] { network.model->forward(image); })));
    }
    write_safetensors(folder + "/maps.safetensors", maps);
  }
}

// Each folder in CAMO_MAPS that also has batch.safetensors, with `image` (B, 3, H, W) and `mask` (B, 1, H, W), gets
// NAME_f32.safetensors and NAME_f64.safetensors: passes() of network.safetensors and of apart.safetensors.
TEST_CASE("gradients of networks for peers") {
  const char* folders = std::getenv("CAMO_MAPS");
  if (!folders) return;
  set_threads(1);
  for (const auto& entry : fs::directory_iterator(folders)) {
    const std::string folder = entry.path().string();
    if (!fs::exists(folder + "/batch.safetensors")) continue;
    const SafeTensors batch = read_safetensors(folder + "/batch.safetensors");
    const Tensor image = permute(*batch.find("image"), {0, 2, 3, 1}), mask = permute(*batch.find("mask"), {0, 2, 3, 1});
    for (const std::string name : {"/network", "/apart"}) {
      TrainedNetwork network = load_model(folder + name + ".safetensors");
      network.model->train();
      make_certain(*network.model);
      write_safetensors(folder + name + "_f32.safetensors", passes(*network.model, image, mask));
      nn::InDouble in_double(*network.model);
      write_safetensors(folder + name + "_f64.safetensors", passes(*network.model, image, mask));
    }
  }
}
