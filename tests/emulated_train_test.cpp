// A tiny CamoXpert trained for two steps of SGD on the CPU and on the emulated GPU: the same losses, the same weights.
#include <doctest/doctest.h>

#include <cmath>

#include "moe/camoxpert.h"
#include "nn/optim.h"
#include "nn/state_dict.h"

using namespace camo;

namespace {

struct Trained {
  std::vector<double> losses;
  nn::NamedTensors weights;
};

Trained train(Device device) {
  moe::CamoXpert net(nn::Scope{.device = device, .seed = 3}, {.backbone = "pvt_v2_b0", .drop_path = 0.1, .width = 16});
  nn::Sgd optimizer(net, {.momentum = 0.9});
  const Tensor image = randn({2, 32, 32, 3}, 4);
  const Tensor mask = cast(where(cast(scale(rand({2, 32, 32, 1}, 5), 2), DType::u8), ones({1}), zeros({1})), DType::f32);
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

}  // namespace

TEST_CASE("two steps of SGD on the emulated GPU end where those on the CPU end") {
  const Trained cpu = train({}), gpu = train({Device::cuda, 0});
  for (size_t i = 0; i < cpu.losses.size(); ++i) CHECK(gpu.losses[i] == doctest::Approx(cpu.losses[i]).epsilon(1e-5));
  CHECK(cpu.losses[1] != doctest::Approx(cpu.losses[0]).epsilon(1e-3));  // it did learn something
  REQUIRE(gpu.weights.size() == cpu.weights.size());
  double worst = 0;
  for (size_t i = 0; i < cpu.weights.size(); ++i) {
    const auto& [name, a] = cpu.weights[i];
    const std::vector<double> x = to_vector<double>(a), y = to_vector<double>(gpu.weights[i].second);
    double difference = 0, norm = 0;
    for (size_t j = 0; j < x.size(); ++j) difference += (x[j] - y[j]) * (x[j] - y[j]), norm += x[j] * x[j];
    const double relative = std::sqrt(difference) / std::max(std::sqrt(norm), 1e-3);
    CHECK_MESSAGE(relative <= 1e-5, name, " ", relative);
    worst = std::max(worst, relative);
  }
  MESSAGE("largest relative difference of a weight: ", worst);
}
