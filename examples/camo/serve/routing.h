// What the experts do with one photograph: who is chosen at every scale, with which weight, and where each answers.
//
// The first pass of every mixture in a prediction is recorded, and of it the first image: that is the photograph in its
// first view.  camo route draws the same numbers.
// Read before: moe/listener.h.
#pragma once

#include <memory>

#include "examples/camo/trained/checkpoint.h"

namespace camo::program {

struct ChosenExpert {
  std::string name;
  double weight = 0;  // mean over the tiles or pixels where these are routed; the weights of a scale sum to 1
  Tensor answer;      // u8 (h, w, 1): the norm of f(x) over channels, 0 for `least` of its scale, 255 for `most`
};

struct RoutedScale {
  int64_t network = 0;               // of --weights, from 0
  std::string title;                 // "H/4"
  std::string routing;               // "image", "tile" or "pixel"
  double least = 0, most = 0;        // hundredths 1 and 99 of the norms of all chosen experts
  std::vector<ChosenExpert> chosen;  // the largest weight first
};

class RouteRecorder {
 public:
  /// Attaches to the mixtures of the networks, which must outlive it.
  explicit RouteRecorder(const std::vector<TrainedNetwork>& networks);
  ~RouteRecorder();
  /// Records the next prediction.
  void begin();
  /// What it was; for networks without experts nothing.  Computes the answers of the chosen experts.
  std::vector<RoutedScale> end();

 private:
  struct Recorder;
  std::vector<std::unique_ptr<Recorder>> recorders_;  // of each network
};

}  // namespace camo::program
