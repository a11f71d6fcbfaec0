// Convolutions of the network at 352 x 352, batch 4: decoder and expert 3 x 3, stem, patches, stride 2.
#include "tensor/ops/conv.h"

#include <memory>

#include "examples/camo/bench/bench.h"
#include "tensor/random.h"

namespace camo::program {
namespace {

struct Case {
  int64_t side, in, out, kernel;
  ConvSpec spec;
};

enum class Pass { forward, input_grad, weight_grad };

BenchRow row(const Case& c, Pass pass, bool fast) {
  Tensor x = randn({4, c.side, c.side, c.in}, 1), w = randn({c.out, c.kernel, c.kernel, c.in / c.spec.groups}, 2);
  Tensor y = conv2d(x, w, {}, c.spec);
  const double flops = 2.0 * double(y.numel()) * double(c.kernel * c.kernel * c.in / c.spec.groups);
  const std::string name =
      text(c.kernel, "x", c.kernel, " s", c.spec.stride, " ", c.side, "x", c.side, " ", c.in, "->", c.out);
  return {name, flops, [=] {
            use_winograd(fast);
            if (pass == Pass::forward) conv2d(x, w, {}, c.spec);
            if (pass == Pass::input_grad) conv2d_input_grad(y, w, x.shape(), c.spec);
            if (pass == Pass::weight_grad) conv2d_weight_grad(y, x, w.shape(), c.spec);
          }};
}

}  // namespace

void bench_conv(const std::vector<int>& threads) {
  const std::vector<Case> cases{{88, 64, 64, 3, {.padding = 1}},
                                {44, 64, 64, 3, {.padding = 1}},
                                {44, 128, 128, 3, {.padding = 1}},
                                {22, 320, 320, 3, {.padding = 1}},
                                {88, 128, 64, 3, {.padding = 1}},
                                {11, 512, 512, 3, {.padding = 1}},
                                {44, 64, 64, 3, {.padding = 4, .dilation = 4}},
                                {88, 64, 128, 3, {.stride = 2, .padding = 1}},
                                {44, 128, 320, 3, {.stride = 2, .padding = 1}},
                                {88, 64, 64, 8, {.stride = 8}},
                                {352, 3, 64, 7, {.stride = 4, .padding = 3}},
                                {352, 3, 80, 4, {.stride = 4}},
                                {88, 64, 64, 1, {}}};
  const std::pair<Pass, const char*> passes[] = {{Pass::forward, "convolution, f32"},
                                                 {Pass::input_grad, "its input gradient"},
                                                 {Pass::weight_grad, "its weight gradient"}};
  for (auto [pass, title] : passes) {
    std::vector<BenchRow> direct, fast;
    for (const Case& c : cases) {
      if (pass == Pass::input_grad && c.in <= 3) continue;
      direct.push_back(row(c, pass, false));
      if (c.kernel == 3 && c.spec.stride == 1 && c.spec.dilation == 1 && c.side > 12)
        fast.push_back(row(c, pass, true));
    }
    bench_table(title, direct, threads);
    bench_table(text(title, ", Winograd"), fast, threads);
  }
  use_winograd(true);
}

}  // namespace camo::program
