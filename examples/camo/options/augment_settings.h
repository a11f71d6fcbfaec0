// What --augment says: "on", "off", or one of them and further changes, "on,blur=0.5,scales=0.75:1:1.25".
#pragma once

#include <string>
#include <vector>

#include "examples/camo/options/options.h"

namespace camo::program {

struct AugmentSettings {
  bool usual = true;                // flip, crop, scale, rotate, recolour
  double blur = 0;                  // chance that the background is blurred
  double temperature = 0;           // largest change of the colour temperature: red times 1 + x, blue times 1 - x
  double cutout = 0;                // chance that a rectangle is filled
  std::vector<double> scales = {};  // of the photographs' size, one drawn for each step; empty: the size alone
};

/// Reads "on|off" with or without ",KEY=VALUE,..."; keys alone mean on.  ConfigError names the key and the rule.
AugmentSettings augment_settings(const std::string& words);
/// The keys, for the help.
std::string augment_keys();

/// `size` times `scale`, to the nearest multiple of 32, at least 32; `size` itself if scale is 1.
ImageSize scaled(ImageSize size, double scale);

}  // namespace camo::program
