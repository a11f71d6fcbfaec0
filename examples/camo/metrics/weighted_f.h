// Weighted F-measure: errors weigh by where they are.
//
//   E    |p - G|
//   E_t  E in the mask; outside, E at the nearest pixel of the mask (distance.h)
//   E_A  E_t smoothed by a 7 x 7 Gaussian of sigma 5, zeros beyond the picture
//   M    min(E, E_A) in the mask, E outside: an error among hits is forgiven
//   B    1 in the mask; outside 2 - 2^(-D / 5), D the distance to the mask: far false alarms count twice
//
// With TP = sum over G of (1 - M B) and FP = sum outside of M B, precision and recall make F1 as usual.
// Source: Margolin, Zelnik-Manor, Tal 2014, "How to evaluate foreground maps?".
#pragma once

#include "examples/camo/metrics/map_and_mask.h"

namespace camo::program {

/// 0 for an empty mask.
double weighted_f(const GreyPair& pair);

}  // namespace camo::program
