// Training that depends on depth: layers and parts of every backbone, freezing by name, rates by layer.
#include "nn/depth.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "autograd/ops.h"
#include "nn/backbone.h"
#include "nn/layers.h"
#include "nn/optim.h"
#include "tensor/ops/layout.h"

using namespace camo;
using namespace camo::nn;

namespace {

/// A stage as backbones have them: a convolution, blocks with batch norm and dropout.
struct Small : Module {
  struct Block : Module {
    Linear fc;
    BatchNorm norm;
    Dropout drop;
    Block(Scope s) : Module(std::move(s)), fc(sub("fc"), 4, 4), norm(sub("norm"), 4), drop(sub("drop"), 0.5) {}
    Var forward(const Var& x) { return drop.forward(norm.forward(fc.forward(x))); }
  };
  Linear stem;
  List<Block> blocks;
  Small() : Module(Scope{.seed = 3}), stem(sub("stem"), 4, 4), blocks(sub("blocks")) { blocks.add(), blocks.add(); }
  Var forward(const Var& x) { return blocks[1].forward(blocks[0].forward(stem.forward(x))); }
};

}  // namespace

TEST_CASE("every backbone has a layer for its stem and one for each block, and a part for each stage") {
  // Blocks by the families' tables of depths (nn/backbones); EfficientNet-Lite has seven stages, the others four.
  for (const auto& [name, blocks] : {std::pair{"pvt_v2_b0", 8},
                                     {"pvt_v2_b2", 16},
                                     {"edgenext_small", 18},
                                     {"swin_tiny", 12},
                                     {"convnext_tiny", 18},
                                     {"efficientnet_lite0", 16}}) {
    CAPTURE(name);
    const auto net = backbone(name, {.initialise = false});
    CHECK(layers(*net).size() == size_t(1 + blocks));
    CHECK(parts(*net).size() == (std::string(name) == "efficientnet_lite0" ? 8 : 5));  // the stem and its stages
    size_t names = 0;
    std::set<std::string> once;
    for (const auto& group : layers(*net))
      for (const std::string& p : group) once.insert(p), ++names;
    CHECK(once.size() == names);
    CHECK(names == net->named_parameters().size());
  }
}

TEST_CASE("a block's norm and the next stage's downsampling belong to the layer before them") {
  const auto net = backbone("pvt_v2_b0", {.initialise = false});
  const NameGroups groups = layers(*net);
  CHECK(groups[0].front() == "patch_embed.proj.weight");
  CHECK(groups[1].front() == "stages.0.blocks.0.norm1.weight");
  CHECK(groups[2].back() == "stages.1.downsample.norm.bias");
  CHECK(parts(*net)[1].front() == "stages.0.blocks.0.norm1.weight");
  CHECK(parts(*net)[2].front() == "stages.1.downsample.proj.weight");
}

TEST_CASE("the rate of a layer is exactly the power of the decay that its distance from the end gives") {
  const std::vector<double> rates = layer_rates(4, 0.5);
  CHECK(rates == std::vector<double>{0.0625, 0.125, 0.25, 0.5});
  CHECK(layer_rates(2, 1) == std::vector<double>{1, 1});
}

TEST_CASE("freezing by name freezes these parameters and no others; a second call says anew") {
  Small net;
  const auto frozen = [&] {
    std::set<std::string> out;
    for (const Parameter& p : net.named_parameters())
      if (p.frozen) out.insert(p.name);
    return out;
  };
  net.freeze_where([](const std::string& name) { return name.ends_with(".bias"); });
  CHECK(frozen() == std::set<std::string>{"stem.bias", "blocks.0.fc.bias", "blocks.0.norm.bias", "blocks.1.fc.bias",
                                          "blocks.1.norm.bias"});
  net.freeze_where([](const std::string& name) { return name == "stem.weight"; });
  CHECK(frozen() == std::set<std::string>{"stem.weight"});
  net.freeze(false);
  CHECK(frozen().empty());
}

TEST_CASE("a module whose parameters are all frozen rests: its statistics stay, its dropout is off") {
  Small net;
  const Var x(randn({16, 4}, 5));
  const auto staged = [&](int64_t block) { return net.blocks[block].norm.running_mean.staged.defined(); };
  net.freeze_where([](const std::string& name) { return name.starts_with("blocks.0."); });
  net.forward(x);
  CHECK(!staged(0));
  CHECK(staged(1));
  CHECK(!net.blocks[0].drop.training());
  CHECK(net.blocks[1].drop.training());
  discard(net);
  // Half frozen is not frozen.
  net.freeze_where([](const std::string& name) { return name == "blocks.0.norm.weight"; });
  net.forward(x);
  CHECK(staged(0));
  discard(net);
  net.freeze();
  CHECK(equal_bits(net.forward(x).value(), net.forward(x).value()));
  CHECK(!staged(1));
}

TEST_CASE("groups scale the rate of their parameters alone, and configure() changes it with the moments kept") {
  // With AdamW's first step the update is rate * g / (|g| + eps): nearly the rate itself, whatever the gradient.
  const auto moved = [](double stem_scale, int steps, double later_scale) {
    Small net;
    AdamW optimizer(net, {.decay = 0, .groups = {{.path = "stem", .rate_scale = stem_scale}}});
    const Tensor stem = net.stem.weight.value().clone(), block = net.blocks[0].fc.weight.value().clone();
    for (int i = 0; i < steps; ++i) {
      if (i) {
        const NamedTensors before = optimizer.state();
        optimizer.configure({.groups = {{.path = "stem", .rate_scale = later_scale}}});
        const NamedTensors after = optimizer.state();
        REQUIRE(before.size() == after.size());
        for (size_t k = 0; k < after.size(); ++k) CHECK(equal_bits(before[k].second, after[k].second));
      }
      net.state().next_micro_step();
      backward(sum(square(net.forward(Var(randn({16, 4}, 5))))));
      optimizer.step(1e-3);
    }
    return std::pair(to_vector<float>(net.stem.weight.value() - stem),
                     to_vector<float>(net.blocks[0].fc.weight.value() - block));
  };
  const auto [stem, block] = moved(0.25, 1, 1);
  const auto [whole_stem, same_block] = moved(1, 1, 1);
  CHECK(block == same_block);
  for (size_t i = 0; i < stem.size(); ++i) CHECK(stem[i] == doctest::Approx(0.25 * whole_stem[i]).epsilon(1e-3));
  // A rate of 0 from the second step on: the weights stay where the first step left them.
  CHECK(moved(1, 3, 0).first == whole_stem);
}
