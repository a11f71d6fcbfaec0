// The usage and content checks, which need many images.
#include <algorithm>
#include <cmath>

#include "moe/verify/survey.h"
#include "moe/verify/verify.h"

namespace camo::moe {
namespace {

constexpr int64_t kFewest = 32;        // images needed for a statement
constexpr double kDead = 0.02;         // of an even share
constexpr double kSignificant = 0.01;  // a layer that ignores content passes one time in a hundred

std::string fixed(double x, int digits) {
  std::ostringstream out;
  out.precision(digits);
  out << std::fixed << x;
  return out.str();
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
      .sentence = (dead.empty() ? "share of the least used expert, of an even one; " : "dead: " + dead + "; ") + about};
}

Check content(const Survey::Layer& layer, const std::vector<int64_t>& group_of_image) {
  const bool parts = layer.part_share.defined();
  const PermutationTest test = parts ? permutation_test(layer.part_share, groups_of(layer.part_features))
                                     : permutation_test(layer.share, group_of_image);
  return {.name = "content",
          .where = layer.where,
          .verdict = test.p <= kSignificant ? Verdict::passed : Verdict::failed,
          .measured = test.p,
          .limit = kSignificant,
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
    for (const char* name : {"usage", "content"})
      if (!why.empty())
        out.push_back({.name = name, .where = layer.where, .verdict = Verdict::skipped, .sentence = why});
      else out.push_back(std::string(name) == "usage" ? usage(layer) : content(layer, group));
  }
  return out;
}

}  // namespace camo::moe
