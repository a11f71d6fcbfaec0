#include "nn/state_dict.h"

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

/// "2 missing: a, b" with at most 20 names; empty for an empty list.
std::string listed(const std::vector<std::string>& names, const char* what) {
  if (names.empty()) return "";
  std::string out = text("; ", names.size(), " ", what, ": ");
  for (size_t i = 0; i < names.size() && i < 20; ++i) out += (i ? ", " : "") + names[i];
  return names.size() > 20 ? out + ", ..." : out;
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

LoadReport load_state_dict(Module& module, const NamedTensors& tensors, bool strict) {
  std::map<std::string, const Tensor*> given;
  for (const auto& [name, t] : tensors)
    check<WeightsError>(given.emplace(name, &t).second, "load_state_dict: two tensors are named ", name);

  LoadReport report;
  std::vector<std::string> differ;
  std::vector<std::pair<Tensor, Tensor>> writes;  // to, from: nothing is written before everything is checked
  for (const Place& p : places(module)) {
    auto found = given.find(p.name);
    if (found == given.end()) {
      report.missing.push_back(p.name);
      continue;
    }
    const Tensor t = found->second->to(p.value.device());
    given.erase(found);
    bool convertible = t.dtype() == p.value.dtype() || (is_float(t.dtype()) && is_float(p.value.dtype()));
    if (t.shape() != file_shape(p) || !convertible)
      differ.push_back(text(p.name, " ", t.shape(), " ", t.dtype(), " for ", file_shape(p), " ", p.value.dtype()));
    else
      writes.emplace_back(p.value, t.dtype() == p.value.dtype() ? from_file(t, p.layout)
                                                               : cast(from_file(t, p.layout), p.value.dtype()));
  }
  std::vector<std::string> unexpected;
  for (const auto& [name, t] : tensors) {
    if (!given.count(name)) continue;
    report.unexpected.push_back(name);
    std::string near = unexpected.size() < 20 ? nearest(name, report.missing) : "";
    unexpected.push_back(near.empty() ? name : name + " (nearest: " + near + ")");
  }
  std::string wrong = listed(differ, "of another shape or type");
  if (strict) wrong = listed(report.missing, "missing") + listed(unexpected, "unexpected") + wrong;
  check<WeightsError>(wrong.empty(), "load_state_dict: names and shapes must be the model's", wrong);
  for (auto& [to, from] : writes) copy_into(to, from);
  return report;
}

}  // namespace camo::nn
