// What networks compute, for the peers that run them elsewhere: tests/peers/export_pytorch.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "autograd/ops.h"
#include "examples/camo/run/checkpoint.h"
#include "tensor/io/io.h"
#include "tensor/ops/layout.h"

using namespace camo;
using namespace camo::program;
namespace fs = std::filesystem;

namespace {

Tensor to_channels_first(const Var& map) { return permute(map.value(), {0, 3, 1, 2}); }

/// All maps that are logits, by name and number.
void append_maps(const moe::CamoXpertOut& out, const std::string& of, NamedTensors& maps) {
  maps.emplace_back("logits." + of, to_channels_first(out.logits));
  for (size_t i = 0; i < out.deep.size(); ++i)
    maps.emplace_back(text("deep", i, ".", of), to_channels_first(out.deep[i]));
  if (out.search.defined()) maps.emplace_back("search." + of, to_channels_first(out.search));
  if (out.reverse.defined()) maps.emplace_back("reverse." + of, to_channels_first(out.reverse));
}

/// The median of five times in seconds.
template <class F> double median_seconds(const F& f) {
  std::vector<double> seconds;
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[2];
}

}  // namespace

// Each folder in CAMO_MAPS has network.safetensors, of `camo export`, and x.safetensors with normalised photographs
// (B, 3, H, W); this adds maps.safetensors: the maps of each x, and `seconds` for one pass of x0.
TEST_CASE("maps of networks for peers") {
  const char* folders = std::getenv("CAMO_MAPS");
  if (!folders) return;
  NoGrad no_grad;
  for (const auto& entry : fs::directory_iterator(folders)) {
    const std::string folder = entry.path().string();
    if (!fs::exists(folder + "/x.safetensors")) continue;
    TrainedNetwork network = load_model(folder + "/network.safetensors");
    NamedTensors maps;
    for (const auto& [name, x] : read_safetensors(folder + "/x.safetensors").tensors) {
      const Var image(permute(x, {0, 2, 3, 1}));
      append_maps(network.model->forward(image), name, maps);
      if (name == "x0") maps.emplace_back("seconds", full({1}, median_seconds([&] { network.model->forward(image); })));
    }
    write_safetensors(folder + "/maps.safetensors", maps);
  }
}
