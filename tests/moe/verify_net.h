// A small network with two mixtures, data for it, and the verifier's verdict over it, for tests.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <optional>

#include "autograd/ops.h"
#include "moe/verify/survey.h"
#include "moe/verify/verify.h"
#include "nn/optim.h"

namespace camo::test {

using namespace camo::moe;

/// The smallest network with two kinds of rows: one mixture routes whole images, the other tiles.
struct Mini : nn::Module {
  nn::Conv2d stem;
  Moe images, tiles;
  nn::Linear head;
  explicit Mini(const std::vector<ExpertKind>& kinds = cod_experts())
      : Module(nn::Scope{.seed = 4}),
        stem(sub("stem"), 3, 16, 4, {.stride = 4}),
        images(sub("images"), 16, kinds, {}),
        tiles(sub("tiles"), 16, cod_experts(), {.routing = Routing::tile, .tile = 3}),
        head(sub("head"), 16, 1) {}
  Var forward(const Var& x) {
    Var map = gelu(stem.forward(x));
    return head.forward(images.forward(map).y + tiles.forward(map).y);
  }
};

/// Stripes with one of four directions, scales and colours: images (n, 32, 32, 3), and where they are
/// bright (n, 8, 8, 1).
inline std::pair<Tensor, Tensor> stripes(int64_t n, uint64_t seed) {
  Tensor x = zeros({n, 32, 32, 3}), target = zeros({n, 8, 8, 1});
  Random random({.seed = seed, .domain = Domain::test});
  for (int64_t b = 0; b < n; ++b) {
    const int64_t kind = random.below(4);
    const double phase = random.uniform(0, 6.28), wave = 0.25 + 0.2 * double(kind);
    for (int64_t h = 0; h < 32; ++h)
      for (int64_t w = 0; w < 32; ++w) {
        const double v = std::sin(phase + wave * double(kind % 2 ? h : w)) + 0.3 * random.normal();
        for (int64_t c = 0; c < 3; ++c)
          x.write<float>()[((b * 32 + h) * 32 + w) * 3 + c] = float(v + (c == kind % 3 ? 1 : 0));
        if (v > 0) target.write<float>()[(b * 8 + h / 4) * 8 + w / 4] += 1 / 16.f;
      }
  }
  return {x, target};
}

inline void train_some(Mini& net, int steps) {
  nn::AdamW optimizer(net);
  net.train();
  for (int step = 0; step < steps; ++step) {
    auto [x, target] = stripes(16, uint64_t(100 + step));
    net.state().next_micro_step();
    backward(mean(bce_with_logits(net.forward(Var(x)), target)));
    optimizer.step(3e-3);
    nn::commit(net);
  }
}

template <class Net> Survey survey_of(Net& net, int64_t n = 96, const nn::NamedTensors& first = {}) {
  NoGrad no_grad;
  net.train(false);
  Surveyor surveyor(net, first);
  for (int64_t i = 0; i < n; i += 16) net.forward(Var(stripes(16, uint64_t(7000 + i)).first));
  return surveyor.result();
}

template <class Net> std::vector<Check> verified(Net& net, bool with_data, const nn::NamedTensors& first = {}) {
  std::optional<Survey> survey;
  if (with_data) survey = survey_of(net, 96, first);
  const Subject subject{net, [&](const Var& x) { return net.forward(x); }, stripes(3, 1).first};
  return verify(subject, survey ? &*survey : nullptr);
}

inline std::string told(const std::vector<Check>& checks) {
  std::string out;
  for (const Check& c : checks)
    out += text("\n",
                c.verdict == Verdict::passed   ? "  ok    "
                : c.verdict == Verdict::failed ? "  FAIL  "
                                               : "  skip  ",
                c.name, "  ", c.where, "  ", c.measured, c.at_least ? " >= " : " <= ", c.limit, "  ", c.sentence);
  return out;
}
}  // namespace camo::test
