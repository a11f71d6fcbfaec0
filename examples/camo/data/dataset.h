// Finds photographs and masks: folders in one of the usual layouts, a list file, or the generator.  The layouts:
//
//   DIR/Train/Image + DIR/Train/GT      DIR/Image/Train + DIR/GT/Train
//   DIR/Train + DIR/TrainGT             DIR/Image + DIR/GT
//
// A photograph and its mask have the same stem.  Names and headers are checked before work starts: the program stops
// with one list of files that have no partner, differ in size or are not images.  Data is only read.
// Read next: splits.h, augment.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace camo::program {

struct Pair {
  std::string name, image, mask;  // stem and two paths
};

struct Picture {
  Tensor image;  // u8 (H, W, 3)
  Tensor mask;   // u8 (H, W, 1), object where > 128
};

/// Pairs of files, or synthetic pictures that need no files.
struct Dataset {
  struct Synthetic {
    uint64_t seed = 0;
    int64_t count = 0, height = 0, width = 0;
    double difficulty = 0;
    bool fresh = false;  // new pictures in every epoch
  };
  std::vector<Pair> pairs;
  std::optional<Synthetic> synthetic;

  int64_t size() const { return synthetic ? synthetic->count : int64_t(pairs.size()); }
  std::string name(int64_t i) const;
  /// Item i as it is in this epoch; errors name the file.
  Picture load(int64_t i, int64_t epoch = 0) const;
};

/// The pairs in the first of `splits` ("Train", "Val", "Test"; "" for a folder without splits) that a folder has,
/// or all pairs of a list file.  Throws DataError when the folder is missing, and when files have no partner or are
/// not images (names up to ten).  If no layout fits, throws if `required` (and says what was looked for), else
/// returns an empty list.
std::vector<Pair> find_pairs(const std::string& data, const std::vector<std::string>& splits, bool required = true);
/// Pairs the files of two folders by stem, and checks formats and sizes from their headers.
std::vector<Pair> pair_folders(const std::string& images, const std::string& masks);

}  // namespace camo::program
