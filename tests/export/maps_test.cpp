// What networks compute, for the peers that run them elsewhere: tests/peers/export_pytorch.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "autograd/ops.h"
#include "examples/camo/trained/checkpoint.h"
#include "tensor/io/io.h"
#include "tensor/ops/layout.h"
#include "tensor/parallel.h"

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
