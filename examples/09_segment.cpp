// Segmentation: a whole network that finds camouflaged objects, small enough to read at once.
//
// The idea: what an object is shows from afar, where it ends shows up close.  So the network looks at the picture at four sizes,
// each half of the one before, and then adds what it saw from the coarsest map to the finest.  The object has the
// texture of its surroundings, turned and made finer, and nearly their colours: no rule on single pixels finds it.
// Read beside it: examples/12_training.md.  Next: 10_mixture.cpp.
#include <cstdio>

#include "examples/camo/data/synth.h"
#include "examples/camo/draw/plot.h"
#include "examples/camo/metrics/metrics.h"
#include "nn/layers.h"
#include "nn/loss.h"
#include "nn/optim.h"
#include "nn/schedule.h"

using namespace camo;

namespace {

constexpr int64_t kSide = 64, kBatch = 8, kSteps = 400;

struct Block : nn::Module {
  nn::Conv2d conv;
  nn::BatchNorm norm;
  Block(nn::Scope s, int64_t in, int64_t out, int64_t stride = 1)
      : Module(std::move(s)),
        conv(sub("conv"), in, out, 3, {.stride = stride, .padding = 1, .bias = false}),
        norm(sub("norm"), out) {}
  Var forward(const Var& x) { return gelu(norm.forward(conv.forward(x))); }
};

// [net]
/// x (B, H, W, 3), H and W multiples of 16 -> logits (B, H, W, 1)
struct Segmenter : nn::Module {
  nn::List<Block> down, up;
  nn::List<nn::Linear> lateral;
  nn::Linear head;
  explicit Segmenter(nn::Scope s)
      : Module(std::move(s)), down(sub("down")), up(sub("up")), lateral(sub("lateral")), head(sub("head"), 24, 1) {
    const int64_t width[] = {3, 16, 32, 48, 64};
    for (int i = 0; i < 4; ++i) {
      down.add(width[i], width[i + 1], /*stride=*/2);
      lateral.add(width[i + 1], 24);
      up.add(24, 24);
    }
  }
  Var forward(const Var& x) {
    Vars maps = {x};
    for (auto& block : down) maps.push_back(block->forward(maps.back()));
    Var y;  // from the coarsest map to the finest
    for (int i = 3; i >= 0; --i) {
      Var here = lateral[size_t(i)].forward(maps[size_t(i) + 1]);
      if (y.defined()) here = here + resize_bilinear(y, here.dim(1), here.dim(2));
      y = up[size_t(i)].forward(here);
    }
    return resize_bilinear(head.forward(y), x.dim(1), x.dim(2));
  }
};
// [/net]

struct Pictures {
  std::vector<program::SynthPair> pairs;
  Tensor x, mask;  // (B, H, W, 3) around 0, (B, H, W, 1) 0 or 1
};

/// Pictures first, first + 1, ... of an endless series.
Pictures make(uint64_t first, int64_t count) {
  Pictures out{{}, empty({count, kSide, kSide, 3}, DType::f32), empty({count, kSide, kSide, 1}, DType::f32)};
  float *x = out.x.write<float>(), *m = out.mask.write<float>();
  for (uint64_t i = 0; i < uint64_t(count); ++i) {
    const program::SynthPair& pair = out.pairs.emplace_back(program::make_synthetic(1, first + i, kSide, kSide, 0.3));
    for (int64_t j = 0; j < pair.image.numel(); ++j) *x++ = float(pair.image.read<uint8_t>()[j]) / 64.f - 2.f;
    for (int64_t j = 0; j < pair.mask.numel(); ++j) *m++ = pair.mask.read<uint8_t>()[j] ? 1.f : 0.f;
  }
  return out;
}

void train(Segmenter& net) {
  nn::AdamW optimizer(net, {.decay = 0.01, .clip = 1});
  for (int64_t step = 0; step < kSteps; ++step) {
    const Pictures batch = make(1000 + uint64_t(step * kBatch), kBatch);
    // [step]
    Var loss = nn::structure_loss(net.forward(Var(batch.x)), batch.mask, /*window=*/7);
    backward(loss);
    const double rate = nn::cosine_with_warmup(step, kSteps, /*warmup=*/20, /*peak=*/4e-3);
    optimizer.step(rate).accepted ? nn::commit(net) : nn::discard(net);
    // [/step]
    if (step % 100 == 0 || step == kSteps - 1) std::printf("step %3d  loss %.3f\n", int(step), item(loss.value()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  Segmenter net(nn::Scope{.seed = 1});
  train(net);

  net.train(false);
  NoGrad no_grad;
  const Pictures unseen = make(0, 32);
  const Tensor p = sigmoid(net.forward(Var(unseen.x))).value();  // (32, H, W, 1)
  double iou = 0, everything = 0;
  std::vector<program::GridRow> rows;
  for (int64_t b = 0; b < 32; ++b) {
    const auto& [image, mask] = unseen.pairs[size_t(b)];
    Tensor map = empty(mask.shape(), DType::u8), all = empty(mask.shape(), DType::u8);
    for (int64_t i = 0; i < map.numel(); ++i) {
      map.write<uint8_t>()[i] = uint8_t(255 * p.read<float>()[b * map.numel() + i] + 0.5f);
      all.write<uint8_t>()[i] = 255;
    }
    iou += program::score(map, mask).iou / 32;
    everything += program::score(all, mask).iou / 32;
    if (b < 4) rows.push_back({{image, mask, map}});
  }
  const char* path = argc > 1 ? argv[1] : "09_segment.svg";
  program::write_grid(path, rows);
  std::printf("IoU on 32 pictures that it never saw: %.3f; of a mask of everything: %.3f; promised: 0.6\n", iou,
              everything);
  std::printf("four of them: %s\n", path);
  return iou > 0.6 ? 0 : 1;
}
