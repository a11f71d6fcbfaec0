// From a decoded picture to the network's input: crop, resize, blur, cut out, rotate, flip, recolour, normalise.
//
// Augmentation is a pure function of its key (seed, index, epoch), so it does not depend on the number of workers, the
// order of the items, or restarts.  Each change that --augment names has a stream of random numbers of its own, so that
// it leaves the others as they are.
#pragma once

#include "examples/camo/data/dataset.h"
#include "examples/camo/data/loader.h"
#include "examples/camo/options/augment_settings.h"
#include "tensor/random.h"

namespace camo::program {

/// The random change of one picture.
struct Augmentation {
  double top = 0, left = 0, height = 1, width = 1;  // the crop, as fractions of the picture
  double angle = 0;                                 // radians
  bool flip = false;                                // left to right
  double brightness = 1, contrast = 1, saturation = 1;
  double temperature = 0;  // red times 1 + temperature, blue times 1 - temperature
  double blur = 0;         // standard deviation of the background's blur, in 224ths of the geometric mean of the sides
  struct Box {
    double top = 0, left = 0, height = 0, width = 0;
  } cutout = {};  // a rectangle of the crop, as fractions
};
/// The usual changes.
Augmentation draw(const RandomKey& key);
/// The changes that the settings name:
///   usual        as above
///   temperature  light is warmer or colder: one gain for each channel (von Kries 1902), as Afifi, Brown 2019 did to
///                networks that had seen one white balance
///   blur         0.1 to 2 at 224 x 224: Chen et al. 2020, SimCLR, appendix A; here of the background only
///   cutout       the mean colour in place of the content, as DeVries, Taylor 2017; 2 to 20 % of the area, sides from
///                1:3 to 3:1, as Zhong et al. 2017.  The mask stays: what is hidden is to be found from what surrounds it
Augmentation draw(const RandomKey& key, const AugmentSettings& settings);

/// The part that runs on the host: crops, resizes (antialiased), blurs, cuts out.  prepare() does the rest.
RawSample cut(const Picture& picture, ImageSize size, const Augmentation& change);
/// All of it: crops, resizes (the mask is thresholded at one half), blurs, cuts out, rotates about the centre with
/// mirrored borders, flips, recolours, normalises.
Sample transform(const Picture& picture, ImageSize size, const Augmentation& change,
                 const Normalisation& normalisation = {});

/// Resizes and normalises only: for validation and prediction.
Sample plain(const Picture& picture, ImageSize size, const Normalisation& normalisation = {});
/// The same for a photograph without a mask, u8 (H, W, 3) -> f32 (h, w, 3).
Tensor normalised(const Tensor& image, ImageSize size, const Normalisation& normalisation = {});

}  // namespace camo::program
