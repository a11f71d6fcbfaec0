// Listener: hears what a mixture decides and computes, forward pass by forward pass.
//
// The guard, the survey, the checks and the pictures look into layers in this way, and tests plant defects: what is
// routed and planned may be changed before the layer goes on.  Any number of listeners may be attached to a layer;
// they hear it in the order in which they came.  Whichever of listener and layer goes first takes leave of the other.
// Read before: moe.h.
#pragma once

#include "moe/moe.h"

namespace camo::moe {

class Listener {
 public:
  Listener() = default;
  /// Attached to each mixture below the network.
  explicit Listener(nn::Module& network) {
    for (Moe* layer : mixtures(network)) listen_to(*layer);
  }
  virtual ~Listener() {
    for (Moe* layer : layers_) std::erase(layer->listeners, this);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void listen_to(Moe& layer) { layers_.push_back(&layer), layer.listeners.push_back(this); }
  /// The layers that it is attached to, in the order of attaching.
  const std::vector<Moe*>& layers() const { return layers_; }

  /// The router has chosen; what is in the route counts from here on.
  virtual void routed(const Moe& /*layer*/, Route& /*route*/) {}
  /// The rows are about to be sorted by expert as the plan says.
  virtual void planned(const Moe& /*layer*/, Plan& /*plan*/) {}
  /// The layer has made out of x.
  virtual void passed(const Moe& /*layer*/, const Var& /*x*/, const MoeOut& /*out*/) {}

 private:
  friend struct Moe;
  std::vector<Moe*> layers_;
};

}  // namespace camo::moe
