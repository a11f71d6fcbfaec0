// --recompute in training: the weights of a run do not depend on it.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/profile.h"
#include "examples/camo/run/learner.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::tiny_config;

namespace {

struct Learned {
  nn::NamedTensors weights;
  int64_t kept;
  std::string culprit;
};

/// Two steps of two micro-steps, checked by moe::Guard and profiled; then one whose second photograph holds a NaN.
Learned learned(moe::Recompute recompute, bool frozen) {
  TrainConfig config = tiny_config("unused");
  config.recompute = recompute, config.verify_every = 1;
  Learner learner(config, /*fresh=*/true);
  if (frozen) learner.model().backbone->freeze();
  debug::Profile profile;
  Learned out;
  for (uint64_t step = 0; step < 3; ++step) {
    std::vector<Sample> batches;
    for (uint64_t i : {0, 1}) batches.push_back({randn({2, 32, 32, 3}, 2 * step + i), full({2, 32, 32, 1}, 1)});
    if (step == 2) batches[1].image.write<float>()[0] = NAN;
    const StepReport report = learner.step(batches, 1e-3, nullptr);
    CHECK(report.accepted == (step < 2));
    out.culprit = report.culprit;
    if (step == 1) out.kept = report.bytes_kept;
  }
  out.weights = nn::state_dict(learner.model());
  return out;
}

}  // namespace

TEST_CASE("--recompute changes what a step keeps, not its weights nor the op named for a NaN") {
  for (bool frozen : {false, true}) {
    CAPTURE(frozen);
    const Learned plain = learned(moe::Recompute::none, frozen);
    CHECK(plain.culprit.find("conv2d") != std::string::npos);
    for (moe::Recompute recompute : {moe::Recompute::experts, moe::Recompute::backbone, moe::Recompute::all}) {
      CAPTURE(name_of(recompute));
      const Learned again = learned(recompute, frozen);
      CHECK(again.culprit == plain.culprit);
      for (size_t i = 0; i < plain.weights.size(); ++i) {
        CAPTURE(plain.weights[i].first);
        CHECK(equal_bits(plain.weights[i].second, again.weights.at(i).second));
      }
      if (frozen && recompute == moe::Recompute::backbone) CHECK(again.kept == plain.kept);
      else CHECK(again.kept < plain.kept);
    }
  }
}
