// Convolution: what is learned in one place works everywhere.
//
// The idea: a convolution uses the same weights at every pixel.  A ring or a cross is drawn in the LEFT half of an
// image, and two networks of similar size learn to tell them apart.  Then both are tested on the RIGHT half, where
// neither has ever seen a shape.  The convolutional network works there too; the dense one can only guess.
// Before: 03_mnist.cpp.  Next: 05_attention.cpp.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "nn/layers.h"
#include "nn/optim.h"

using namespace camo;

namespace {

constexpr int64_t kSize = 24;

struct Shapes {
  Tensor image;  // (N, 24, 24, 1): noise, and a ring (label 0) or a cross (label 1)
  Tensor label;  // (N) i64
};

Shapes draw(int64_t n, uint64_t seed, bool right_half) {
  Shapes out{randn({n, kSize, kSize, 1}, RandomKey{.seed = seed, .domain = Domain::synth}, 0, 0.3),
             empty({n}, DType::i64)};
  Random random({.seed = seed, .domain = Domain::shuffle});
  for (int64_t i = 0; i < n; ++i) {
    const int64_t label = random.below(2), row = 4 + random.below(16),
                  col = 4 + random.below(4) + (right_half ? 12 : 0);
    out.label.write<int64_t>()[i] = label;
    float* pixel = out.image.write<float>() + i * kSize * kSize;
    for (int64_t h = -3; h <= 3; ++h)
      for (int64_t w = -3; w <= 3; ++w) {
        const bool ring = std::abs(std::hypot(h, w) - 3) < 0.6, cross = h == 0 || w == 0;
        if (label == 0 ? ring : cross) pixel[(row + h) * kSize + col + w] += 1;
      }
  }
  return out;
}

/// Two convolutions, then the mean over all positions, which discards where the shape was.
struct ConvNet : nn::Module {
  nn::Conv2d first, second;
  nn::Linear out;
  ConvNet(nn::Scope s)
      : Module(std::move(s)),
        first(sub("first"), 1, 16, 5, {.padding = 2}),
        second(sub("second"), 16, 24, 5, {.padding = 2}),
        out(sub("out"), 24, 2) {}
  Var forward(const Tensor& x) {                                                // (N, 24, 24, 1)
    Var y = max_pool(relu(first.forward(Var(x))), {.kernel = 2, .stride = 2});  // (N, 12, 12, 16)
    y = relu(second.forward(y));                                                // (N, 12, 12, 24)
    return out.forward(mean(y, {1, 2}));                                        // (N, 24) -> (N, 2)
  }
};

/// A dense network: every pixel has weights of its own.
struct DenseNet : nn::Module {
  nn::Linear hidden, out;
  DenseNet(nn::Scope s) : Module(std::move(s)), hidden(sub("hidden"), kSize * kSize, 24), out(sub("out"), 24, 2) {}
  Var forward(const Tensor& x) { return out.forward(relu(hidden.forward(Var(x.reshape({-1, kSize * kSize}))))); }
};

template <class Net> double accuracy(Net& net, const Shapes& shapes) {
  NoGrad no_grad;
  Tensor guess = argmax(net.forward(shapes.image).value(), -1);
  int64_t right = 0;
  for (int64_t i = 0; i < guess.numel(); ++i) right += guess.read<int64_t>()[i] == shapes.label.read<int64_t>()[i];
  return double(right) / double(guess.numel());
}

template <class Net> double learn(const char* name) {
  Net net(nn::Scope{.seed = 1});
  nn::AdamW optimizer(net);
  for (uint32_t step = 0; step < 400; ++step) {
    Shapes batch = draw(32, 100 + step, /*right_half=*/false);  // new images at every step, always in the left half
    Var loss = cross_entropy(net.forward(batch.image), batch.label);
    backward(loss);
    optimizer.step(3e-3);
    if (step % 80 == 0) std::printf("%-12s step %3u  loss %.4f\n", name, step, item(loss.value()));
  }
  const double seen = accuracy(net, draw(500, 1, false)), unseen = accuracy(net, draw(500, 2, true));
  std::printf("%-12s %lld parameters: left half %.3f, right half %.3f\n\n", name, (long long)net.parameter_count(),
              seen, unseen);
  return unseen;
}

}  // namespace

int main() {
  Shapes one = draw(1, 5, false);
  for (int64_t h = 0; h < kSize; ++h) {
    for (int64_t w = 0; w < kSize; ++w)
      std::putchar(" .:*#"[std::clamp(int(one.image.read<float>()[h * kSize + w] * 4), 0, 4)]);
    std::putchar('\n');
  }
  const double dense = learn<DenseNet>("dense"), convolution = learn<ConvNet>("convolution");
  std::printf("in the half nobody has seen: dense %.3f, convolution %.3f (promised 0.95)\n", dense, convolution);
  return convolution >= 0.95 && dense < 0.8 ? 0 : 1;
}
