// state_dict: names, file layout, all-or-nothing loading.
#include "nn/state_dict.h"

#include <doctest/doctest.h>

#include "nn/layers.h"
#include "tensor/ops/layout.h"

using namespace camo;
using namespace camo::nn;

namespace {

struct Weighted : Module {
  Conv2d conv;
  BatchNorm bn;
  explicit Weighted(uint64_t seed, DType dtype = DType::f32)
      : Module(Scope{.dtype = dtype, .seed = seed}), conv(sub("conv"), 2, 3, 5, {.bias = false}), bn(sub("bn"), 3) {}
};

std::string message(Weighted& net, const NamedTensors& tensors, bool strict = true) {
  try {
    load_state_dict(net, tensors, strict);
  } catch (const WeightsError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("names and layout are PyTorch's") {
  Weighted net(1);
  std::vector<std::string> names;
  for (const auto& [name, t] : state_dict(net)) names.push_back(name);
  CHECK(names == std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var",
                                          "bn.num_batches_tracked"});
  Tensor file = state_dict(net)[0].second, memory = net.conv.weight.value();
  CHECK(file.shape() == Shape{3, 2, 5, 5});
  CHECK(memory.shape() == Shape{3, 5, 5, 2});
  // (o, i, y, x) of the file is (o, y, x, i) in memory
  CHECK(file.read<float>()[((2 * 2 + 1) * 5 + 4) * 5 + 3] == memory.read<float>()[((2 * 5 + 4) * 5 + 3) * 2 + 1]);
}

TEST_CASE("a saved model loads into another model of its kind, also of another float type") {
  Weighted a(1), b(2);
  a.bn.running_mean.value = full({3}, 7);
  load_state_dict(b, state_dict(a));
  CHECK(equal_bits(a.conv.weight.value(), b.conv.weight.value()));
  CHECK(to_vector<float>(b.bn.running_mean.value)[2] == 7);
  Weighted wide(3, DType::f64);
  load_state_dict(wide, state_dict(a));
  CHECK(wide.conv.weight.value().read<double>()[9] == double(a.conv.weight.value().read<float>()[9]));
}

TEST_CASE("loading writes everything or nothing, and says what is wrong") {
  Weighted net(1);
  Tensor before = net.conv.weight.value().clone();
  NamedTensors good = state_dict(Weighted(2));
  NamedTensors bad = good;
  bad[1] = {"bn.wieght", bad[1].second};
  CHECK(message(net, bad) ==
        "load_state_dict: names and shapes must be the model's, got 5 of 6 tensors, 98.16 % of the "
        "numbers; 1 missing: bn.weight; 1 unexpected: bn.wieght (nearest: bn.weight)");
  CHECK(message(net, bad, /*strict=*/false) == "");
  bad = good;
  bad[2].second = zeros({4});
  CHECK(message(net, bad).find("1 of another shape or type: bn.bias (4) f32 for (3) f32") != std::string::npos);
  bad = good;
  bad[5].second = zeros({}, DType::f32);  // a scalar counter cannot be a float
  CHECK(message(net, bad) != "");
  bad = good;
  bad.push_back(bad[0]);
  CHECK(message(net, bad) == "load_state_dict: two tensors are named conv.weight");

  Weighted fresh(1);
  NamedTensors none;
  for (int i = 0; i < 30; ++i) none.emplace_back(text("x", i), zeros({1}));
  std::string many = message(fresh, none);
  CHECK(many.find("30 unexpected: x0, x1") != std::string::npos);
  CHECK(many.find("x9, ... (20 more)") != std::string::npos);
  CHECK(many.find("x10") == std::string::npos);
  CHECK(equal_bits(before, fresh.conv.weight.value()));
}

TEST_CASE("not strict: what fits is loaded, the rest is reported") {
  Weighted net(1);
  Tensor bias = net.bn.bias.value().clone();
  LoadReport report = load_state_dict(
      net, {{"bn.weight", full({3}, 2)}, {"bn.bias", ones({4})}, {"head.weight", zeros({4, 4})}}, false);
  CHECK(report.unexpected == std::vector<std::string>{"head.weight"});
  CHECK(report.misshapen == std::vector<std::string>{"bn.bias (4) f32 for (3) f32"});
  CHECK(report.missing.size() == 4);
  CHECK(report.tensors == 1);
  CHECK(report.tensors_wanted == 6);
  CHECK(to_vector<float>(net.bn.weight.value())[1] == 2);
  CHECK(equal_bits(net.bn.bias.value(), bias));
}

TEST_CASE("a list that is moved in gives its memory to the model, and all holders of a parameter see that") {
  Weighted net(1);
  NamedTensors file;
  for (const auto& [name, t] : state_dict(Weighted(2))) file.emplace_back(name, t.clone());
  Parameter held = net.named_parameters()[1];  // as an optimizer holds it
  const void* memory = file[1].second.raw();
  NamedTensors shared = file;
  load_state_dict(net, shared);  // copied: the list is still intact
  CHECK(net.bn.weight.value().raw() != memory);
  fill(shared[1].second, 5);
  shared.clear();
  load_state_dict(net, std::move(file));
  CHECK(net.bn.weight.value().raw() == memory);
  CHECK(equal_bits(net.conv.weight.value(), Weighted(2).conv.weight.value()));  // its filters were reordered in place
  CHECK(held.var.value().raw() == memory);
  CHECK(to_vector<float>(held.var.value())[0] == 5);
}
