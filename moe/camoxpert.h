// CamoXpert: a network that segments camouflaged objects in a photograph.
//
//   photograph -> backbone -> four maps (H/4 ... H/32) -> experts at each -> decoder -> heads -> logits
//
// The decoder goes from the coarsest map to the finest.  At each scale: a 1 x 1 convolution to `width` channels,
// upsample and add, a 3 x 3 convolution (Lin et al. 2017, "Feature pyramid networks", arXiv:1612.03144).  Side heads
// give every scale its own loss.  The models differ in the layer at each scale and in the heads (moe/heads.h):
//
//   camoxpert         SDTA block, then a mixture of generic experts, chosen by content      side heads
//   camoxpert-cod     all COD experts, one after another                                    all heads
//   camoxpert-sparse  a mixture of COD experts                                              all heads
//   camoxpert-single  one dense expert of the cost of the chosen ones: the baseline          all heads
#pragma once

#include <optional>

#include "moe/heads.h"
#include "moe/moe.h"
#include "nn/backbone.h"

namespace camo::moe {

/// The layer between backbone and decoder at each scale.
enum class Mixing { generic, series, sparse, single };

struct ModelKind {
  const char* name;
  Mixing mixing;
  GateKind gate;
};
/// The models above.
const std::vector<ModelKind>& model_kinds();
std::vector<std::string> model_names();
/// The number of experts in the family that a model takes them from; 0 for one without.
int64_t family_size(const std::string& model);

/// The parts whose blocks are recomputed in the backward pass (nn/recompute.h): the layers at the scales, the backbone,
/// or both and the decoder with its heads.
enum class Recompute { none, experts, backbone, all };
constexpr auto names_of(Recompute) { return std::array{"none", "experts", "backbone", "all"}; }

struct CamoXpertConfig {
  std::string model = "camoxpert-sparse", backbone = "pvt_v2_b0";
  int64_t experts = 0;                 // 0: all of the model's family; if more than the family has, kinds repeat
  std::vector<std::string> pool = {};  // names of the experts, in place of their number: texture, texture, edge
  MoeConfig mixture = {};              // except the gate, which the model decides
  AttentionKind attention = AttentionKind::flash;  // for the generic attention expert
  int64_t pool_above = 32;  // it pools the keys and values of maps with more than pool_above^2 pixels; 0: never
  double drop_path = 0.1;
  int64_t width = 64, head_width = 32;  // channels of the decoder, and of the heads at H/4
  int refinements = 2;
  Recompute recompute = Recompute::none;
  int64_t image_height = 224, image_width = 224;  // the size that the backbone is built for; any size is accepted
};

struct CamoXpertOut {
  Var logits;                   // (B, H, W, 1); all maps here are f32 (f64 with f64)
  std::vector<Var> deep;        // side logits (B, h, w, 1), finest first: H/8, H/16 of the padded image
  Var search;                   // logits at H/32 of the padded image
  Var reverse;                  // logits of the object at H/4 from reverse attention
  std::vector<Var> steps;       // logits at H/4: the first guess and each refinement except the last
  Var uncertainty;              // u > 0 at H/4: the expected error of the first guess
  Var aux_loss;                 // summed over the scales; undefined if no router has one
  std::vector<MoeStats> stats;  // one per scale, finest first
};

/// The layer at one scale: x -> y of the same shape.
struct Scale : nn::Module {
  std::optional<SdtaBlock> attend;
  ExpertList series;  // each adds its f(x) to x
  std::optional<Moe> mixture;
  Scale(nn::Scope s, int64_t dim, const CamoXpertConfig& config);
  MoeOut forward(const Var& x);  // without a mixture only y is defined
};

/// The decoder: maps of all scales -> a map of `width` channels at each scale, finest first.
struct Decoder : nn::Module {
  nn::List<nn::Linear> lateral;
  nn::List<ConvBlock> refine;
  std::optional<Search> search;

  Decoder(nn::Scope s, const std::vector<int64_t>& dims, int64_t width, bool with_search);
  /// Returns the maps, and the search logits if there is a search head.
  std::pair<Vars, Var> forward(const Vars& maps);
};

/// The heads at H/4.
struct FineHeads : nn::Module {
  nn::Linear narrow;
  ReverseAttention reverse;
  BoundaryUncertainty uncertainty;
  Refinement refinement;
  FineHeads(nn::Scope s, int64_t width, const CamoXpertConfig& config);
  /// x (B, H/4, W/4, width) -> logits at H/4; sets reverse, uncertainty and steps of out.
  Var forward(const Var& x, CamoXpertOut* out);
};

struct CamoXpert : nn::Module {
  static constexpr int64_t kStride = 32;  // stride of the coarsest map; images are padded to a multiple of it
  static int64_t padded_side(int64_t side) { return (side + kStride - 1) / kStride * kStride; }
  /// Pads x (B, H, W, C), a Tensor or Var, with zeros at the bottom and right to multiples of kStride.
  template <class T> static T padded(const T& x) {
    const int64_t below = padded_side(x.dim(1)) - x.dim(1), right = padded_side(x.dim(2)) - x.dim(2);
    return below + right == 0 ? x : pad(x, {{0, 0}, {0, below}, {0, right}, {0, 0}});
  }
  std::unique_ptr<nn::Backbone> backbone;
  nn::List<Scale> scales;
  Decoder decoder;
  nn::List<nn::Linear> sides;       // H/8, H/16; used only by the loss
  std::optional<FineHeads> heads;   // the logits come from all heads,
  std::optional<nn::Linear> plain;  // or from this one alone

  CamoXpert(nn::Scope s, const CamoXpertConfig& config);

  /// x (B, H, W, 3), normalised, any H and W >= 1; f32, f64 or bf16.  In evaluation, the result for an image does not
  /// depend in any bit on the rest of the batch (in training, batch norm mixes images).
  CamoXpertOut forward(const Var& x);
};

}  // namespace camo::moe
