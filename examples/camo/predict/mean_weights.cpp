#include "examples/camo/predict/mean_weights.h"

#include "nn/layers.h"
#include "tensor/ops/layout.h"

namespace camo::program {
namespace {

/// The keys that decide what the weights mean.
const char* const kModelKeys[] = {"model",          "backbone", "experts", "pool",         "chosen",
                                  "attention-pool", "router",   "size",    "normalisation"};

void check_alike(const RunWeights& a, const RunWeights& b) {
  TrainConfig first = a.config, other = b.config;
  const Options x = options(first), y = options(other);
  for (const char* key : kModelKeys) {
    const std::string mine = shown(x.only({key})[0]), theirs = shown(y.only({key})[0]);
    check<ConfigError>(mine == theirs, "camo soup: needs runs of one configuration, but --", key, " is '", mine,
                       "' in ", a.path, " and '", theirs, "' in ", b.path);
  }
}

const Tensor& tensor_of(const RunWeights& file, size_t i, const RunWeights& like) {
  const auto& [name, tensor] = like.tensors[i];
  check<WeightsError>(file.tensors.size() == like.tensors.size() && file.tensors[i].first == name &&
                          file.tensors[i].second.shape() == tensor.shape() &&
                          file.tensors[i].second.dtype() == tensor.dtype(),
                      file.path, ": its tensors are not those of ", like.path, ": ", name);
  return file.tensors[i].second;
}

template <class M> void each(nn::Module& module, const std::function<void(M&)>& f) {
  if (M* wanted = dynamic_cast<M*>(&module)) f(*wanted);
  for (nn::Module* child : module.children()) each<M>(*child, f);
}

}  // namespace

nn::NamedTensors mean_weights(const std::vector<RunWeights>& runs) {
  const RunWeights& first = runs[0];
  for (const RunWeights& other : runs) check_alike(first, other);
  nn::NamedTensors out;
  for (size_t i = 0; i < first.tensors.size(); ++i) {
    const auto& [name, tensor] = first.tensors[i];
    Tensor sum = cast(tensor, DType::f64);
    for (size_t n = 1; n < runs.size(); ++n) sum = sum + cast(tensor_of(runs[n], i, first), DType::f64);
    const bool whole = tensor.dtype() == DType::i64;
    out.emplace_back(name, whole ? tensor : cast(sum / double(runs.size()), tensor.dtype()));
  }
  return out;
}

void measure_batch_norm(nn::Module& network, int64_t batches, const std::function<void(int64_t)>& forward) {
  each<nn::Dropout>(network, [](nn::Dropout& d) { d.p = 0; });
  each<nn::DropPath>(network, [](nn::DropPath& d) { d.p = 0; });
  network.freeze();
  each<nn::BatchNorm>(network, [](nn::BatchNorm& n) { n.freeze(false); });  // these alone do not rest
  network.train();
  NoGrad no_grad;
  for (int64_t i = 0; i < batches; ++i) {
    each<nn::BatchNorm>(network, [&](nn::BatchNorm& n) { n.momentum = 1 / double(i + 1); });
    forward(i);
    each<nn::BatchNorm>(network, [](nn::BatchNorm& n) { nn::commit(n); });
  }
  network.freeze();
  network.train(false);
}

}  // namespace camo::program
