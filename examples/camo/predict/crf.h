// Refines a predicted map by the fully connected CRF of a photograph, for the two labels object and background.
//
// Every pixel is joined with every other.  Mean field for two labels needs one number a pixel, q, the probability of
// object.  With Potts compatibility (a cost for each pair of different labels) a step is
//
//   z = u + sum over kernels m of w_m (2 K_m q - K_m 1),   q = sigmoid(z),   first q = sigmoid(u)
//
// with u the logit of the predicted probability, which is first clamped to [kCrfClamp, 1 - kCrfClamp].  The kernels are
//
//   bilateral  exp(-|position_i - position_j|^2 / 2 alpha^2 - |colour_i - colour_j|^2 / 2 beta^2)
//   spatial    exp(-|position_i - position_j|^2 / 2 gamma^2)
//
// each normalised symmetrically, K = D^-1/2 k D^-1/2 with D = k 1, so a row of K sums to about 1 and w_m is about the
// largest change of z that kernel m can make, in either direction.  The pair of a pixel with itself is included.  Sums
// over all pixels are by the permutohedral lattice, lattice.h.
//
// Source: Krähenbühl, Koltun 2011, "Efficient inference in fully connected CRFs with Gaussian edge potentials",
// arXiv:1210.5644.  The authors' example has weights 10 and 3, alpha 80, beta 13.  With them an object that has almost the
// colours of its background is lost, so the defaults are what camo tune-crf found for such photographs.
#pragma once

#include "examples/camo/predict/lattice.h"

namespace camo::program {

/// u lies within the logit of this, 11.5 on either side: a map that is sure can still be changed.
constexpr double kCrfClamp = 1e-5;

struct CrfSettings {
  int64_t iterations = 5;  // steps of mean field; 0 leaves the map as it is, but for the clamp
  double bilateral = 4;    // weight w, in logits
  double alpha = 20;       // standard deviation of the position, in pixels
  double beta = 4;         // standard deviation of the colour, in grey levels of 0 to 255
  double spatial = 2;      // weight w, in logits
  double gamma = 3;        // standard deviation of the position, in pixels
};

/// The CRF of one photograph, for many maps, weights and numbers of steps.
class Crf {
 public:
  /// photograph: u8 (H, W, 3).  Takes the standard deviations of the settings.  Throws ShapeError or DTypeError for the
  /// photograph, ConfigError for a standard deviation that is not above 0.
  Crf(const Tensor& photograph, const CrfSettings& settings);

  /// The refined map, f32, of the shape of `map`, f32 (H, W, 1) or (H, W).  Takes the iterations and weights of the
  /// settings.  Throws ShapeError or DTypeError for the map, DataError for a number outside [0, 1], ConfigError for a
  /// negative weight or number of iterations.
  Tensor refine(const Tensor& map, const CrfSettings& settings) const;

 private:
  struct Kernel {
    explicit Kernel(const Tensor& features);
    Lattice lattice;
    std::vector<float> scale;  // D^-1/2
    std::vector<float> total;  // K 1
  };
  int64_t height_, width_;
  Kernel bilateral_, spatial_;
};

/// Both in one call.
Tensor refine_by_crf(const Tensor& photograph, const Tensor& map, const CrfSettings& settings = {});

}  // namespace camo::program
