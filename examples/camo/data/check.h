// Looks at the content of a data set before work starts: decodes every file, and judges what the masks hold.
//
// Decoding a thousand photographs takes seconds, so verdicts are kept in a file of the user's cache folder
// ($XDG_CACHE_HOME/camo, or ~/.cache/camo) and hold as long as name, size and time of both files do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "examples/camo/data/dataset.h"

namespace camo::program {

/// What one photograph and its mask hold.
struct PairVerdict {
  std::string problem;                    // why the pair cannot be read; empty if it can
  int64_t height = 0, width = 0;          // of the photograph, as it is read
  int orientation = 1;                    // EXIF
  int low = 0, high = 0;                  // least and largest value of the mask
  int alpha_low = 255, alpha_high = 255;  // of the mask's alpha channel, if it has one
  double between = 0;                     // share of the mask's pixels with neither of the two values
  double object = 0;                      // share of the mask's pixels that are object
  uint64_t content = 0;                   // digest of the photograph's pixels
};

/// The verdict of each pair.  Uses `threads` threads; shows its progress on a terminal, and calls progress(done) after
/// each pair that is decoded.
std::vector<PairVerdict> look_at(const std::vector<Pair>& pairs, const Reading& how, int64_t threads,
                                 const std::function<void(int64_t)>& progress = nullptr);

/// Why these masks cannot be trained on, with the remedy: none marks an object, or all mark everything.  Empty if they
/// can.
std::string mask_problem(const std::vector<PairVerdict>& verdicts, const Reading& how);
/// How many photographs are turned so that their masks' size cannot tell whether the masks are too; with the remedy.
/// Empty if none is.
std::string turned_note(const std::vector<PairVerdict>& verdicts, const Reading& how);

/// The verdicts of masks alone, in parallel; nothing is kept.  DataErrors become problems.
std::vector<PairVerdict> look_at_masks(const std::vector<std::string>& files, const Reading& how);

/// The text of everything that decides what is read from a pair: the paths, size and time of both files.
std::string stamped(const Pair& pair);
/// All options of a Reading, one a line.
std::string rules(const Reading& how);

/// Throws DataError for pairs that cannot be read (it lists up to ten) and for masks that hold nothing.  Prints notes
/// to standard error.  `where` names the data.  Returns the verdicts.
std::vector<PairVerdict> check_content(const std::vector<Pair>& pairs, const Reading& how, int64_t threads,
                                       const std::string& where);

}  // namespace camo::program
