#include "examples/camo/record/epoch_sums.h"

#include <algorithm>

#include "moe/moe.h"

namespace camo::program {

void EpochSums::add(const StepReport& r) {
  if (!r.accepted) return void(++skipped);
  bytes_kept = std::max(bytes_kept, r.bytes_kept);
  loss += r.loss, grad_norm += r.grad_norm, grad_norm_squares += r.grad_norm * r.grad_norm, ++steps;
  terms.resize(r.terms.size());
  for (size_t i = 0; i < terms.size(); ++i) terms[i].first = r.terms[i].first, terms[i].second += r.terms[i].second;
  load.resize(r.load.size()), auxiliary.resize(r.auxiliary.size());
  for (size_t s = 0; s < load.size(); ++s) {
    load[s].resize(r.load[s].size());
    for (size_t e = 0; e < load[s].size(); ++e) load[s][e] += r.load[s][e];
    auxiliary[s] += r.auxiliary[s];
  }
}

std::vector<double> EpochSums::mean_auxiliary() const {
  std::vector<double> out = auxiliary;
  for (double& a : out) a = mean(a);
  return out;
}

LossTerms EpochSums::mean_terms() const {
  LossTerms out = terms;
  for (auto& [name, sum] : out) sum = mean(sum);
  return out;
}

std::vector<double> EpochSums::load_error() const {
  std::vector<double> out;
  for (const std::vector<double>& one : load) out.push_back(moe::load_error(one));
  return out;
}

}  // namespace camo::program
