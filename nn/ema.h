// Exponential moving average (EMA) of a model's weights, a smoother set of weights for evaluation and release.
//
//   average = d average + (1 - d) value,   d = min(decay, (1 + t) / (10 + t)) at update t = 0, 1, ...
//
// The smaller d of the first updates lets the average forget the random initial values.  Parameters and floating-point
// buffers are averaged, integer buffers are copied.  Polyak, Juditsky 1992; Tarvainen, Valpola 2017.
#pragma once

#include "nn/state_dict.h"

namespace camo::nn {

class Ema {
 public:
  /// Starts from the model's current values.  The model must outlive it.
  Ema(Module& model, double decay = 0.999);

  /// Updates the averages from the model; call it after an accepted step and its commit().
  void update();
  int64_t updates() const { return updates_; }

  /// Exchanges the model's values and the averages; a second call restores both bit for bit.
  void swap();
  bool swapped() const { return swapped_; }

  /// The averages with the names and layout of state_dict(model), for a weight file.
  NamedTensors state() const;
  /// Restores saved averages and their count.  Throws WeightsError and changes nothing if the state does not fit.
  void load_state(const NamedTensors& state, int64_t updates);

 private:
  void check_not_swapped(const char* what) const;

  Module& model_;
  double decay_;
  int64_t updates_ = 0;
  bool swapped_ = false;
  std::vector<Tensor> parameters_, buffers_;  // in the order of named_parameters and named_buffers
};

/// Puts the averages into the model for the lifetime of this object.
class UseEma {
 public:
  explicit UseEma(Ema& ema) : ema_(ema) { ema_.swap(); }
  ~UseEma() { ema_.swap(); }
  UseEma(const UseEma&) = delete;

 private:
  Ema& ema_;
};

}  // namespace camo::nn
