#include "moe/camoxpert.h"

#include "autograd/profile.h"
#include "moe/experts/single.h"

namespace camo::moe {
namespace {

Var cropped(const Var& x, int64_t height, int64_t width) {
  Var rows = x.dim(1) == height ? x : slice(x, 1, 0, height);
  return x.dim(2) == width ? rows : slice(rows, 2, 0, width);
}

const ModelKind& model_kind(const std::string& name) {
  for (const ModelKind& kind : model_kinds())
    if (kind.name == name) return kind;
  std::string all;
  for (const std::string& known : model_names()) all += (all.empty() ? "" : ", ") + known;
  throw ConfigError(text("camoxpert: no model is called '", name, "' [one of ", all, "]"));
}

bool all_heads(const CamoXpertConfig& c) { return model_kind(c.model).mixing != Mixing::generic; }

}  // namespace

const std::vector<ModelKind>& model_kinds() {
  static const std::vector<ModelKind> kinds = {
      {"camoxpert", Mixing::generic, GateKind::content_aware},
      {"camoxpert-cod", Mixing::series, GateKind::simple},
      {"camoxpert-sparse", Mixing::sparse, GateKind::simple},
      {"camoxpert-single", Mixing::single, GateKind::simple},
  };
  return kinds;
}

std::vector<std::string> model_names() {
  std::vector<std::string> out;
  for (const ModelKind& kind : model_kinds()) out.push_back(kind.name);
  return out;
}

int64_t family_size(const std::string& model) {
  const Mixing mixing = model_kind(model).mixing;
  if (mixing == Mixing::single) return 0;
  return int64_t(mixing == Mixing::generic ? generic_experts().size() : cod_experts().size());
}

namespace {
/// The experts of a model's family that a configuration asks for.
std::vector<ExpertKind> chosen_from(const std::vector<ExpertKind>& family, const CamoXpertConfig& c) {
  return c.pool.empty() ? pick(family, c.experts) : pick(family, c.pool);
}

/// The experts that are applied one after another.
std::vector<ExpertKind> series_of(const CamoXpertConfig& c) {
  const Mixing mixing = model_kind(c.model).mixing;
  if (mixing == Mixing::series) return chosen_from(cod_experts(), c);
  if (mixing != Mixing::single) return {};
  return {{"single", [worth = c.mixture.chosen](nn::Scope s, int64_t dim) {
             return std::make_unique<SingleExpert>(std::move(s), dim, worth);
           }}};
}
}  // namespace

Scale::Scale(nn::Scope s, int64_t dim, const CamoXpertConfig& c)
    : Module(std::move(s)), series(sub("series"), dim, series_of(c)) {
  const ModelKind& kind = model_kind(c.model);
  check<ConfigError>(c.mixture.routing != Routing::pixel,
                     "camoxpert: convolutional experts cannot be routed by pixel [image or tile]");
  MoeConfig mixture_config = c.mixture;
  mixture_config.gate = kind.gate;
  if (kind.mixing == Mixing::generic) {
    attend.emplace(sub("attend"), dim);
    mixture.emplace(sub("mixture"), dim, chosen_from(generic_experts(c.attention, c.pool_above), c), mixture_config);
  }
  if (kind.mixing == Mixing::sparse)
    mixture.emplace(sub("mixture"), dim, chosen_from(cod_experts(), c), mixture_config);
}

MoeOut Scale::forward(const Var& x) {
  Var y = attend ? run_block(*attend, x) : x;
  for (int64_t e = 0; e < series.count(); ++e) y = y + series.one(e, y);
  return mixture ? mixture->forward(y) : MoeOut{.y = y, .aux_loss = {}, .stats = {}, .route = {}};
}

Decoder::Decoder(nn::Scope s, const std::vector<int64_t>& dims, int64_t width, bool with_search)
    : Module(std::move(s)), lateral(sub("lateral")), refine(sub("refine")) {
  for (int64_t dim : dims) {
    lateral.add(dim, width);
    refine.add(width, width, 3, ConvBlockOptions{.bias = false});
  }
  if (with_search) search.emplace(sub("search"), width);
}

std::pair<Vars, Var> Decoder::forward(const Vars& maps) {
  Vars out(maps.size());
  Var found;
  const int deepest = int(maps.size()) - 1;
  Var y = refine[deepest].forward(lateral[deepest].forward(maps[deepest]));
  if (search) std::tie(y, found) = search->forward(y);
  out[deepest] = y;
  for (int i = deepest - 1; i >= 0; --i) {
    Var side = lateral[i].forward(maps[i]);
    y = refine[i].forward(side + resize_bilinear(y, side.dim(1), side.dim(2)));
    out[i] = y;
  }
  return {out, found};
}

FineHeads::FineHeads(nn::Scope s, int64_t width, const CamoXpertConfig& c)
    : Module(std::move(s)),
      narrow(sub("narrow"), width, c.head_width),
      reverse(sub("reverse"), c.head_width),
      uncertainty(sub("uncertainty"), c.head_width),
      refinement(sub("refinement"), c.head_width, c.refinements) {
  check<ConfigError>(c.refinements >= 1, "camoxpert: refines at least once, got ", c.refinements);
}

Var FineHeads::forward(const Var& x, CamoXpertOut* out) {
  auto [seen, object] = reverse.forward(narrow.forward(x));
  auto [guess, u] = uncertainty.forward(seen);
  out->reverse = object, out->uncertainty = u, out->steps = {guess};
  for (Var& better : refinement.forward(seen, guess, u)) out->steps.push_back(better);
  Var last = out->steps.back();
  out->steps.pop_back();
  return last;
}

CamoXpert::CamoXpert(nn::Scope s, const CamoXpertConfig& config)
    : Module(std::move(s)),
      backbone(nn::backbone(config.backbone, sub("backbone"),
                            {.drop_path = config.drop_path,
                             .height = padded_side(config.image_height),
                             .width = padded_side(config.image_width)})),
      scales(sub("scales")),
      decoder(sub("decoder"), backbone->dims, config.width, all_heads(config)),
      sides(sub("sides")) {
  for (int64_t dim : backbone->dims) scales.add(dim, config);
  for (size_t i = 1; i + 1 < backbone->dims.size(); ++i) sides.add(config.width, 1);
  if (all_heads(config)) heads.emplace(sub("heads"), config.width, config);
  else plain.emplace(sub("plain"), config.width, 1);
  if (config.recompute == Recompute::all) Module::recompute();
  if (config.recompute == Recompute::backbone) backbone->recompute();
  if (config.recompute == Recompute::experts) scales.recompute();
}

CamoXpertOut CamoXpert::forward(const Var& x) {
  auto [B, H, W, C] = dims<4>(x.value(), "camoxpert: x (B, H, W, 3)");
  check(C == 3 && H > 0 && W > 0, "camoxpert: x (B, H, W, 3) has pixels of 3 channels, got ", x.shape());
  CamoXpertOut out;
  Var whole = padded(x);
  Vars maps;
  {
    debug::Section part("backbone");
    maps = backbone->forward(whole);
  }
  for (size_t i = 0; i < maps.size(); ++i) {
    debug::Section part("experts");
    MoeOut mixed = scales[int64_t(i)].forward(maps[i]);
    maps[i] = mixed.y;
    const Var& aux = mixed.aux_loss;
    if (aux.defined()) out.aux_loss = out.aux_loss.defined() ? out.aux_loss + aux : aux;
    if (scales[int64_t(i)].mixture) out.stats.push_back(std::move(mixed.stats));
  }
  debug::Section part("decoder");
  auto [decoded, search] = decoder.forward(maps);
  out.search = search;
  Var fine = heads ? heads->forward(decoded[0], &out) : to_logits(*plain, decoded[0]);
  for (int i = 0; i < int(sides.size()); ++i) out.deep.push_back(to_logits(sides[i], decoded[size_t(i) + 1]));
  out.logits = cropped(resize_bilinear(fine, whole.dim(1), whole.dim(2)), H, W);
  return out;
}

}  // namespace camo::moe
