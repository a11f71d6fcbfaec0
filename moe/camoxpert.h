// CamoXpert: finds what hides in a photograph.
//
//   photograph -> backbone -> four maps (H/4 ... H/32) -> a mixture of experts at each -> decoder -> logits
//
// The decoder goes from the deepest map to the finest: 1 x 1 to `width` channels, enlarge and add, 3 x 3
// convolution (Lin et al. 2017, "Feature pyramid networks", arXiv:1612.03144).  A search map on the deepest
// scale says roughly where something is and lifts the features there, after the search-and-identify idea of
// Fan et al. 2020, "Camouflaged object detection" (SINet).  Side heads give every scale a loss of its own.
#pragma once

#include "moe/moe.h"
#include "nn/backbone.h"

namespace camo::moe {

struct CamoXpertConfig {
  std::string backbone = "pvt_v2_b0";
  int experts = 6, chosen = 2;
  double drop_path = 0.1;
  int width = 64;              // channels of the decoder
  double balance_rate = 1e-2;  // moe/router.h
  int64_t image_height = 224, image_width = 224;  // what the backbone is built for; any size is accepted
};

struct CamoXpertOut {
  Var logits;                   // (B, H, W, 1); f32 (f64 with f64), as all maps here
  std::vector<Var> deep;        // side logits (B, h, w, 1), finest first: H/8, H/16 of the padded image
  Var search;                   // logits at H/32 of the padded image
  Var reverse;                  // logits at H/4 of the object as reverse attention sees it
  std::vector<Var> steps;       // logits at H/4: the first guess, and after each refinement but the last
  Var uncertainty;              // u > 0 at H/4: expected error of the first guess
  Var aux_loss;                 // sum over the scales; undefined when no router has one
  std::vector<MoeStats> stats;  // one per scale, finest first
};

/// Convolution, batch norm, ReLU; same size.
struct ConvBlock : nn::Module {
  nn::Conv2d conv;
  nn::BatchNorm norm;
  ConvBlock(nn::Scope s, int64_t in, int64_t out, int64_t kernel);
  Var forward(const Var& x) { return relu(norm.forward(conv.forward(x))); }
};

/// Maps of all scales -> one map of `width` channels at each, finest first, and the search logits.
struct Decoder : nn::Module {
  nn::List<nn::Linear> lateral;
  nn::List<ConvBlock> refine;
  nn::Linear search;

  Decoder(nn::Scope s, const std::vector<int64_t>& dims, int64_t width);
  std::pair<Vars, Var> forward(const Vars& maps);
};

struct CamoXpert : nn::Module {
  static constexpr int64_t kStride = 32;  // of the deepest map: images are padded to a multiple of it
  static int64_t padded_side(int64_t side) { return (side + kStride - 1) / kStride * kStride; }
  std::unique_ptr<nn::Backbone> backbone;
  nn::List<Moe> mixtures;
  Decoder decoder;
  nn::List<nn::Linear> heads;

  CamoXpert(nn::Scope s, const CamoXpertConfig& config);

  /// x (B, H, W, 3), normalised, any H and W >= 1, f32, f64 or bf16.  The result for one image does not
  /// depend, in any bit, on its batch mates (in evaluation: batch norm mixes them in training).
  CamoXpertOut forward(const Var& x);
};

}  // namespace camo::moe
