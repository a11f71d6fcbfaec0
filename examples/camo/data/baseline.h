// A baseline that sees only a pixel and its close surroundings: a logistic regression on colour, local mean and local
// deviation.  A network that does not beat it by far has learned no camouflage; data that it solves has none.
#pragma once

#include <span>

#include "examples/camo/data/synth.h"

namespace camo::program {

/// Trains on some pictures and returns the mean IoU over others, per image, mask > 128.  The threshold is the
/// one with the best mean IoU on the training pictures.  Features of a pixel: R, G, B, and mean and standard
/// deviation of its grey level in windows of 5, 11 and 21 pixels, standardised.  Full-batch gradient descent
/// from zero with momentum, in f64: no randomness.  Throws DataError when either set is empty or a picture
/// has no pixel.
double logistic_baseline(std::span<const SynthPair> train, std::span<const SynthPair> test);

}  // namespace camo::program
