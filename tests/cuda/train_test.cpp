// Compares CPU and emulated GPU: a tiny CamoXpert trained for two SGD steps, and a backbone of each family.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/ops.h"
#include "moe/loss.h"
#include "nn/optim.h"
#include "nn/state_dict.h"

using namespace camo;

namespace {

struct Trained {
  std::vector<double> losses;
  nn::NamedTensors weights;
};

Trained train(Device device, DType dtype) {
  moe::CamoXpert net(nn::Scope{.device = device, .dtype = dtype, .seed = 3},
                     {.backbone = "pvt_v2_b0", .drop_path = 0.1, .width = 16, .head_width = 16});
  nn::Sgd optimizer(net, {.momentum = 0.9});
  const Tensor image = cast(randn({2, 32, 64, 3}, 4), dtype);
  const Tensor mask = cast(where(cast(scale(rand({2, 32, 64, 1}, 5), 2), DType::u8), ones({1}), zeros({1})), dtype);
  Trained out;
  for (int step = 0; step < 2; ++step) {
    net.state().next_micro_step();
    Var loss = moe::camoxpert_loss(net.forward(Var(image.to(device))), mask.to(device));
    backward(loss);
    CHECK(optimizer.step(0.05).accepted);
    nn::commit(net);
    out.losses.push_back(item(loss.value()));
  }
  out.weights = nn::state_dict(net);
  return out;
}

/// |a - b| / |a|
double difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = to_vector<double>(a), y = to_vector<double>(b);
  double off = 0, norm = 0;
  for (size_t j = 0; j < x.size(); ++j) off += (x[j] - y[j]) * (x[j] - y[j]), norm += x[j] * x[j];
  return std::sqrt(off) / std::max(std::sqrt(norm), 1e-3);
}

/// The feature maps and the gradient of the image.
std::vector<Tensor> features(const std::string& name, Device device) {
  auto net = nn::backbone(name, nn::Scope{.device = device, .seed = 3}, {.height = 32, .width = 64});
  Var x = Var::leaf(randn({1, 32, 64, 3}, 4).to(device));
  std::vector<Tensor> out;
  Var loss;
  uint64_t seed = 5;
  for (const Var& f : net->forward(x)) {
    Var part = sum(f * Var(randn(f.shape(), seed++).to(device)));
    loss = loss.defined() ? loss + part : part;
    out.push_back(f.value());
  }
  backward(loss);
  out.push_back(x.grad());
  return out;
}

}  // namespace

TEST_CASE("a backbone of each family gives the same maps and the same gradient on the emulated GPU") {
  for (const char* name : {"pvt_v2_b2_li", "edgenext_xx_small", "swin_tiny", "convnext_tiny"}) {
    const std::vector<Tensor> cpu = features(name, {}), gpu = features(name, {Device::cuda, 0});
    for (size_t i = 0; i < cpu.size(); ++i) {
      CAPTURE(name);
      CAPTURE(i);
      CHECK(difference(cpu[i], gpu[i]) < 1e-5);
    }
  }
}

// The deepest map has only four pixels for its batch norm, which amplifies rounding errors.  The bound is twice the
// change that rounding alone causes in the CPU's weights.
TEST_CASE("two SGD steps on the emulated GPU give the weights of two steps on the CPU") {
  const Trained cpu = train({}, DType::f32), gpu = train({Device::cuda, 0}, DType::f32), exact = train({}, DType::f64);
  for (size_t i = 0; i < cpu.losses.size(); ++i) CHECK(gpu.losses[i] == doctest::Approx(cpu.losses[i]).epsilon(1e-5));
  CHECK(cpu.losses[1] != doctest::Approx(cpu.losses[0]).epsilon(1e-3));  // it has learned something
  REQUIRE(gpu.weights.size() == cpu.weights.size());
  double worst = 0;
  for (size_t i = 0; i < cpu.weights.size(); ++i) {
    const auto& [name, a] = cpu.weights[i];
    const double relative = difference(a, gpu.weights[i].second);
    const double rounding = difference(exact.weights[i].second, a);
    CHECK_MESSAGE(relative <= std::max(1e-5, 2 * rounding), name, " ", relative, ", of rounding ", rounding);
    worst = std::max(worst, relative);
  }
  MESSAGE("largest relative difference of a weight: ", worst);
}
