#include "nn/measures.h"

#include "tensor/pack.h"

namespace camo::nn {

std::vector<Module*> modules(Module& root) {
  std::vector<Module*> out{&root};
  for (size_t i = 0; i < out.size(); ++i)
    for (Module* child : std::vector<Module*>(out[i]->children())) out.push_back(child);
  return out;
}

Measures take_measures(Module& root) {
  Measures out;
  const std::vector<Module*> all = modules(root);
  for (size_t i = 0; i < all.size(); ++i)
    if (auto taken = all[i]->take_measures(); !taken.empty()) out.emplace_back(int64_t(i), std::move(taken));
  return out;
}

void fold_measures(Module& root, const std::vector<Measures>& micro_batches) {
  discard(root);
  const std::vector<Module*> all = modules(root);
  const Device device = root.state().device;
  for (const Measures& measures : micro_batches)
    for (const auto& [module, passes] : measures)
      for (std::vector<Tensor> measured : passes) {
        for (Tensor& t : measured)
          if (t.rank() > 0) t = t.to(device);  // single numbers stay on the host
        all.at(size_t(module))->fold(measured);
      }
}

void pack_measures(std::string& bytes, const Measures& measures) {
  pack(bytes, int64_t(measures.size()));
  for (const auto& [module, passes] : measures) {
    pack(bytes, module), pack(bytes, int64_t(passes.size()));
    for (const std::vector<Tensor>& measured : passes) {
      pack(bytes, int64_t(measured.size()));
      for (const Tensor& t : measured) pack(bytes, t);
    }
  }
}

Measures unpack_measures(std::string_view& bytes) {
  Measures out(size_t(unpack_integer(bytes)));
  for (auto& [module, passes] : out) {
    module = unpack_integer(bytes);
    passes.resize(size_t(unpack_integer(bytes)));
    for (std::vector<Tensor>& measured : passes) {
      measured.resize(size_t(unpack_integer(bytes)));
      for (Tensor& t : measured) t = unpack(bytes);
    }
  }
  return out;
}

}  // namespace camo::nn
