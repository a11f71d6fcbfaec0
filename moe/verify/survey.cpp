#include "moe/verify/survey.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "moe/verify/verify.h"

namespace camo::moe {
namespace {

constexpr int64_t kParts = 4;  // tiles or pixels per image, at other positions in each

}  // namespace

Surveyor::Surveyor(nn::Module& network, nn::NamedTensors first)
    : Listener(network), records_(layers().size()), first_(std::move(first)) {}
Surveyor::~Surveyor() = default;

void Surveyor::passed(const Moe& layer, const Var& x, const MoeOut& out) {
  const size_t index = size_t(std::find(layers().begin(), layers().end(), &layer) - layers().begin());
  Record& record = records_[index];
  const int64_t B = x.dim(0), E = layer.experts->count(), K = layer.router.chosen;
  const std::vector<int64_t> expert = to_vector<int64_t>(out.route.expert);
  std::vector<double> weight = to_vector<double>(out.route.weight.value());
  const int64_t choices = int64_t(expert.size()) / std::max<int64_t>(B, 1), rows = choices / K;  // of an image
  const size_t first = record.share.size();
  record.share.resize(first + size_t(B * E)), record.weight.resize(first + size_t(B * E));
  for (int64_t i = 0; i < B * choices; ++i) {
    const size_t to = first + size_t(i / choices * E + expert[size_t(i)]);
    record.share[to] += 1 / double(choices), record.weight[to] += weight[size_t(i)] / double(rows);
  }
  const size_t ranks = record.ranked.size();
  record.ranked.resize(ranks + size_t(B * K));
  for (int64_t r = 0; r < B * rows; ++r) {
    std::sort(weight.begin() + r * K, weight.begin() + (r + 1) * K, std::greater<>());
    for (int64_t k = 0; k < K; ++k)
      record.ranked[ranks + size_t(r / rows * K + k)] += weight[size_t(r * K + k)] / double(rows);
  }
  if (layer.routing != Routing::image) note_parts(layer, record, x, expert);
  if (!first_.empty()) note_moves(layer, record, x, out.route);
  if (index + 1 < records_.size()) return;
  const std::vector<double> features = to_vector<double>(pooled(x.value()));
  features_.insert(features_.end(), features.begin(), features.end());
  images_ += B;
}

/// Notes some tiles or pixels of each image: what the layer sees there, and which experts they go to.
void Surveyor::note_parts(const Moe& layer, Record& record, const Var& x, const std::vector<int64_t>& expert) {
  const int64_t B = x.dim(0), E = layer.experts->count(), K = layer.router.chosen;
  const Tensor seen = pooled(layer.rows(x).value());
  const int64_t rows = int64_t(expert.size()) / K / B, already = int64_t(record.share.size()) / E - B;
  for (int64_t b = 0; b < B; ++b)
    for (int64_t j = 0; j < std::min(kParts, rows); ++j) {
      const int64_t r = b * rows + (j * rows / kParts + (already + b) * 7) % rows;
      std::vector<double> part = to_vector<double>(seen.slice(r, r + 1)), went(size_t(E), 0.0);
      for (int64_t k = 0; k < K; ++k) went[size_t(expert[size_t(r * K + k)])] += 1 / double(K);
      record.part_features.insert(record.part_features.end(), part.begin(), part.end());
      record.part_share.insert(record.part_share.end(), went.begin(), went.end());
    }
}

/// Compares the experts with those that the first gate would choose under the present balance.  The balance moves even
/// if the gate is never trained, so it must be the same for both; and it keeps the load even, so a gate that was
/// trained at all sends some images elsewhere.
void Surveyor::note_moves(const Moe& layer, Record& record, const Var& x, const Route& route) {
  const int64_t B = x.dim(0), K = layer.router.chosen;
  const Var rows = layer.rows(x);
  if (!record.first) {
    nn::NamedTensors tensors;
    const std::string path = layer.router.path() + ".";
    for (const auto& [name, t] : first_)
      if (name.starts_with(path)) tensors.emplace_back(name.substr(path.size()), t.clone());
    const nn::Scope scope{.device = layer.state().device, .dtype = layer.state().dtype, .initialise = false};
    record.first = std::make_unique<Router>(scope, rows.dim(-1), layer.router.experts, layer.router.config);
    nn::load_state_dict(*record.first, std::move(tensors));
    record.first->train(false);
  }
  record.first->balance.value = layer.router.balance.value;
  auto chosen = [&](const Tensor& expert) {
    std::vector<int64_t> out = to_vector<int64_t>(expert);
    for (size_t i = 0; i < out.size(); i += size_t(K))
      std::sort(out.begin() + int64_t(i), out.begin() + int64_t(i) + K);
    return out;
  };
  NoGrad no_grad;
  const std::vector<int64_t> now = chosen(route.expert), then = chosen(record.first->forward(rows).expert);
  const int64_t n = int64_t(now.size()) / K / std::max<int64_t>(B, 1);  // rows of an image
  for (int64_t b = 0; b < B; ++b) {
    int64_t other = 0;
    for (int64_t r = b * n; r < (b + 1) * n; ++r)
      other += !std::equal(now.begin() + r * K, now.begin() + (r + 1) * K, then.begin() + r * K);
    record.moved.push_back(double(other) / double(n));
  }
}

nn::NamedTensors gates(nn::Module& network) {
  nn::NamedTensors out;
  for (Moe* layer : mixtures(network))
    for (const auto& [name, t] : nn::state_dict(layer->router))
      out.emplace_back(layer->router.path() + "." + name, t.clone());
  return out;
}

Survey Surveyor::result() const {
  Survey out;
  if (!images_) return out;
  for (size_t i = 0; i < records_.size(); ++i) {
    const Moe& layer = *layers()[i];
    const Record& record = records_[i];
    const int64_t E = layer.experts->count(), m = int64_t(record.part_share.size()) / E;
    out.layers.push_back({.where = layer.path(),
                          .experts = layer.experts->names,
                          .chosen = layer.router.chosen,
                          .share = from<double>(record.share, {images_, E}),
                          .weight = from<double>(record.weight, {images_, E}),
                          .ranked = from<double>(record.ranked, {images_, layer.router.chosen})});
    if (!record.moved.empty()) out.layers.back().moved = from<double>(record.moved, {images_});
    if (m == 0) continue;
    out.layers.back().part_share = from<double>(record.part_share, {m, E});
    out.layers.back().part_features = from<double>(record.part_features, {m, int64_t(record.part_features.size()) / m});
  }
  out.features = from<double>(features_, {images_, int64_t(features_.size()) / images_});
  return out;
}

namespace {

/// One run of k-means from k-means++ centres.  Returns the group of each row, and the sum of squared
/// distances to the centres.
std::pair<std::vector<int64_t>, double> lloyd(const std::vector<double>& x, int64_t n, int64_t C, int64_t groups,
                                              uint32_t start) {
  std::vector<double> centre(size_t(groups * C)), nearest(size_t(n), 1.0);
  auto distance = [&](int64_t i, int64_t g) {
    double sum = 0;
    for (int64_t c = 0; c < C; ++c) sum += std::pow(x[i * C + c] - centre[g * C + c], 2);
    return sum;
  };
  Random random({.seed = 2, .domain = Domain::shuffle, .step = start});
  for (int64_t g = 0; g < groups; ++g) {
    double all = 0, below = 0;
    for (double d : nearest) all += d;
    const double wanted = random.uniform() * all;
    int64_t chosen = 0;
    while (chosen + 1 < n && (below += nearest[chosen]) <= wanted) ++chosen;
    std::copy_n(&x[chosen * C], C, &centre[g * C]);
    for (int64_t i = 0; i < n; ++i) nearest[i] = g ? std::min(nearest[i], distance(i, g)) : distance(i, g);
  }
  std::vector<int64_t> group(size_t(n), -1);
  bool moved = true;
  for (int round = 0; round < 100 && std::exchange(moved, false); ++round) {
    for (int64_t i = 0; i < n; ++i) {
      int64_t best = 0;
      for (int64_t g = 1; g < groups; ++g)
        if (distance(i, g) < distance(i, best)) best = g;
      moved |= std::exchange(group[i], best) != best;
    }
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t size = std::count(group.begin(), group.end(), g);
      if (!size) continue;  // an empty group keeps its centre
      std::fill_n(&centre[g * C], C, 0.0);
      for (int64_t i = 0; i < n; ++i)
        if (group[i] == g)
          for (int64_t c = 0; c < C; ++c) centre[g * C + c] += x[i * C + c] / double(size);
    }
  }
  double spread = 0;
  for (int64_t i = 0; i < n; ++i) spread += distance(i, group[i]);
  return {group, spread};
}

}  // namespace

