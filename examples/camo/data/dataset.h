// A data set: photographs and masks in files, or the generator's.  Data is only read.
// Read next: layout.h, how files are found; splits.h; augment.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "examples/camo/data/layout.h"
#include "tensor/tensor.h"

namespace camo::program {

struct Picture {
  Tensor image;  // u8 (H, W, 3)
  Tensor mask;   // u8 (H, W, 1), object where > 128
};

/// Reads a photograph and its mask; errors name the file.
Picture read_pair(const Pair& pair, const Reading& how);

class DecodedPictures;  // cache.h

/// Pairs of files, or synthetic pictures that need no files.
struct Dataset {
  struct Synthetic {
    uint64_t seed = 0;
    int64_t count = 0, height = 0, width = 0;
    double difficulty = 0;
    bool fresh = false;  // new pictures in every epoch
  };
  std::vector<Pair> pairs;
  Reading reading = {};
  std::shared_ptr<DecodedPictures> decoded = nullptr;  // where pictures come from instead of the files
  std::optional<Synthetic> synthetic = {};

  int64_t size() const { return synthetic ? synthetic->count : int64_t(pairs.size()); }
  std::string name(int64_t i) const;
  /// Item i as it is in this epoch; errors name the file.
  Picture load(int64_t i, int64_t epoch = 0) const;
};

}  // namespace camo::program
