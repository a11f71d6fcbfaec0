// Optimizer updates: checks that parameter, gradient and state have one shape and one dtype.
#include "tensor/ops/optim.h"

namespace camo {
namespace {

/// Checks that all have one shape and dtype, f32 or f64, and are on the device of the first parameter.
void check_item(const char* op, const Tensor& first, const Tensor& parameter,
                std::initializer_list<const Tensor*> others) {
  check<DTypeError>(parameter.dtype() == DType::f32 || parameter.dtype() == DType::f64, op, ": takes f32 or f64, got ",
                    parameter.dtype());
  check<DeviceError>(parameter.device() == first.device(), op, ": parameters on ", first.device(), " and ",
                     parameter.device());
  for (const Tensor* t : others) {
    check_same(op, parameter, *t);
    check(t->shape() == parameter.shape(), op, ": parameter ", parameter.shape(), " has a gradient or state of ",
          t->shape());
  }
}

}  // namespace

void adamw(const std::vector<AdamWItem>& items, const AdamWConfig& config) {
  if (items.empty()) return;
  for (const AdamWItem& i : items) {
    check_item("adamw", items[0].parameter, i.parameter, {&i.gradient, &i.first, &i.second});
    check<GraphError>(i.steps > 0, "adamw: steps counts this update too, got ", i.steps);
  }
  on(items[0].parameter.device(), [&](auto where) { kernel::adamw(where, items, config); });
}

void sgd(const std::vector<SgdItem>& items, double momentum, double gradient_scale) {
  if (items.empty()) return;
  for (const SgdItem& i : items) check_item("sgd", items[0].parameter, i.parameter, {&i.gradient, &i.momentum});
  on(items[0].parameter.device(), [&](auto where) { kernel::sgd(where, items, momentum, gradient_scale); });
}

void ema(const std::vector<std::pair<Tensor, Tensor>>& average_and_value, double decay) {
  if (average_and_value.empty()) return;
  for (const auto& [average, value] : average_and_value)
    check_item("ema", average_and_value[0].first, average, {&value});
  on(average_and_value[0].first.device(), [&](auto where) { kernel::ema(where, average_and_value, decay); });
}

}  // namespace camo
