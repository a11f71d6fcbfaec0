// Heads: what the COD models ask of decoded features beyond "object or not".
//
//   search       where is something, roughly?                       on the deepest map
//   reverse      what is surely background, and what is left then?  on the finest map, as all that follow
//   uncertainty  a first guess, and how wrong it may be
//   refinement   look again where the guess is unsure, and correct it
//
// Search and identification: Fan et al. 2020, "Camouflaged object detection" (SINet).  Reverse attention: Chen,
// Tan, Wang, Hu 2018, arXiv:1807.09940.  Two outputs, a mean and its uncertainty: Kendall, Gal 2017,
// arXiv:1703.04977.  Every map here is a function of its own image; batch norm alone mixes images, in training.
#pragma once

#include "nn/layers.h"

namespace camo::moe {

/// Convolution, batch norm, ReLU; same size.  The norm takes any bias away again; the heads have one all the same, and so
/// the parameter counts of their sources.
struct ConvBlock : nn::Module {
  nn::Conv2d conv;
  nn::BatchNorm norm;
  ConvBlock(nn::Scope s, int64_t in, int64_t out, int64_t kernel, bool with_bias = false);
  Var forward(const Var& x) { return relu(norm.forward(conv.forward(x))); }
};

/// Two such blocks in a row, 3 x 3, with bias.  It is no module of its own: the head that holds it names both.
struct ConvPair {
  ConvBlock first, again;
  ConvPair(nn::Scope of_first, nn::Scope of_again, int64_t in, int64_t mid, int64_t out)
      : first(std::move(of_first), in, mid, 3, true), again(std::move(of_again), mid, out, 3, true) {}
  Var forward(const Var& x) { return again.forward(first.forward(x)); }
};

/// Logits leave a network in f32, whatever its activations are: (B, H, W, C) -> (B, H, W, 1).
Var to_logits(nn::Linear& head, const Var& x);

/// Says where something may be, and lifts the features there; hides nothing that it missed.
struct Search : nn::Module {
  ConvPair look;
  nn::Linear head;
  ConvBlock identify, mix;
  Search(nn::Scope s, int64_t dim);
  /// x (B, H, W, dim) -> features like x, and search logits (B, H, W, 1).
  std::pair<Var, Var> forward(const Var& x);
};

/// Finds what is surely background, shows it to the features, and adds what they find elsewhere.
struct ReverseAttention : nn::Module {
  ConvPair squeeze;
  nn::Linear background;
  ConvPair refine;
  ReverseAttention(nn::Scope s, int64_t dim);
  /// x (B, H, W, dim) -> features like x, and logits of the object: minus those of the background.
  std::pair<Var, Var> forward(const Var& x);
};

/// A first guess and the error to expect of it.
struct BoundaryUncertainty : nn::Module {
  static constexpr double kLeast = 1e-3;  // refinement divides by the largest u of an image
  ConvBlock shared, mean_block, unsure_block;
  nn::Linear mean, unsure;
  BoundaryUncertainty(nn::Scope s, int64_t dim);
  /// x (B, H, W, dim) -> logits and u >= kLeast, both (B, H, W, 1).
  std::pair<Var, Var> forward(const Var& x);
};

/// Corrects the guess `steps` times, looking hardest where it is unsure for an image of its kind: u is divided
/// by its largest value in the same image.
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
