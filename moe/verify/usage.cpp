// The checks that need many images: trained, usage, domination, content.
#include <algorithm>
#include <cmath>
#include <functional>

#include "moe/verify/checks.h"
#include "moe/verify/survey.h"

namespace camo::moe {
namespace {

constexpr int64_t kFewest = 32;  // images needed for a statement
constexpr double kDead = 0.02;   // of an even share
constexpr double kMost = 0.8;    // of the images, or of the weights
constexpr double kMoved = 0.05;  // of the images: a gate that was never trained moves none

std::string fixed(double x, int digits) {
  std::ostringstream out;
  out.precision(digits);
  out << std::fixed << x;
  return out.str();
}

/// The share of rows that the gate sends elsewhere than it did before training.
Check trained(const Survey::Layer& layer) {
  const double measured = item(mean(layer.moved));
  return {.name = "trained",
          .where = layer.where,
          .verdict = measured >= kMoved ? Verdict::passed : Verdict::failed,
          .measured = measured,
          .limit = kMoved,
          .sentence = measured >= kMoved ? "share of what is routed that the first gate sends to other experts"
                                         : "the gate chooses as it did before training: it was not trained",
          .at_least = true};
}

/// The largest share that one expert has, of the images (if at most half of the experts are chosen) and of the weights.
Check domination(const Survey::Layer& layer) {
  const int64_t n = layer.share.dim(0), E = layer.share.dim(1), K = layer.chosen;
  const Tensor images = mean(layer.share, {0}) * double(K), weights = mean(layer.weight, {0});
  double most = 0;
  std::string whose, of;
  for (int64_t e = 0; e < E; ++e) {
    const double chosen = images.read<double>()[e], weight = weights.read<double>()[e];
    if (2 * K <= E && chosen > most) most = chosen, whose = layer.experts[size_t(e)], of = "images choose ";
    if (weight > most) most = weight, whose = layer.experts[size_t(e)], of = "weights go to ";
  }
  std::string ranks;
  for (double w : to_vector<double>(mean(layer.ranked, {0}))) ranks += " " + fixed(w, 2);
  double spread = 0;  // of the largest weight over images
  const double first = item(mean(slice(layer.ranked, 1, 0, 1)));
  for (int64_t i = 0; i < n; ++i) spread += std::pow(layer.ranked.read<double>()[i * K] - first, 2) / double(n);
  return {.name = "domination",
          .where = layer.where,
          .verdict = most <= kMost ? Verdict::passed : Verdict::failed,
          .measured = most,
          .limit = kMost,
          .sentence = text(fixed(100 * most, 0), " % of the ", of, whose, "; mean weights by rank", ranks,
                           ", the first +-", fixed(std::sqrt(spread), 2), " over images")};
}

/// The share of the least used expert relative to an even share; the sentence also gives entropy and load error.
Check usage(const Survey::Layer& layer) {
  const int64_t n = layer.share.dim(0), E = layer.share.dim(1);
  std::vector<double> share(static_cast<size_t>(E));
  for (int64_t i = 0; i < n * E; ++i) share[size_t(i % E)] += layer.share.read<double>()[i] / double(n);
  double entropy = 0, error = 0, least = INFINITY;
  std::string dead;
  for (int64_t e = 0; e < E; ++e) {
    const double of_even = share[e] * double(E);
    if (share[e] > 0) entropy -= share[e] * std::log(share[e]) / std::log(double(E));
    error = std::max(error, std::abs(of_even - 1)), least = std::min(least, of_even);
    if (of_even < kDead) dead += (dead.empty() ? "" : ", ") + layer.experts[size_t(e)];
  }
  const std::string about = text("entropy ", fixed(entropy, 3), " of 1, load error ", fixed(100 * error, 0), " %");
  const bool good = dead.empty() && std::isfinite(least);
  return {
      .name = "usage",
      .where = layer.where,
      .verdict = good ? Verdict::passed : Verdict::failed,
      .measured = least,
      .limit = kDead,
      .sentence = (dead.empty() ? "share of the least used expert, of an even one; " : "dead: " + dead + "; ") + about,
      .at_least = true};
}

Check content(const Survey::Layer& layer, const std::vector<int64_t>& group_of_image) {
  const bool parts = layer.part_share.defined();
  const PermutationTest test = parts ? permutation_test(layer.part_share, groups_of(layer.part_features))
                                     : permutation_test(layer.share, group_of_image);
  return {.name = "content",
          .where = layer.where,
          .verdict = test.p <= checks::kSignificant ? Verdict::passed : Verdict::failed,
          .measured = test.p,
          .limit = checks::kSignificant,
          .sentence = text(parts ? "p; the group of a part tells " : "p; an image's group tells ",
                           fixed(test.information, 3), " nats of its experts, by chance ", fixed(test.by_chance, 3))};
}

}  // namespace

std::vector<Check> verify_survey(const Survey& survey) {
  std::vector<Check> out;
  const int64_t n = survey.images();
  std::vector<int64_t> group;
  if (n >= kFewest) group = groups_of(survey.features);
  for (const Survey::Layer& layer : survey.layers) {
    std::string why;
    if (layer.share.dim(1) == 1 || layer.chosen == layer.share.dim(1)) why = "every expert is always chosen";
    if (n < kFewest) why = text("needs ", kFewest, " images, got ", n);
    std::string unknown = !survey.trained ? "the network is fresh" : "the file does not hold the gate of the start";
    auto add = [&](const char* name, const std::string& why_not, const std::function<Check()>& f) {
      if (!why_not.empty())
        return out.push_back({.name = name, .where = layer.where, .verdict = Verdict::skipped, .sentence = why_not});
      out.push_back(f());
      if (!survey.trained && out.back().verdict == Verdict::failed)
        out.back().verdict = Verdict::warned, out.back().sentence += " (fresh: told, not judged)";
    };
    add("trained", !why.empty() ? why : layer.moved.defined() ? "" : unknown, [&] { return trained(layer); });
    add("usage", why, [&] { return usage(layer); });
    add("domination", why, [&] { return domination(layer); });
    add("content", why, [&] { return content(layer, group); });
  }
  return out;
}

}  // namespace camo::moe
