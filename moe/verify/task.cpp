// The task check: does it matter for the loss where an image is sent?
#include <algorithm>
#include <cmath>

#include "moe/verify/checks.h"
#include "tensor/random.h"

namespace camo::moe {
namespace {

constexpr int64_t kBatch = 8, kFewestLosses = 16, kFlips = 999;

/// Gives each image of a batch the route of the next one, with all its rows.
struct Swapped : Listener {
  int64_t images;
  Swapped(Moe& layer, int64_t images) : images(images) { listen_to(layer); }
  void routed(const Moe&, Route& route) override {
    const int64_t R = route.expert.dim(0), rows = R / images;
    std::vector<int64_t> from_row(static_cast<size_t>(R));
    for (int64_t r = 0; r < R; ++r) from_row[size_t(r)] = (r + rows) % R;
    const Tensor index = from<int64_t>(from_row, {R}).to(route.expert.device());
    route.expert = gather_rows(route.expert, index);
    route.weight = gather_rows(route.weight, index);
    route.logits = gather_rows(route.logits, index);
  }
};

/// The share of sign flips under which the mean is at least as large: p of "no image cares, or as many gain as lose".
double sign_flip_p(const std::vector<double>& rise) {
  double mean = 0;
  for (double d : rise) mean += d;
  Random random({.seed = 3, .domain = Domain::shuffle});
  int64_t as_large = 1;
  for (int64_t f = 0; f < kFlips; ++f) {
    double flipped = 0;
    for (double d : rise) flipped += random.below(2) ? d : -d;
    as_large += flipped >= mean - 1e-12 * std::abs(mean);
  }
  return double(as_large) / double(1 + kFlips);
}

/// The losses of all images, with a layer's routes as they are or swapped.  A last batch of one image has no one to
/// swap with and is left out.
std::vector<double> losses(const HeldOut& held, Moe* swapped) {
  std::vector<double> out;
  for (int64_t i = 0; i + 1 < held.count; i += kBatch) {
    const int64_t end = std::min(held.count, i + kBatch);
    std::optional<Swapped> swap;
    if (swapped) swap.emplace(*swapped, end - i);
    for (double loss : held.losses(i, end)) out.push_back(loss);
  }
  return out;
}

}  // namespace

std::vector<Check> verify_task(nn::Module& network, const HeldOut& held) {
  NoGrad no_grad;
  const bool training = network.state().training;
  network.train(false);
  std::vector<Check> out;
  std::vector<double> own;
  for (Moe* layer : mixtures(network)) {
    if (held.count < kFewestLosses || layer->experts->count() == 1) {
      out.push_back(checks::skipped("task", layer->path(),
                                    held.count < kFewestLosses
                                        ? text("needs ", kFewestLosses, " images, got ", held.count)
                                        : "there is one expert"));
      continue;
    }
    if (own.empty()) own = losses(held, nullptr);
    std::vector<double> rise = losses(held, layer);
    double before = 0, mean = 0;
    for (size_t i = 0; i < rise.size(); ++i) {
      rise[i] -= own[i];
      before += own[i] / double(own.size()), mean += rise[i] / double(own.size());
    }
    if (!std::isfinite(before + mean)) {
      out.push_back({"task", layer->path(), Verdict::failed, INFINITY, checks::kSignificant,
                     "the loss of an image is NaN or infinite"});
      continue;
    }
    const double p = sign_flip_p(rise);
    std::ostringstream words;
    words.precision(3);
    words << "p; the loss " << before << " changes by " << mean << " with the routes of other images";
    Check c = checks::within("task", layer->path(), p, checks::kSignificant, words.str());
    if (c.verdict == Verdict::failed) c.verdict = Verdict::warned, c.sentence += ": routes do not matter to it";
    out.push_back(std::move(c));
  }
  network.train(training);
  return out;
}

}  // namespace camo::moe
