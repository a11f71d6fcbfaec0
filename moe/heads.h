// Heads: what the COD models predict from decoded features besides the mask.
//
//   search       where is something, roughly?                       on the coarsest map
//   reverse      what is surely background, and what remains?       on the finest map, like all below
//   uncertainty  a first guess of the mask, and its expected error
//   refinement   corrects the guess where it is uncertain
//
// Search and identification: Fan et al. 2020, "Camouflaged object detection" (SINet).  Reverse attention: Chen, Tan,
// Wang, Hu 2018, arXiv:1807.09940.  A mean and its uncertainty as two outputs: Kendall, Gal 2017, arXiv:1703.04977.
// Every map depends on its own image alone, except through batch norm in training.
#pragma once

#include "nn/layers.h"
#include "nn/recompute.h"

namespace camo::moe {

struct ConvBlockOptions {
  bool bias = true;
};

/// Convolution, batch norm, ReLU; same size.  The convolutions of the heads keep a bias although the norm cancels it,
/// so that parameter counts equal those of the sources.
struct ConvBlock : nn::Module {
  nn::Conv2d conv;
  nn::BatchNorm norm;
  ConvBlock(nn::Scope s, int64_t in, int64_t out, int64_t kernel, const ConvBlockOptions& options = {});
  Var forward(const Var& x) { return relu(norm.forward(conv.forward(x))); }
};

/// Two 3 x 3 ConvBlocks with bias, one after another.  Not a Module: the head that holds it names both.
struct ConvPair {
  ConvBlock first, again;
  ConvPair(nn::Scope of_first, nn::Scope of_again, int64_t in, int64_t mid, int64_t out)
      : first(std::move(of_first), in, mid, 3), again(std::move(of_again), mid, out, 3) {}
  Var forward(const Var& x) {
    return nn::recomputed({&first, &again}, [this](const Vars& in) { return again.forward(first.forward(in[0])); },
                          {x});
  }
};

/// Logits are f32 whatever the dtype of the activations: (B, H, W, C) -> (B, H, W, 1).
Var to_logits(nn::Linear& head, const Var& x);

/// Predicts a coarse mask and adds gated features.
struct Search : nn::Module {
  ConvPair look;
  nn::Linear head;
  ConvBlock identify, mix;
  Search(nn::Scope s, int64_t dim);
  /// x (B, H, W, dim) -> features like x, and search logits (B, H, W, 1).
  std::pair<Var, Var> forward(const Var& x);
};

/// Predicts the background, computes features from that map and x, and adds them outside of the background.
struct ReverseAttention : nn::Module {
  ConvPair squeeze;
  nn::Linear background;
  ConvPair refine;
  ReverseAttention(nn::Scope s, int64_t dim);
  /// x (B, H, W, dim) -> features like x, and logits of the object, the negated logits of the background.
  std::pair<Var, Var> forward(const Var& x);
};

/// A first guess of the mask and its expected error.
struct BoundaryUncertainty : nn::Module {
  static constexpr double kLeast = 1e-3;  // refinement divides by the largest u of an image
  ConvBlock shared, mean_block, unsure_block;
  nn::Linear mean, unsure;
  BoundaryUncertainty(nn::Scope s, int64_t dim);
  /// x (B, H, W, dim) -> logits and u >= kLeast, both (B, H, W, 1).
  std::pair<Var, Var> forward(const Var& x);
};

/// Corrects the guess `steps` times, most strongly where u is large relative to the largest u of the same image.
struct Refinement : nn::Module {
  struct Step : nn::Module {
    ConvPair look;
    nn::Linear correction;
    Step(nn::Scope s, int64_t dim);
    Var forward(const Var& x, const Var& logits, const Var& unsure);
  };
  nn::List<Step> steps;
  Refinement(nn::Scope s, int64_t dim, int count);
  /// x (B, H, W, dim), logits and u (B, H, W, 1) -> the logits after each step.
  std::vector<Var> forward(const Var& x, const Var& logits, const Var& u);
};

}  // namespace camo::moe
