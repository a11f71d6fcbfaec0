// The mixture: CamoXpert from its parts, its layer against a loop, and two ways to balance it.
//
// The idea: each claim about a mixture of experts can be seen.  The layer sorts images by expert; a loop over images gives the
// same numbers.  Without balance a few experts get most of it; with either way of balancing all get their share.  The picture
// shows how fast, and the last lines what it costs the task.
// Read beside it: moe/9_mixture.md.  Before: 06_moe.cpp.  Next: 11_processes.cpp.
#include <chrono>
#include <cmath>
#include <cstdio>

#include "examples/camo/draw/plot.h"
#include "moe/camoxpert.h"
#include "nn/loss.h"
#include "nn/optim.h"

using namespace camo;

namespace {

// [parts]
/// x (B, H, W, 3), H and W multiples of 32 -> logits (B, H, W, 1)
struct SmallCamoXpert : nn::Module {
  std::unique_ptr<nn::Backbone> backbone;
  nn::List<moe::Moe> mixtures;
  moe::Decoder decoder;
  nn::Linear head;
  explicit SmallCamoXpert(nn::Scope s)
      : Module(std::move(s)),
        backbone(nn::backbone("pvt_v2_b0", sub("backbone"))),
        mixtures(sub("mixtures")),
        decoder(sub("decoder"), backbone->dims, /*width=*/32, /*with_search=*/false),
        head(sub("head"), 32, 1) {
    for (int64_t dim : backbone->dims) mixtures.add(dim, moe::cod_experts(), moe::MoeConfig{.chosen = 2});
  }
  Var forward(const Var& x) {
    Vars maps = backbone->forward(x);  // four, at strides 4, 8, 16, 32
    for (size_t i = 0; i < maps.size(); ++i) maps[i] = mixtures[int64_t(i)].forward(maps[i]).y;
    return resize_bilinear(head.forward(decoder.forward(maps).first[0]), x.dim(1), x.dim(2));
  }
};
// [/parts]

// [loop]
/// The definition: one image and one expert at a time.
Var by_loop(moe::Moe& layer, const Var& x) {
  const moe::Route route = layer.choose(x);
  Vars images;
  for (int64_t b = 0; b < x.dim(0); ++b) {
    Var y = slice_rows(x, b, b + 1);
    for (int64_t k = 0; k < layer.router.chosen; ++k) {
      const int64_t e = route.expert.read<int64_t>()[b * layer.router.chosen + k];
      Var weight = slice(slice_rows(route.weight, b, b + 1), 1, k, k + 1);  // (1, 1)
      y = y + reshape(weight, {1, 1, 1, 1}) * layer.experts->one(e, slice_rows(x, b, b + 1));
    }
    images.push_back(y);
  }
  return concat(images, 0);
}
// [/loop]

/// Forward and backward by one way; prints the time.  Returns y, and the gradient of the gate.
std::pair<Tensor, Tensor> pass(const char* name, moe::Moe& layer, const std::function<Var()>& forward) {
  const auto start = std::chrono::steady_clock::now();
  const Var y = forward();
  backward(mean(square(y)));
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  std::printf("  %-6s %4.0f ms forward and backward\n", name, time.count());
  const Tensor gate = layer.router.gate.weight.grad();
  nn::zero_grad(layer), nn::discard(layer);
  return {y.value(), gate};
}

double difference(const Tensor& a, const Tensor& b) { return item(max(abs(sub(a, b)))) / item(max(abs(b))); }

/// Points of four groups, most of them of the first; each group's numbers move on by as many places as its number.
std::pair<Tensor, Tensor> points(uint64_t seed) {
  Tensor x = randn({64, 8}, seed), y = empty({64, 8}, DType::f32);
  for (int64_t i = 0; i < 64; ++i) {
    const int64_t group = i % 8 < 5 ? 0 : i % 8 - 4;
    float* row = x.write<float>() + 8 * i;
    row[group] += 4;
    for (int64_t c = 0; c < 8; ++c) y.write<float>()[8 * i + c] = row[(c + group) % 8];
  }
  return {x, y};
}

/// Learns the moves with 8 experts, 2 for each point.  Returns the load error over the steps, averaged over 20 of them.
program::Series balance(const char* name, const moe::MoeConfig& config) {
  moe::Moe layer(nn::Scope{.seed = 1}, /*dim=*/8, moe::MlpPool{.experts = 8, .hidden = 16}, config);
  nn::AdamW optimizer(layer, {.decay = 0});
  program::Series curve{name};
  double error = 0, loss = 0;
  for (int64_t step = 0; step < 1200; ++step) {
    const auto [x, target] = points(100 + uint64_t(step));
    const moe::MoeOut out = layer.forward(Var(x));
    const Var task = mean(square(out.y - Var(target)));
    backward(out.aux_loss.defined() ? task + out.aux_loss : task);
    optimizer.step(3e-3).accepted ? nn::commit(layer) : nn::discard(layer);
    error += out.stats.load_error / 20, loss += item(task.value()) / 20;
    if (step % 20 < 19) continue;
    curve.x.push_back(double(step + 1)), curve.y.push_back(error);
    if (step == 1199) std::printf("  %-10s load error %.2f, loss of the task %.4f\n", name, error, loss);
    error = loss = 0;
  }
  return curve;
}

}  // namespace

int main(int argc, char** argv) {
  SmallCamoXpert net(nn::Scope{.seed = 1});
  const Tensor photographs = randn({2, 64, 64, 3}, 2), masks = full({2, 64, 64, 1}, 1);
  backward(nn::structure_loss(net.forward(Var(photographs)), masks));
  int64_t reached = 0;
  for (const auto& mixture : net.mixtures) reached += mixture->router.gate.weight.grad().defined();
  nn::zero_grad(net), nn::discard(net);
  std::printf("CamoXpert from its parts: %.1f million parameters; the loss reaches %lld of 4 gates\n\n",
              1e-6 * double(net.parameter_count()), (long long)reached);

  moe::Moe& layer = net.mixtures[1];
  const Var x(randn({8, 24, 24, 64}, 3));
  std::printf("one layer, 8 images, %lld experts, 2 for each image\n", (long long)layer.experts->count());
  const auto [y, gate] = pass("layer", layer, [&] { return layer.forward(x).y; });
  const auto [looped, its_gate] = pass("loop", layer, [&] { return by_loop(layer, x); });
  const double values = difference(y, looped), gates = difference(gate, its_gate);
  std::printf("  they differ by %.0e, the gate's gradients by %.0e of the largest number\n\n", values, gates);

  std::printf("balance, after 1200 steps\n");
  const program::Series none = balance("none", {.balancing = moe::Balancing::none}), sign = balance("loss-free", {}),
                        loss = balance("auxiliary", {.balancing = moe::Balancing::auxiliary, .auxiliary = 0.1});
  const char* path = argc > 1 ? argv[1] : "10_mixture.svg";
  program::write_charts(path, {{.title = "load error, 0 is even", .series = {none, sign, loss}, .x_label = "step"}});
  std::printf("the curves: %s\n", path);
  const bool balanced = std::max(sign.y.back(), loss.y.back()) < 0.5 * none.y.back();
  return reached == 4 && values < 1e-5 && gates < 1e-4 && balanced ? 0 : 1;
}