std::vector<int64_t> k_means(const Tensor& points, int64_t groups) {
  auto [n, C] = dims<2>(points, "k_means: points (n, C)");
  check<DataError>(1 <= groups && groups <= n, "k_means: needs 1 to n groups, got ", groups, " of ", n, " points");
  std::vector<double> x = to_vector<double>(points);
  for (int64_t c = 0; c < C; ++c) {
    double mean = 0, square = 0;
    for (int64_t i = 0; i < n; ++i) mean += x[i * C + c] / double(n);
    for (int64_t i = 0; i < n; ++i) square += std::pow(x[i * C + c] - mean, 2) / double(n);
    for (int64_t i = 0; i < n; ++i) x[i * C + c] = square > 0 ? (x[i * C + c] - mean) / std::sqrt(square) : 0;
  }
  std::vector<int64_t> best;
  double least = INFINITY;
  for (uint32_t start = 0; start < 10; ++start) {
    auto [group, spread] = lloyd(x, n, C, groups, start);
    if (spread < least) least = spread, best = std::move(group);
  }
  return best;
}

std::vector<int64_t> groups_of(const Tensor& features) {
  const int64_t n = features.dim(0);
  return k_means(features, std::min(n, std::clamp<int64_t>(n / 16, 2, 8)));
}

