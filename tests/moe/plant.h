// Plants a defect in a layer's route or plan for the lifetime of an object.
#pragma once

#include "moe/listener.h"

namespace camo::test {

struct Plant : moe::Listener {
  std::function<void(moe::Route&)> in_route;
  std::function<void(moe::Plan&)> in_plan;

  explicit Plant(std::function<void(moe::Route&)> route, std::function<void(moe::Plan&)> plan = nullptr)
      : in_route(std::move(route)), in_plan(std::move(plan)) {}
  Plant(moe::Moe& layer, std::function<void(moe::Route&)> route, std::function<void(moe::Plan&)> plan = nullptr)
      : Plant(std::move(route), std::move(plan)) {
    listen_to(layer);
  }
  void routed(const moe::Moe&, moe::Route& route) override {
    if (in_route) in_route(route);
  }
  void planned(const moe::Moe&, moe::Plan& plan) override {
    if (in_plan) in_plan(plan);
  }
};

}  // namespace camo::test
