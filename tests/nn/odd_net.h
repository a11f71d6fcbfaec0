// A small network with all that makes a step by many processes hard, and a run of it by one process and by many.
#pragma once

#include <doctest/doctest.h>

#include <map>

#include "autograd/ops.h"
#include "nn/layers.h"
#include "nn/measures.h"
#include "nn/optim.h"
#include "nn/processes/gradient_sum.h"
#include "nn/processes/shared_step.h"
#include "nn/recompute.h"
#include "tensor/pack.h"

namespace camo::nn::test {

inline constexpr int64_t kMicroBatches = 6, kSteps = 3;

/// A parameter used twice, once in a recomputed part; one that only some micro-batches of one step reach; batch norm; a frozen part.
struct OddNet : Module {
  Linear in;
  BatchNorm norm;
  Linear twice, rare, frozen, last;
  Dropout drop;
  explicit OddNet(Scope s)
      : Module(std::move(s)),
        in(sub("in"), 12, 24),
        norm(sub("norm"), 24),
        twice(sub("twice"), 24, 24),
        rare(sub("rare"), 24, 24),
        frozen(sub("frozen"), 24, 24),
        last(sub("last"), 24, 3),
        drop(sub("drop"), 0.3) {
    frozen.freeze();
  }
  /// number: of the micro-batch in the run.
  Var forward(const Var& x, int64_t number) {
    Var y = drop.forward(norm.forward(in.forward(x)));
    y = twice.forward(recomputed({&twice}, [this](const Vars& v) { return gelu(twice.forward(v[0])); }, {y}));
    if (number / kMicroBatches == 1 && number % 3 == 1) y = y + rare.forward(y);  // in the second step alone
    y = frozen.forward(y);
    return last.forward(gelu(y));
  }
};

inline Tensor photographs(int64_t step, int64_t micro_batch, Device device = {}) {
  return randn({5, 12}, {.seed = 7, .domain = Domain::test, .step = uint32_t(step), .call = uint32_t(micro_batch)}, 0,
               1, DType::f32)
      .to(device);
}

inline void pass(OddNet& net, int64_t step, int64_t i, SharedStep* shared) {
  net.state().micro_step = step * kMicroBatches + i;
  net.state().next_micro_step();
  const Var loss =
      sum(square(net.forward(Var(photographs(step, i, net.state().device)), step * kMicroBatches + i))) * 0.1;
  if (shared) shared->watch(loss);
  backward(loss);
}

/// What is compared: weights, buffers, moments.
using OddEnding = std::map<std::string, std::string>;
inline OddEnding odd_ending(OddNet& net, AdamW& optimizer) {
  OddEnding out;
  for (const auto& [name, t] : state_dict(net)) pack(out[name], t);
  for (const auto& [name, t] : optimizer.state()) pack(out["optimizer." + name], t);
  return out;
}

/// One process accumulates.
inline OddEnding one_process(bool recompute, Device device = {}) {
  OddNet net(Scope{.device = device, .seed = 3});
  net.recompute(recompute);
  AdamW optimizer(net, {.decay = 0.01, .clip = 0.5});
  GradientSum sum;
  for (int64_t step = 0; step < kSteps; ++step) {
    for (int64_t i = 0; i < kMicroBatches; ++i) pass(net, step, i, nullptr), sum.add(net);
    sum.give(net);
    REQUIRE(optimizer.step(1e-2).accepted);
    commit(net);
  }
  return odd_ending(net, optimizer);
}

/// What one of several processes does, which exchange messages through `all`; its ending is whole at process 0.
inline OddEnding many_processes(Processes& all, bool recompute, int64_t bucket_bytes, Device device = {}) {
  OddNet net(Scope{.device = device, .seed = 3});
  net.recompute(recompute);
  AdamW optimizer(net, {.decay = 0.01, .clip = 0.5});
  SharedStep shared(net, all, bucket_bytes);
  optimizer.share(&shared);
  for (int64_t step = 0; step < kSteps; ++step) {
    std::string mine;
    for (int64_t k = 0; k * all.count() < kMicroBatches; ++k) {
      shared.begin_round(std::min<int64_t>(all.count(), kMicroBatches - k * all.count()));
      if (turn(all, k) < kMicroBatches) {
        pass(net, step, turn(all, k), &shared);
        pack_measures(mine, take_measures(net));
      }
      shared.end_round();
    }
    shared.give();
    const std::vector<std::string> words = gather(all, mine);
    std::vector<std::string_view> left(words.begin(), words.end());
    std::vector<Measures> measures;
    for (int64_t i = 0; i < kMicroBatches; ++i) measures.push_back(unpack_measures(left[size_t(i) % left.size()]));
    fold_measures(net, measures);
    REQUIRE(optimizer.step(1e-2).accepted);
    commit(net);
  }
  return odd_ending(net, optimizer);
}

}  // namespace camo::nn::test
