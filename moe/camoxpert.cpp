#include "moe/camoxpert.h"

namespace camo::moe {
namespace {

/// Adds zeros below and to the right until both sides are multiples of CamoXpert::kStride.
template <class T>
T padded(const T& x) {
  const int64_t below = CamoXpert::padded_side(x.dim(1)) - x.dim(1),
                right = CamoXpert::padded_side(x.dim(2)) - x.dim(2);
  return below + right == 0 ? x : pad(x, {{0, 0}, {0, below}, {0, right}, {0, 0}});
}

Var cropped(const Var& x, int64_t height, int64_t width) {
  Var rows = x.dim(1) == height ? x : slice(x, 1, 0, height);
  return x.dim(2) == width ? rows : slice(rows, 2, 0, width);
}

/// Logits leave the network in f32, whatever the activations are.
Var to_logits(nn::Linear& head, const Var& x) {
  Var z = head.forward(x);
  return z.dtype() == DType::bf16 ? cast(z, DType::f32) : z;
}

}  // namespace

ConvBlock::ConvBlock(nn::Scope s, int64_t in, int64_t out, int64_t kernel)
    : Module(std::move(s)),
      conv(sub("conv"), in, out, kernel, {.padding = kernel / 2}, /*with_bias=*/false, nn::Init::fan_out),
      norm(sub("norm"), out) {}

Decoder::Decoder(nn::Scope s, const std::vector<int64_t>& dims, int64_t width)
    : Module(std::move(s)), lateral(sub("lateral")), refine(sub("refine")), search(sub("search"), width, 1) {
  for (int64_t dim : dims) {
    lateral.add(dim, width);
    refine.add(width, width, 3);
  }
}

std::pair<Vars, Var> Decoder::forward(const Vars& maps) {
  Vars out(maps.size());
  const int deepest = int(maps.size()) - 1;
  Var y = refine[deepest].forward(lateral[deepest].forward(maps[deepest]));
  Var found = to_logits(search, y);
  y = y + y * cast(sigmoid(found), y.dtype());  // lifts what the search found, hides nothing that it missed
  out[deepest] = y;
  for (int i = deepest - 1; i >= 0; --i) {
    Var side = lateral[i].forward(maps[i]);
    y = refine[i].forward(side + resize_bilinear(y, side.dim(1), side.dim(2)));
    out[i] = y;
  }
  return {out, found};
}

CamoXpert::CamoXpert(nn::Scope s, const CamoXpertConfig& config)
    : Module(std::move(s)),
      backbone(nn::backbone(config.backbone, sub("backbone"),
                            {.drop_path = config.drop_path,
                             .height = padded_side(config.image_height),
                             .width = padded_side(config.image_width)})),
      mixtures(sub("moe")), decoder(sub("decoder"), backbone->dims, config.width), heads(sub("heads")) {
  std::vector<ExpertKind> kinds;
  for (int e = 0; e < config.experts; ++e) kinds.push_back(cod_experts()[size_t(e) % cod_experts().size()]);
  for (int64_t dim : backbone->dims) mixtures.add(dim, kinds, config.chosen, config.balance_rate);
  for (size_t i = 0; i + 1 < backbone->dims.size(); ++i) heads.add(config.width, 1);
}

CamoXpertOut CamoXpert::forward(const Var& x) {
  auto [B, H, W, C] = dims<4>(x.value(), "camoxpert: x (B, H, W, 3)");
  check(C == 3 && H > 0 && W > 0, "camoxpert: x (B, H, W, 3) has pixels of 3 channels, got ", x.shape());
  CamoXpertOut out;
  Var whole = padded(x);
  Vars maps = backbone->forward(whole);
  for (size_t i = 0; i < maps.size(); ++i) {
    MoeOut mixed = mixtures[int64_t(i)].forward(maps[i]);
    maps[i] = mixed.y;
    const Var& aux = mixed.aux_loss;
    if (aux.defined()) out.aux_loss = out.aux_loss.defined() ? out.aux_loss + aux : aux;
    out.stats.push_back(std::move(mixed.stats));
  }
  auto [decoded, search] = decoder.forward(maps);
  out.search = search;
  for (int i = 1; i < int(heads.size()); ++i) out.deep.push_back(to_logits(heads[i], decoded[i]));
  Var fine = to_logits(heads[0], decoded[0]);
  out.logits = cropped(resize_bilinear(fine, whole.dim(1), whole.dim(2)), H, W);
  return out;
}

}  // namespace camo::moe
