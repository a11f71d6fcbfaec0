// Listener: is told what a mixture decides and computes in each forward pass.
//
// The guard, the survey, the checks and the pictures inspect layers through listeners.  Tests use them to plant
// defects, because a listener may change route and plan before the layer continues.  A layer may have any number of
// listeners; they are called in the order of attachment.  Listener and layer may be destroyed in either order.
// Read before: moe.h.
#pragma once

#include "moe/moe.h"

namespace camo::moe {

class Listener {
 public:
  Listener() = default;
  /// Attaches to each mixture in the network.
  explicit Listener(nn::Module& network) {
    for (Moe* layer : mixtures(network)) listen_to(*layer);
  }
  virtual ~Listener() {
    for (Moe* layer : layers_) std::erase(layer->listeners, this);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void listen_to(Moe& layer) { layers_.push_back(&layer), layer.listeners.push_back(this); }
  /// The layers that it is attached to, in order of attachment.
  const std::vector<Moe*>& layers() const { return layers_; }

  /// Called after the router has chosen; the layer continues with what is in route afterwards.
  virtual void routed(const Moe& /*layer*/, Route& /*route*/) {}
  /// Called before the rows are sorted by expert according to plan.
  virtual void planned(const Moe& /*layer*/, Plan& /*plan*/) {}
  /// Called when the layer has computed out from x.
  virtual void passed(const Moe& /*layer*/, const Var& /*x*/, const MoeOut& /*out*/) {}

 private:
  friend struct Moe;
  std::vector<Moe*> layers_;
};

}  // namespace camo::moe
