// Test-time augmentation: a network looks at a photograph in several views, and the mean of its answers is taken.
//
// A view scales the photograph, flips it left to right and turns it by quarter turns.  `seen` and `unseen` only move
// pixels, so they are inverses bit for bit.
// Read next: predictor.h.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/options/options.h"
#include "tensor/tensor.h"

namespace camo::program {

struct View {
  double scale = 1;   // factor of the network's input size
  bool flip = false;  // left to right
  int turns = 0;      // quarter turns, counter-clockwise, after the flip
  bool operator==(const View&) const = default;
};

/// The views of --tta: "flip,scales=0.75:1:1.25,rotate", or "off" for the plain view alone.  They are all combinations,
/// scales first; the plain view is always among them unless `scales` leaves out 1.  ConfigError names the flag.
std::vector<View> parse_views(const std::string& words);
/// The words for these views, the same for all words that mean them.
std::string to_text(const std::vector<View>& views);

/// The input size in a view: the scaled sides, rounded to multiples of 32.  Before it is turned.
ImageSize size_in(const View& view, ImageSize size);
/// ConfigError if two scales give the same size.
void check_views(const std::vector<View>& views, ImageSize size);

/// x (B, H, W, C) as the view shows it: (B, H, W, C), or (B, W, H, C) after an odd number of turns.
Tensor seen(const Tensor& x, const View& view);
/// The inverse of `seen`.
Tensor unseen(const Tensor& x, const View& view);

}  // namespace camo::program
