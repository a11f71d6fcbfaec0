// A mixture of experts whose routing is visible.
//
// The idea: nobody tells the experts what to specialise in, and yet they divide the work.  Points come from four
// groups, and each group rotates its points by its own angle.  One linear map cannot rotate by four angles at once.
// Four linear experts, two for each point, can if the router learns to tell the groups apart.  The router learns from
// the task's loss alone, through the weights of the experts; the balancing only keeps all experts in use.
// Before: 05_attention.cpp.  The layer: moe/moe.cpp.  Where it is used: moe/camoxpert.h.
#include <cmath>
#include <cstdio>
#include <numbers>

#include "moe/moe.h"
#include "nn/optim.h"
#include "nn/schedule.h"

using namespace camo;

namespace {

constexpr int64_t kGroups = 4, kExperts = 4;

/// x, target (N, 4), group (N).  The first two numbers of x are the position, near the centre of its group; the last
/// two are to be rotated.
struct Points {
  Tensor x, target, group;
};

Points make(int64_t n, uint64_t seed) {
  Points out{randn({n, 4}, seed), zeros({n, 4}), empty({n}, DType::i64)};
  float *x = out.x.write<float>(), *y = out.target.write<float>();
  for (int64_t i = 0; i < n; ++i, x += 4, y += 4) {
    const int64_t group = i % kGroups;
    const double angle = group * std::numbers::pi / 2 + 0.3;
    out.group.write<int64_t>()[i] = group;
    x[0] = 0.3f * x[0] + (group & 1 ? 1.f : -1.f), x[1] = 0.3f * x[1] + (group & 2 ? 1.f : -1.f);
    y[0] = x[0], y[1] = x[1];
    y[2] = float(std::cos(angle) * x[2] - std::sin(angle) * x[3]),
    y[3] = float(std::sin(angle) * x[2] + std::cos(angle) * x[3]);
  }
  return out;
}

// [expert]
/// An expert may be any module that keeps the shape; here it is one matrix.
struct LinearExpert : moe::Expert {
  nn::Linear map;
  LinearExpert(nn::Scope s, int64_t dim) : Expert(std::move(s)), map(sub("map"), dim, dim) {}
  Var forward(const Var& x) override { return map.forward(x); }
};
// [/expert]

/// Prints the mean weight with which each group's points go to each expert.
void print_routing(const moe::Route& route, const Tensor& group) {
  double share[kGroups][kExperts] = {}, points[kGroups] = {};
  const int64_t B = route.expert.dim(0), K = route.expert.dim(1);
  for (int64_t b = 0; b < B; ++b) {
    const int64_t g = group.read<int64_t>()[b];
    points[g] += 1;
    for (int64_t i = b * K; i < (b + 1) * K; ++i)
      share[g][route.expert.read<int64_t>()[i]] += route.weight.value().read<float>()[i];
  }
  std::printf("            expert 0  expert 1  expert 2  expert 3\n");
  for (int64_t g = 0; g < kGroups; ++g) {
    std::printf("  group %lld ", (long long)g);
    for (double s : share[g]) std::printf("  %8.2f", s / points[g]);
    std::printf("\n");
  }
}

/// Trains for 1500 steps; returns the mean squared error on new points.
template <class Forward> double learn(nn::Module& net, const Forward& forward) {
  nn::AdamW optimizer(net, {.decay = 0});
  constexpr int64_t kSteps = 1500;
  for (int64_t step = 0; step < kSteps; ++step) {
    Points batch = make(64, 10 + uint64_t(step));
    backward(mean(square(forward(batch.x) - Var(batch.target))));
    const bool accepted = optimizer.step(nn::cosine_with_warmup(step, kSteps, 20, 1e-2)).accepted;
    accepted ? nn::commit(net) : nn::discard(net);  // the balancing update that the forward pass staged
  }
  net.train(false);
  NoGrad no_grad;
  Points test = make(400, 1);
  return item(mean(square(forward(test.x) - Var(test.target))).value());
}

}  // namespace

int main() {
  Points some = make(400, 2);
  nn::List<LinearExpert> alone(nn::Scope{.seed = 1});
  alone.add(4);
  const double single = learn(alone, [&](const Tensor& x) { return Var(x) + alone[0].forward(Var(x)); });
  std::printf("one linear map: error %.4f\n\n", single);

  // [layer]
  const moe::ExpertKind kind{"linear", moe::make_expert<LinearExpert>};
  moe::Moe layer(nn::Scope{.seed = 1}, /*dim=*/4, std::vector<moe::ExpertKind>(kExperts, kind), {.chosen = 2});
  // [/layer]
  std::printf("weight of each expert before training:\n");
  print_routing(layer.router.forward(Var(some.x)), some.group);
  nn::discard(layer);  // a forward pass for display must not change the balancing

  const double mixture = learn(layer, [&](const Tensor& x) { return layer.forward(Var(x)).y; });
  std::printf("\nweight of each expert after training:\n");
  print_routing(layer.router.forward(Var(some.x)), some.group);
  std::printf("\nerror of the mixture %.4f, of one map %.4f; promised: a tenth of it\n", mixture, single);
  return mixture < 0.1 * single ? 0 : 1;
}
