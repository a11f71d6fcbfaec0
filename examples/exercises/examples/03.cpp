// A run goes on to other bits.  Find what its checkpoint lacks.
//
// Ten steps in one go, and five steps, a checkpoint, five more in another process: the weights must be the same bits.  save() and
// load() are all that passes between the two.  They forget something that a step reads.
#include <cstring>

#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "nn/layers.h"
#include "nn/optim.h"
#include "nn/state_dict.h"

namespace camo::exercises::examples_03 {

struct Net : nn::Module {
  nn::Linear in, out;
  nn::BatchNorm norm;
  nn::Dropout dropout;
  explicit Net(nn::Scope s)
      : Module(std::move(s)),
        in(sub("in"), 4, 16),
        out(sub("out"), 16, 1),
        norm(sub("norm"), 16),
        dropout(sub("dropout"), 0.2) {}
  Var forward(const Var& x) { return out.forward(dropout.forward(gelu(norm.forward(in.forward(x))))); }
};

struct Run {
  Net net{nn::Scope{.seed = 1}};
  nn::AdamW optimizer{net, {}};
  int64_t step = 0;
};

struct Checkpoint {
  nn::NamedTensors model, optimizer;
  int64_t step = 0, micro_step = 0;
};

static nn::NamedTensors copy(const nn::NamedTensors& tensors) {
  nn::NamedTensors out;
  for (const auto& [name, t] : tensors) out.emplace_back(name, t.clone());
  return out;
}

#ifdef CAMO_SOLUTION
#include "examples/exercises/examples/03_solution.cpp"
#else
static Checkpoint save(Run& run) { return {copy(nn::state_dict(run.net)), copy(run.optimizer.state()), run.step}; }

static void load(Run& run, const Checkpoint& from) {
  nn::load_state_dict(run.net, copy(from.model));
  run.optimizer.load_state(copy(from.optimizer));
  run.step = from.step;
}
#endif

static void advance(Run& run, int64_t steps) {
  for (int64_t i = 0; i < steps; ++i, ++run.step) {
    run.net.state().next_micro_step();
    const Var x(randn({8, 4}, uint64_t(run.step)));
    backward(mean(square(run.net.forward(x) - sum(x, {-1}, true))));
    run.optimizer.step(1e-2).accepted ? nn::commit(run.net) : nn::discard(run.net);
  }
}

static void check() {
  Run whole, first, second;
  advance(whole, 10);
  advance(first, 5);
  load(second, save(first));
  expect(second.step == 5, "The second run begins with step ", second.step, " instead of 5.");
  advance(second, 5);
  const nn::NamedTensors a = nn::state_dict(whole.net), b = nn::state_dict(second.net);
  for (size_t i = 0; i < a.size(); ++i)
    expect(equal_bits(a[i].second, b[i].second), a[i].first,
           " has other bits after the second run.  Weights, statistics,",
           " moments and step are there. Which layer of the network draws random numbers, and what is their key?");
}

static const bool added =
    add_exercise({.name = "examples/03", .task = "Find what a checkpoint lacks.", .check = check, .broken = true});

}  // namespace camo::exercises::examples_03
