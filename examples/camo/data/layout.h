// Finds photographs and their masks: folders in one of the usual layouts, two folders, or a list file.  The layouts:
//
//   DIR/Train/Image + DIR/Train/GT      DIR/Image/Train + DIR/GT/Train      DIR/DUTS-TR-Image + DIR/DUTS-TR-Mask
//   DIR/Train + DIR/TrainGT             DIR/Image/Train + DIR/GT            DIR/Image + DIR/GT
//
// A photograph and its mask have the same stem; the mask's may end in _mask, -mask, _gt, _seg or _matte.  Files that
// have no picture's name (Thumbs.db) are left out and named in a note.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/options/reading.h"

namespace camo::program {

struct Pair {
  std::string name, image, mask;  // stem and two paths
  bool empty = false;             // the mask is known to mark no object (splits.h)
};

/// What a search finds.  `complaints` are lines "PATH: reason"; the notes do not stop work.
struct Found {
  std::string where;  // the folders, in words
  std::vector<Pair> pairs;
  std::vector<std::string> complaints, notes;
  std::vector<std::string> unreadable = {};  // lines of files whose header is bad; their pairs are left out
  std::string remedy = {};                   // follows the complaints

  /// Throws DataError with up to ten complaints, unreadable files among them unless they go to `refused`.  Prints the
  /// notes to standard error.
  std::vector<Pair> checked(std::vector<std::string>* refused = nullptr) const;
};

/// The pairs in the first of `splits` ("Train", "Val", "Test"; "" for a folder without splits) that a folder has, or
/// all pairs of a list file, or of the two folders that `how` names.  Headers are read: files that are no pictures,
/// and pairs of different sizes, become complaints.  Throws DataError when the folder is missing.  If no layout fits,
/// throws if `required` (and says what was looked for), else finds nothing.
Found search_pairs(const std::string& data, const std::vector<std::string>& splits, const Reading& how,
                   bool required = true);
/// The same, checked.  Finds nothing without an error only if `required` is false.
std::vector<Pair> find_pairs(const std::string& data, const std::vector<std::string>& splits, const Reading& how = {},
                             bool required = true);
/// Pairs the files of two folders by stem.  `extra_masks`: masks without a photograph are allowed.
Found search_folders(const std::string& images, const std::string& masks, const Reading& how, bool extra_masks = false);

/// Whether a file has the name of a picture, or is one without a name.  Hidden files and litter are neither.
bool is_picture(const std::string& path);

}  // namespace camo::program
