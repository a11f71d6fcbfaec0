// Exponential moving average of a model: a smoother set of weights to evaluate and to ship.
//
//   average = d average + (1 - d) value,   d = min(decay, (1 + t) / (10 + t)) at update t = 0, 1, ...
//
// so that the first averages follow the young model instead of remembering its random start.  Parameters and
// floating buffers are averaged, integer buffers copied.  Polyak, Juditsky 1992; Tarvainen, Valpola 2017.
#pragma once

#include "nn/state_dict.h"

namespace camo::nn {

class Ema {
 public:
  /// Starts from the model's values.  The model must outlive it.
  Ema(Module& model, double decay = 0.999);

  /// Takes the model's values in; call it after an accepted step and its commit().
  void update();
  int64_t updates() const { return updates_; }

  /// Exchanges the model's values and the averages; twice gives both back bit for bit.
  void swap();
  bool swapped() const { return swapped_; }

  /// The averages under the names and in the layout of state_dict(model): a weight file of their own.
  NamedTensors state() const;
  /// Puts saved averages and their count back: everything or, with WeightsError, nothing.
  void load_state(const NamedTensors& state, int64_t updates);

 private:
  void check_not_swapped(const char* what) const;

  Module& model_;
  double decay_;
  int64_t updates_ = 0;
  bool swapped_ = false;
  std::vector<Tensor> parameters_, buffers_;  // in the order of named_parameters and named_buffers
};

/// While alive, the model holds the averages.
class UseEma {
 public:
  explicit UseEma(Ema& ema) : ema_(ema) { ema_.swap(); }
  ~UseEma() { ema_.swap(); }
  UseEma(const UseEma&) = delete;

 private:
  Ema& ema_;
};

}  // namespace camo::nn
