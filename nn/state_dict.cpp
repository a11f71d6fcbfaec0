#include "nn/state_dict.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "tensor/nearest.h"
#include "tensor/ops/layout.h"
#include "tensor/parallel.h"

namespace camo::nn {
namespace {

/// The destination of a named tensor in the model.
struct Place {
  std::string name;
  Tensor value;
  FileLayout layout;
  bool needed = true;
};

std::vector<Place> places(const Module& module) {
  std::vector<Place> out;
  for (const Parameter& p : module.named_parameters()) out.push_back({p.name, p.var.value(), p.layout});
  for (const auto& [name, b] : module.named_buffers())
    if (b->saved) out.push_back({name, b->value, FileLayout::same, b->needed});
  return out;
}

Shape file_shape(const Place& p) {
  const Shape& s = p.value.shape();
  return p.layout == FileLayout::conv ? Shape{s[0], s[3], s[1], s[2]} : s;
}

}  // namespace

Tensor to_file(const Tensor& x, FileLayout layout) { return layout == FileLayout::conv ? permute(x, {0, 3, 1, 2}) : x; }
Tensor from_file(Tensor x, FileLayout layout) {
  if (layout == FileLayout::same) return x;
  if (!x.unique() || x.device().kind != Device::cpu || x.numel() == 0) return permute(x, {0, 2, 3, 1});
  // Each filter keeps its place, so reordering needs memory for only one filter.
  const int64_t O = x.dim(0), I = x.dim(1), k = x.dim(2) * x.dim(3);
  with_float(x.dtype(), "from_file", [&]<class T>() {
    T* p = x.write<T>();
    parallel_chunks(O, std::max<int64_t>(1, kGrain / (I * k)), [&](int64_t begin, int64_t end) {
      std::vector<T> filter(size_t(I * k));
      for (T* f = p + begin * I * k; f != p + end * I * k; f += I * k) {
        std::copy(f, f + I * k, filter.begin());
        for (int64_t i = 0; i < I; ++i)
          for (int64_t j = 0; j < k; ++j) f[j * I + i] = filter[size_t(i * k + j)];
      }
    });
  });
  return x.reshape({O, x.dim(2), x.dim(3), I});
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
  for (const std::string& part :
       {listed(missing, "missing"), listed(unexpected, "unexpected"), listed(misshapen, "of another shape or type")})
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
  struct Write {
    Place to;
    Tensor from;
  };
  std::vector<Write> writes;  // everything is checked and converted before anything is written
  for (const Place& p : places(module)) {
    auto found = given.find(p.name);
    if (found == given.end() && !p.needed) {
      report.kept.push_back(p.name);
      continue;
    }
    ++report.tensors_wanted, report.numbers_wanted += p.value.numel();
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
  std::vector<std::string> explained;  // unexpected names, with the missing name that each probably stands for
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
  for (auto& [to, t] : writes) {
    if (t.dtype() != to.value.dtype()) t = cast(t, to.value.dtype());
    t = from_file(std::move(t), to.layout);
    t = t.to(to.value.device());
  }
  for (auto& [to, from] : writes) move_into(to.value, std::move(from));
  return report;
}

}  // namespace camo::nn
