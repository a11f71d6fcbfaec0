// Many processes that compute one step, to the bits of one process.
//
//   mpirun -n 3 build/11_processes
//
// The idea: a sum has the same bits if its terms and their order are the same.  A step is a sum over six micro-batches.  N
// processes deal them out like cards, and whoever owns a parameter adds its gradients in the order of the micro-batches,
// never in the order in which they arrive.  So the weights do not depend on N.  Started alone this program is all of N = 1.
// Read beside it: examples/12_training.md.  Where it is done: nn/processes/shared_step.h.  Before: 10_mixture.cpp.
#include <algorithm>
#include <cstdio>

#include "nn/layers.h"
#include "nn/optim.h"
#include "nn/processes/gradient_sum.h"

using namespace camo;

namespace {

constexpr int64_t kSteps = 20, kMicroBatches = 6, kWidth = 64;

/// A network without batch norm: what that measures would have to travel as well (nn/measures.h).
struct Net : nn::Module {
  nn::Linear in;
  nn::LayerNorm norm;
  nn::Mlp mlp;
  nn::Linear out;
  explicit Net(nn::Scope s)
      : Module(std::move(s)),
        in(sub("in"), 8, kWidth),
        norm(sub("norm"), kWidth),
        mlp(sub("mlp"), kWidth, 4 * kWidth),
        out(sub("out"), kWidth, 1) {}
  Var forward(const Var& x) {
    Var h = in.forward(x);
    return out.forward(h + mlp.forward(norm.forward(h)));
  }
};

/// The share of micro-batch i in the loss of a step: a pure function of its number, so any process can compute it.
Var loss_of(Net& net, int64_t step, int64_t i) {
  const Var x(randn({32, 8}, uint64_t(1000 + step * kMicroBatches + i)));
  return mean(square(net.forward(x) - mean(square(x), {-1}, true))) * (1.0 / kMicroBatches);
}

// [together]
void train_together(Net& net, Processes& all) {
  nn::AdamW optimizer(net, {.decay = 0.01, .clip = 1});
  nn::SharedStep shared(net, all);
  optimizer.share(&shared);
  for (int64_t step = 0; step < kSteps; ++step) {
    for (int64_t k = 0; k * all.count() < kMicroBatches; ++k) {
      shared.begin_round(std::min<int64_t>(all.count(), kMicroBatches - k * all.count()));
      if (const int64_t mine = turn(all, k); mine < kMicroBatches) {
        Var loss = loss_of(net, step, mine);
        shared.watch(loss);  // gradients leave for their owners while the backward pass goes on
        backward(loss);
      }
      shared.end_round();
    }
    shared.give();
    optimizer.step(3e-3);  // each owner updates its parameters and sends them to all
  }
}
// [/together]

void train_alone(Net& net) {
  nn::AdamW optimizer(net, {.decay = 0.01, .clip = 1});
  nn::GradientSum sum;
  for (int64_t step = 0; step < kSteps; ++step) {
    for (int64_t i = 0; i < kMicroBatches; ++i) backward(loss_of(net, step, i)), sum.add(net);
    sum.give(net);
    optimizer.step(3e-3);
  }
}

int64_t different(Net& a, Net& b) {
  const nn::NamedTensors left = nn::state_dict(a), right = nn::state_dict(b);
  int64_t n = 0;
  for (size_t i = 0; i < left.size(); ++i) n += !equal_bits(left[i].second, right[i].second);
  return n;
}

}  // namespace

int main() {
  Processes& all = processes();
  const auto said_by_all = [&](const std::string& words) {
    for (const std::string& line : gather(all, words))
      if (all.first()) std::puts(line.c_str());
  };
  Net net(nn::Scope{.seed = 1}), alone(nn::Scope{.seed = 1}), start(nn::Scope{.seed = 1});
  train_together(net, all);
  int64_t micro_batches = 0;
  for (int64_t i = all.rank(); i < kMicroBatches; i += all.count()) ++micro_batches;
  said_by_all(text(all.name(all.rank()), ": ", micro_batches, " of ", kMicroBatches, " micro-batches a step, ",
                   all.bytes_sent, " bytes sent"));

  train_alone(alone);  // every process for itself
  const int64_t bad = different(net, alone), moved = different(net, start);
  said_by_all(
      text(moved, " of ", nn::state_dict(net).size(), " tensors have moved; ", bad, " have other bits than alone"));
  end_processes();
  return bad == 0 && moved > 0 ? 0 : 1;
}
