#include "nn/state_dict.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "nn/nearest.h"
#include "tensor/ops/layout.h"

namespace camo::nn {
namespace {

/// A place in the model that a named tensor is written to.
struct Place {
  std::string name;
  Tensor value;
  FileLayout layout;
};

std::vector<Place> places(const Module& module) {
  std::vector<Place> out;
  for (const Parameter& p : module.named_parameters()) out.push_back({p.name, p.var.value(), p.layout});
  for (const auto& [name, b] : module.named_buffers())
    if (b->saved) out.push_back({name, b->value, FileLayout::same});
  return out;
}

Shape file_shape(const Place& p) {
  const Shape& s = p.value.shape();
  return p.layout == FileLayout::conv ? Shape{s[0], s[3], s[1], s[2]} : s;
}

}  // namespace

Tensor to_file(const Tensor& x, FileLayout layout) {
  return layout == FileLayout::conv ? permute(x, {0, 3, 1, 2}) : x;
}
Tensor from_file(const Tensor& x, FileLayout layout) {
  return layout == FileLayout::conv ? permute(x, {0, 2, 3, 1}) : x;
}

NamedTensors state_dict(const Module& module) {
  NamedTensors out;
  for (const Place& p : places(module)) out.emplace_back(p.name, to_file(p.value, p.layout));
  return out;
}

std::vector<std::pair<std::string, Shape>> file_shapes(const Module& module) {
  std::vector<std::pair<std::string, Shape>> out;
  for (const Place& p : places(module)) out.emplace_back(p.name, file_shape(p));
  return out;
}

std::string listed(const std::vector<std::string>& names, const std::string& what) {
  constexpr size_t kShown = 10;
  if (names.empty()) return "";
  std::string out = text(names.size(), " ", what, ": ");
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) out += (i ? ", " : "") + names[i];
  return names.size() > kShown ? out + text(", ... (", names.size() - kShown, " more)") : out;
}

std::string LoadReport::text() const {
  char share[32];
  std::snprintf(share, sizeof share, "%.4g", 100 * double(numbers) / double(std::max<int64_t>(numbers_wanted, 1)));
  std::string out = camo::text(tensors, " of ", tensors_wanted, " tensors, ", share, " % of the numbers");
  for (const std::string& part : {listed(missing, "missing"), listed(unexpected, "unexpected"),
                                  listed(misshapen, "of another shape or type")})
    if (!part.empty()) out += "; " + part;
  return out;
}

LoadError::LoadError(LoadReport r)
    : WeightsError("load_state_dict: names and shapes must be the model's, got " + r.text()), report(std::move(r)) {}

LoadReport load_state_dict(Module& module, NamedTensors tensors, bool strict) {
  std::map<std::string, Tensor*> given;
  for (auto& [name, t] : tensors)
    check<WeightsError>(given.emplace(name, &t).second, "load_state_dict: two tensors are named ", name);

  LoadReport report;
  struct Write { Place to; Tensor from; };
  std::vector<Write> writes;  // nothing is written before everything is checked and converted
  for (const Place& p : places(module)) {
    ++report.tensors_wanted, report.numbers_wanted += p.value.numel();
    auto found = given.find(p.name);
    if (found == given.end()) {
      report.missing.push_back(p.name);
      continue;
    }
    Tensor t = std::move(*found->second);
    given.erase(found);
    const bool convertible = t.dtype() == p.value.dtype() || (is_float(t.dtype()) && is_float(p.value.dtype()));
    if (t.shape() != file_shape(p) || !convertible) {
      report.misshapen.push_back(
          text(p.name, " ", t.shape(), " ", t.dtype(), " for ", file_shape(p), " ", p.value.dtype()));
      continue;
    }
    ++report.tensors, report.numbers += t.numel();
    writes.push_back({p, std::move(t)});
  }
  std::vector<std::string> explained;  // unexpected names, with the missing ones they are probably meant for
  for (const auto& [name, t] : tensors) {
    if (!given.count(name)) continue;
    report.unexpected.push_back(name);
    std::string near = explained.size() < 10 ? nearest(name, report.missing) : "";
    explained.push_back(near.empty() ? name : name + " (nearest: " + near + ")");
  }
  if (strict && !report.complete()) {
    report.unexpected = explained;
    throw LoadError(report);
  }
  // The largest first: what it leaves behind has room for the smaller ones, and memory grows by one tensor only.
  std::stable_sort(writes.begin(), writes.end(),
                   [](const Write& a, const Write& b) { return a.from.bytes() > b.from.bytes(); });
  for (auto& [to, t] : writes) {
    if (t.dtype() != to.value.dtype()) t = cast(t, to.value.dtype());
    if (to.layout != FileLayout::same) t = from_file(t, to.layout);
    t = t.to(to.value.device());
  }
  for (auto& [to, from] : writes) move_into(to.value, std::move(from));
  return report;
}

}  // namespace camo::nn
