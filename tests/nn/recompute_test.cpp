// Recomputation by blocks, in every family of backbones.
#include "nn/recompute.h"

#include <doctest/doctest.h>

#include <set>

#include "autograd/debug.h"
#include "autograd/ops.h"
#include "nn/backbone.h"

using namespace camo;
using namespace camo::nn;

namespace {

/// The first, smallest variant of each family.
std::vector<std::string> families() {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const std::string& name : backbone_names())
    if (seen.insert(name.substr(0, name.find('_'))).second) out.push_back(name);
  return out;
}

std::unique_ptr<Backbone> small(const std::string& name, bool recompute) {
  auto net = backbone(name, {.seed = 1}, {.drop_path = 0.3, .height = 64, .width = 64});
  net->recompute(recompute);
  return net;
}

/// The mean square of all maps of one micro-step on noise.
Var loss_of(Backbone& net, uint64_t seed) {
  net.state().next_micro_step();
  Var loss;
  for (const Var& map : net.forward(Var(randn({2, 64, 64, 3}, seed))))
    loss = loss.defined() ? loss + mean(square(map)) : mean(square(map));
  return loss;
}

/// Adds the gradients of two micro-steps; returns the bytes kept for one.
int64_t two_steps(Backbone& net) {
  int64_t kept = 0;
  for (uint64_t seed : {2, 3}) {
    Var loss = loss_of(net, seed);
    kept = debug::bytes_kept(loss);
    backward(loss);
  }
  return kept;
}

/// The number of parameters whose gradients differ in a bit, and of buffers that are staged differently.
int64_t differences(Backbone& a, Backbone& b) {
  int64_t count = 0;
  const auto p = a.named_parameters(), q = b.named_parameters();
  for (size_t i = 0; i < p.size(); ++i) {
    const bool there = p[i].var.wants_grad() && p[i].var.grad().defined();
    REQUIRE(there == (q[i].var.wants_grad() && q[i].var.grad().defined()));
    count += there && !equal_bits(p[i].var.grad(), q[i].var.grad());
  }
  const auto s = a.named_buffers(), t = b.named_buffers();
  for (size_t i = 0; i < s.size(); ++i) count += !equal_bits(s[i].second->latest(), t[i].second->latest());
  return count;
}

}  // namespace

TEST_CASE("recomputed blocks give every backbone the same gradients and statistics, and keep less than half") {
  for (const std::string& name : families()) {
    CAPTURE(name);
    auto plain = small(name, false), again = small(name, true);
    const int64_t all = two_steps(*plain), some = two_steps(*again);
    CHECK(differences(*plain, *again) == 0);
    CHECK(some < all / 2);
  }
}

TEST_CASE("a frozen backbone recomputes nothing; one that is frozen in part gives the rest the same gradients") {
  for (const std::string& name : families()) {
    CAPTURE(name);
    auto frozen = small(name, true);
    CHECK(frozen->learns());
    frozen->freeze();
    CHECK_FALSE(frozen->learns());
    CHECK_FALSE(loss_of(*frozen, 2).wants_grad());
    auto plain = small(name, false), again = small(name, true);
    for (Backbone* net : {plain.get(), again.get()}) net->children().at(0)->freeze();
    two_steps(*plain), two_steps(*again);
    CHECK(differences(*plain, *again) == 0);
  }
}

TEST_CASE("blocks are recorded as they are in evaluation, and without recompute()") {
  for (bool training : {false, true}) {
    auto net = small("pvt_v2_b0", !training);
    net->train(training);
    CHECK(debug::bytes_kept_by_op(loss_of(*net, 2)).count("checkpoint") == 0);
  }
  CHECK(debug::bytes_kept_by_op(loss_of(*small("pvt_v2_b0", true), 2)).count("checkpoint") == 1);
}