Tensor share_by_group(const Tensor& share, const std::vector<int64_t>& group) {
  const int64_t n = share.dim(0), E = share.dim(1), G = *std::max_element(group.begin(), group.end()) + 1;
  Tensor out = zeros({G, E}, DType::f64);
  for (int64_t i = 0; i < n; ++i) {
    const double size = double(std::count(group.begin(), group.end(), group[i]));
    for (int64_t e = 0; e < E; ++e) out.write<double>()[group[i] * E + e] += share.read<double>()[i * E + e] / size;
  }
  return out;
}

double mutual_information(const Tensor& share, const std::vector<int64_t>& group) {
  const int64_t n = share.dim(0), E = share.dim(1), G = *std::max_element(group.begin(), group.end()) + 1;
  std::vector<double> joint(size_t(G * E)), of_group(static_cast<size_t>(G)), of_expert(static_cast<size_t>(E));
  const double* s = share.read<double>();
  for (int64_t i = 0; i < n; ++i)
    for (int64_t e = 0; e < E; ++e) {
      const double p = s[i * E + e] / double(n);
      joint[group[i] * E + e] += p, of_group[group[i]] += p, of_expert[e] += p;
    }
  double sum = 0;
  for (int64_t g = 0; g < G; ++g)
    for (int64_t e = 0; e < E; ++e)
      if (const double p = joint[g * E + e]; p > 0) sum += p * std::log(p / (of_group[g] * of_expert[e]));
  return sum;
}

PermutationTest permutation_test(const Tensor& share, std::vector<int64_t> group, int64_t shuffles) {
  PermutationTest out{.information = mutual_information(share, group), .by_chance = 0, .p = 1};
  Random random({.seed = 1, .domain = Domain::shuffle});
  for (int64_t s = 0; s < shuffles; ++s) {
    for (size_t i = group.size(); i > 1; --i) std::swap(group[i - 1], group[size_t(random.below(int64_t(i)))]);
    const double chance = mutual_information(share, group);
    // Sums in another order differ in their last bits; the tolerance makes equal values count as equal.
    out.by_chance += chance / double(shuffles), out.p += chance >= out.information - 1e-12;
  }
  out.p /= double(1 + shuffles);
  return out;
}

}  // namespace camo::moe
