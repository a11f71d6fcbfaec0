// A baseline without shape: logistic regression on a pixel's colour and the mean and deviation around it.  A network
// that does not clearly beat it has not learned camouflage; data that it solves contains no camouflage.
#pragma once

#include <span>

#include "examples/camo/data/synth.h"

namespace camo::program {

/// Trains on some pictures and returns the mean IoU per image over others (mask > 128).  The threshold is the one with
/// the best mean IoU on the training pictures.  Features of a pixel: R, G, B, and mean and standard deviation of its
/// grey level in windows of 5, 11 and 21 pixels, standardised.  Full-batch gradient descent from zero with momentum, in
/// f64, so without randomness.  Throws DataError if a set is empty or a picture has no pixel.
double logistic_baseline(std::span<const SynthPair> train, std::span<const SynthPair> test);

}  // namespace camo::program
