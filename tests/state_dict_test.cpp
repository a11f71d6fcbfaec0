// state_dict: names, file layout, all-or-nothing loading.
#include <doctest/doctest.h>

#include "nn/layers.h"
#include "nn/state_dict.h"
#include "tensor/ops/layout.h"

using namespace camo;
using namespace camo::nn;

namespace {

struct Net : Module {
  Conv2d conv;
  BatchNorm bn;
  explicit Net(uint64_t seed, DType dtype = DType::f32)
      : Module(Scope{.dtype = dtype, .seed = seed}), conv(sub("conv"), 2, 3, 5, {}, /*with_bias=*/false),
        bn(sub("bn"), 3) {}
};

std::string message(Net& net, const NamedTensors& tensors, bool strict = true) {
  try {
    load_state_dict(net, tensors, strict);
  } catch (const WeightsError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("names and layout are PyTorch's") {
  Net net(1);
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

TEST_CASE("a saved model loads into another of its kind, and into another float type") {
  Net a(1), b(2);
  a.bn.running_mean.value = full({3}, 7);
  load_state_dict(b, state_dict(a));
  CHECK(equal_bits(a.conv.weight.value(), b.conv.weight.value()));
  CHECK(to_vector<float>(b.bn.running_mean.value)[2] == 7);
  Net wide(3, DType::f64);
  load_state_dict(wide, state_dict(a));
  CHECK(wide.conv.weight.value().read<double>()[9] == double(a.conv.weight.value().read<float>()[9]));
}

TEST_CASE("loading writes everything or nothing, and says what is wrong") {
  Net net(1);
  Tensor before = net.conv.weight.value().clone();
  NamedTensors good = state_dict(Net(2));
  NamedTensors bad = good;
  bad[1] = {"bn.wieght", bad[1].second};
  CHECK(message(net, bad) == "load_state_dict: names and shapes must be the model's; 1 missing: bn.weight; "
                             "1 unexpected: bn.wieght (nearest: bn.weight)");
  CHECK(message(net, bad, /*strict=*/false) == "");
  bad = good;
  bad[2].second = zeros({4});
  CHECK(message(net, bad, false) == "load_state_dict: names and shapes must be the model's; 1 of another shape or "
                                    "type: bn.bias (4) f32 for (3) f32");
  bad = good;
  bad[5].second = zeros({}, DType::f32);  // a count is no float
  CHECK(message(net, bad) != "");
  bad = good;
  bad.push_back(bad[0]);
  CHECK(message(net, bad) == "load_state_dict: two tensors are named conv.weight");

  Net fresh(1);
  NamedTensors none;
  for (int i = 0; i < 30; ++i) none.emplace_back(text("x", i), zeros({1}));
  std::string many = message(fresh, none);
  CHECK(many.find("30 unexpected: x0, x1") != std::string::npos);
  CHECK(many.find("x19, ...") != std::string::npos);
  CHECK(many.find("x20") == std::string::npos);
  CHECK(equal_bits(before, fresh.conv.weight.value()));
}

TEST_CASE("not strict: what is missing and what has no place is reported") {
  Net net(1);
  LoadReport report = load_state_dict(net, {{"bn.weight", full({3}, 2)}, {"head.weight", zeros({4, 4})}}, false);
  CHECK(report.unexpected == std::vector<std::string>{"head.weight"});
  CHECK(report.missing.size() == 5);
  CHECK(to_vector<float>(net.bn.weight.value())[1] == 2);
}
