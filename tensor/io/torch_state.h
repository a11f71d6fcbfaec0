// What a pickle of torch.save means: which of its dicts has the weights, and where each tensor's numbers lie.
// Internal to tensor/io/torch_file.cpp.
#pragma once

#include <array>

#include "tensor/io/io.h"
#include "tensor/io/pickle.h"

namespace camo::detail {

/// A tensor as a view of a storage; every element lies inside the storage.
struct TorchTensor {
  std::string name;
  std::string_view storage;  // its key
  StorageType type;
  int64_t storage_numel = 0, offset = 0;  // in elements
  Shape shape;
  std::array<int64_t, kMaxRank> strides{};

  bool dense() const;  // row-major, without gaps
};

struct TorchState {
  std::vector<TorchTensor> tensors;
  Metadata metadata;  // torch.entry, torch.skipped
};

/// Throws WeightsError that begins with `who`.
TorchState read_state(const Pickled& pickle, const std::string& who);

}  // namespace camo::detail
