// Interprets a pickle of torch.save: which of its dicts has the weights, and where each tensor's numbers lie.  Internal
// to tensor/io/torch_container.cpp.
#pragma once

#include <array>

#include "tensor/io/io.h"
#include "tensor/io/pickle.h"

namespace camo::detail {

/// A tensor as a view of a storage.  Every element lies inside the storage.
struct TorchTensor {
  std::string name;
  std::string_view storage;  // key of the storage
  StorageType type;
  int64_t storage_numel = 0, offset = 0;  // in elements
  Shape shape;
  std::array<int64_t, kMaxRank> strides{};

  bool dense() const;  // true if row-major without gaps
};

struct TorchState {
  std::vector<TorchTensor> tensors;
  Metadata metadata;  // "torch.entry" and "torch.skipped"
};

/// Throws WeightsError with a text that begins with `who`.
TorchState read_state(const Pickled& pickle, const std::string& who);

}  // namespace camo::detail
