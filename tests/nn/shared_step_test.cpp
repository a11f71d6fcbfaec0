// One optimizer step by several processes: the bits of one process that accumulates.
#include "nn/processes/shared_step.h"

#include <doctest/doctest.h>

#include <set>

#include "autograd/checkpoint.h"
#include "nn/backbone.h"
#include "tests/nn/odd_net.h"
#include "tests/nn/thread_processes.h"

using namespace camo;
using namespace camo::nn;
using namespace camo::nn::test;

namespace {

/// What process 0 of several threads ends with.
OddEnding several_processes(int count, bool recompute, int64_t bucket_bytes) {
  OddEnding out;
  std::mutex mutex;
  camo::test::run_processes(count, [&](Processes& all) {
    OddEnding mine = many_processes(all, recompute, bucket_bytes);
    std::lock_guard lock(mutex);
    if (all.first()) out = mine;
  });
  return out;
}

}  // namespace

TEST_CASE("N processes end with the bits of one that accumulates, for any N") {
  for (bool recompute : {false, true}) {
    const OddEnding expected = one_process(recompute);
    for (int count : {1, 2, 3, 4, 8})
      for (int64_t bucket_bytes : {256, 1 << 20}) {  // many messages, and one for each owner
        CAPTURE(recompute);
        CAPTURE(count);
        CAPTURE(bucket_bytes);
        const OddEnding got = several_processes(count, recompute, bucket_bytes);
        REQUIRE(got.size() == expected.size());
        for (const auto& [name, bytes] : expected) CHECK_MESSAGE(got.at(name) == bytes, name);
      }
  }
}

TEST_CASE("each process owns its share of the parameters, and the optimizer's moments of those alone") {
  camo::test::run_processes(4, [](Processes& all) {
    OddNet net(Scope{.seed = 3});
    AdamW optimizer(net, {});
    SharedStep shared(net, all);
    optimizer.share(&shared);
    shared.begin_round(4);
    pass(net, 1, all.rank(), &shared);
    shared.end_round();
    shared.give();
    check<GraphError>(optimizer.step(1e-2).accepted, "refused");
    const std::vector<Parameter> parameters = net.named_parameters();
    std::set<std::string> moments;
    for (const auto& [name, t] : optimizer.state()) moments.insert(name);  // whole at process 0
    int64_t owned = 0, every = 0;
    for (size_t i = 0; i < parameters.size(); ++i) {
      every += parameters[i].var.value().numel();
      if (shared.owns(i)) owned += parameters[i].var.value().numel();
      const bool expected = !parameters[i].frozen && (shared.owns(i) || all.first());
      check<GraphError>(moments.count("first." + parameters[i].name) == size_t(expected), "process ", all.rank(),
                        ": moments of ", parameters[i].name);
    }
    check<GraphError>(double(owned) <= 0.45 * double(every), "process ", all.rank(), " owns ", owned, " of ", every);

    const auto real = backbone("pvt_v2_b0", Scope{.initialise = false}, {.height = 32, .width = 32});
    SharedStep step(*real, all);
    const std::vector<Parameter> its = real->named_parameters();
    double mine = 0;
    for (size_t i = 0; i < its.size(); ++i) mine += step.owns(i) ? double(its[i].var.value().numel()) : 0;
    check<GraphError>(mine <= 0.3 * double(real->parameter_count()), "process ", all.rank(), " owns ", mine);
  });
}

TEST_CASE("gradients leave while the backward pass still runs, not all at its end") {
  /// The bytes that have left after each node.
  struct Sent : Observer {
    const Processes& all;
    std::vector<int64_t> bytes;
    explicit Sent(const Processes& all) : all(all) {}
    void backward(const Node&) override { bytes.push_back(all.bytes_sent); }
  };
  camo::test::run_processes(2, [](Processes& all) {
    OddNet net(Scope{.seed = 3});
    SharedStep shared(net, all, /*bucket_bytes=*/256);
    shared.begin_round(2);
    const Var loss = sum(net.forward(Var(photographs(0, 1)), 1));
    shared.watch(loss);
    Sent sent(all);
    backward(loss);
    const int64_t before = sent.bytes.back();
    shared.end_round();
    const int64_t all_bytes = shared.all_bytes();
    check<GraphError>(sent.bytes[sent.bytes.size() - 3] > 0, "nothing has left before the last two nodes");
    check<GraphError>(before < all_bytes && shared.early_bytes() == before, "early ", shared.early_bytes(), ", seen ",
                      before, " of ", all_bytes);
  });
}

TEST_CASE("a NaN in one process's gradient is refused by all, before anything is written") {
  camo::test::run_processes(3, [](Processes& all) {
    OddNet net(Scope{.seed = 3});
    AdamW optimizer(net, {.decay = 0.01});
    SharedStep shared(net, all);
    optimizer.share(&shared);
    const Tensor before = net.in.weight.value().clone();
    shared.begin_round(3);
    const Tensor x = all.rank() == 2 ? full({5, 12}, NAN) : photographs(0, all.rank());
    const Var loss = sum(net.forward(Var(x), all.rank()));
    shared.watch(loss);
    backward(loss);
    shared.end_round();
    shared.give();
    const StepResult result = optimizer.step(1e-2);
    check<GraphError>(!result.accepted && !result.non_finite.empty() && equal_bits(before, net.in.weight.value()),
                      "process ", all.rank(), " has taken the step");
  });
}

TEST_CASE("a gradient that grows after it was whole is an error, not a wrong weight") {
  CHECK_THROWS_WITH_AS(camo::test::run_processes(2,
                                                 [](Processes& all) {
                                                   OddNet net(Scope{.seed = 3});
                                                   SharedStep shared(net, all);
                                                   shared.begin_round(2);
                                                   const Var x(photographs(0, all.rank()));
                                                   // checkpoint() is not told which parameters its segment has.
                                                   const Var y = checkpoint(
                                                       [&](const Vars& v) { return net.in.forward(v[0]); }, {x});
                                                   const Var loss = sum(y) + sum(net.in.forward(x));
                                                   shared.watch(loss);
                                                   backward(loss);
                                                   shared.end_round();
                                                 }),
                       doctest::Contains("has grown after it was whole"), GraphError);
}

TEST_CASE("what every process says arrives in their order, also when some say nothing") {
  camo::test::run_processes(4, [](Processes& all) {
    const std::string mine(size_t(all.rank() % 3) * 1000, char('a' + all.rank()));
    const std::vector<std::string> words = gather(all, mine);
    for (int r = 0; r < 4; ++r)
      check<GraphError>(words[size_t(r)] == std::string(size_t(r % 3) * 1000, char('a' + r)), "gather");
    check<GraphError>(broadcast(all, text("I am ", all.rank()), 2) == "I am 2", "broadcast");
  });
}
