// From the bytes of a photograph to an answer, without HTTP.
//
// The networks exist once.  One photograph is decoded and predicted at a time, so maps are
// those of camo predict bit for bit; a bounded number of others waits, and the rest is told to come again.
// Read before: trained/trained_network.h; after: server.h.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "examples/camo/serve/routing.h"
#include "examples/camo/trained/trained_network.h"

namespace camo::program {

/// Thrown when as many photographs wait as may.
struct Busy {};

struct Answer {
  std::string name;
  Tensor map;                        // u8 (H, W, 1), as camo predict writes it
  double seconds = 0;                // decoding and predicting, without waiting
  std::vector<RoutedScale> experts;  // empty unless asked for
};

class Service {
 public:
  /// `how`: the flags that change maps, for about().  `waiting`: photographs that may wait while one is predicted.
  Service(Ensemble ensemble, JsonObject how, Orientation orientation, int64_t waiting);

  /// bytes: a PNG or JPEG file; name: for errors.  DataError as read_image; NumericError as Predictor; Busy.  May be
  /// called from any thread.
  Answer predict(const std::vector<uint8_t>& bytes, const std::string& name, bool with_experts);
  /// Where predict() computes: run(f) calls f, in the caller's thread or in another, and returns after it.  Without it, in
  /// the caller's thread.  Before the first predict().
  void compute_by(std::function<void(const std::function<void()>&)> run) { run_ = std::move(run); }
  /// The networks and how maps are made, with these limits, as one line of JSON.  Names no path.
  std::string about(const JsonObject& limits) const;

 private:
  Ensemble ensemble_;
  JsonObject how_;
  Orientation orientation_;
  int64_t most_;
  RouteRecorder recorder_;
  std::function<void(const std::function<void()>&)> run_ = [](const std::function<void()>& f) { f(); };
  std::mutex one_at_a_time_;
  std::atomic<int64_t> inside_ = 0;  // predicted or waiting
};

/// An answer as JSON: name, width, height, seconds, threshold, feature (GeoJSON, formats.h), map, uncertainty, experts.
/// Pictures are PNG files in base64; uncertainty is 4 p (1 - p), rounded.
std::string to_json(const Answer& answer, double threshold);

}  // namespace camo::program
