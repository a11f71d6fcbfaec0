#include "examples/camo/record/pass_report.h"

#include <algorithm>

#include "tensor/pack.h"

namespace camo::program {
namespace {

void pack_numbers(std::string& bytes, const std::vector<double>& numbers) {
  pack(bytes, int64_t(numbers.size()));
  for (double x : numbers) pack(bytes, x);
}
std::vector<double> unpack_numbers(std::string_view& bytes) {
  std::vector<double> out(size_t(unpack_integer(bytes)));
  for (double& x : out) x = unpack_number(bytes);
  return out;
}

}  // namespace

void pack_report(std::string& bytes, const PassReport& r) {
  pack(bytes, r.loss);
  pack(bytes, int64_t(r.terms.size()));
  for (const auto& [name, value] : r.terms) pack(bytes, std::string_view(name)), pack(bytes, value);
  pack(bytes, r.bytes_kept);
  pack(bytes, int64_t(r.load.size()));
  for (const std::vector<double>& one : r.load) pack_numbers(bytes, one);
  pack_numbers(bytes, r.auxiliary);
  nn::pack_measures(bytes, r.measures);
}

PassReport unpack_report(std::string_view& bytes) {
  PassReport r;
  r.loss = unpack_number(bytes);
  r.terms.resize(size_t(unpack_integer(bytes)));
  for (auto& [name, value] : r.terms) name = unpack_text(bytes), value = unpack_number(bytes);
  r.bytes_kept = unpack_integer(bytes);
  r.load.resize(size_t(unpack_integer(bytes)));
  for (std::vector<double>& one : r.load) one = unpack_numbers(bytes);
  r.auxiliary = unpack_numbers(bytes);
  r.measures = nn::unpack_measures(bytes);
  return r;
}

void add(StepReport& step, const PassReport& pass) {
  step.loss += pass.loss;
  step.bytes_kept = std::max(step.bytes_kept, pass.bytes_kept);
  step.terms.resize(pass.terms.size());
  for (size_t i = 0; i < pass.terms.size(); ++i)
    step.terms[i].first = pass.terms[i].first, step.terms[i].second += pass.terms[i].second;
  step.load.resize(pass.load.size()), step.auxiliary.resize(pass.auxiliary.size());
  for (size_t s = 0; s < pass.load.size(); ++s) {
    step.load[s].resize(pass.load[s].size());
    for (size_t e = 0; e < pass.load[s].size(); ++e) step.load[s][e] += pass.load[s][e];
    step.auxiliary[s] += pass.auxiliary[s];
  }
}

}  // namespace camo::program
