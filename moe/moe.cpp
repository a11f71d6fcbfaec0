#include "moe/moe.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "autograd/profile.h"
#include "moe/listener.h"

namespace camo::moe {
namespace {

MoeStats statistics(const Route& route, const Plan& plan) {
  const int64_t B = route.expert.dim(0), K = route.expert.dim(1), E = route.logits.dim(1);
  MoeStats out{.load = plan.load(), .load_error = 0, .auxiliary = {}, .weight = {}, .entropy = {}};
  if (B == 0) return out;
  out.load_error = load_error(out.load);
  const Tensor &w = route.weight.value(), &z = route.logits.value(), p = softmax(z);
  Tensor chosen = one_hot(route.expert.reshape({B * K}), E, w.dtype());
  out.auxiliary = sum(mean(chosen, {0}) * mean(p, {0})) * double(E);
  out.weight = matmul(w.reshape({1, B * K}), chosen).reshape({E}) * (1.0 / double(B));
  out.entropy = mean(logsumexp(z) - sum(p * z, {-1}));
  return out;
}

}  // namespace

Var to_tiles(const Var& x, int64_t tile) {
  auto [B, H, W, C] = dims<4>(x.value(), "to_tiles: x (B, H, W, C)");
  const int64_t h = (H + tile - 1) / tile, w = (W + tile - 1) / tile, below = h * tile - H, right = w * tile - W;
  Var whole = below + right == 0 ? x : pad(x, {{0, 0}, {0, below}, {0, right}, {0, 0}});
  if (tile > 1) whole = permute(reshape(whole, {B, h, tile, w, tile, C}), {0, 1, 3, 2, 4, 5});
  return reshape(whole, {B * h * w, tile, tile, C});
}

Var from_tiles(const Var& rows, const Shape& map) {
  const int64_t tile = rows.dim(1), B = map[0], H = map[1], W = map[2], C = map[3];
  const int64_t h = (H + tile - 1) / tile, w = (W + tile - 1) / tile;
  if (tile == 1) return reshape(rows, {B, H, W, C});
  Var y = permute(reshape(rows, {B, h, w, tile, tile, C}), {0, 1, 3, 2, 4, 5});
  y = reshape(y, {B, h * tile, w * tile, C});
  if (h * tile > H) y = slice(y, 1, 0, H);
  return w * tile > W ? slice(y, 2, 0, W) : y;
}

Moe::Moe(nn::Scope s, int64_t dim, int64_t count, const MoeConfig& config)
    : Module(std::move(s)),
      routing(config.routing),
      tile(routing == Routing::pixel ? 1 : config.tile),
      router(sub("router"), dim, count, config) {
  check<ConfigError>(tile >= 1, "moe: a tile has at least one pixel, got ", tile);
}

Moe::Moe(nn::Scope s, int64_t dim, const std::vector<ExpertKind>& kinds, const MoeConfig& config)
    : Moe(std::move(s), dim, int64_t(kinds.size()), config) {
  experts = std::make_unique<ExpertList>(sub("experts"), dim, kinds);
}

Moe::Moe(nn::Scope s, int64_t dim, const MlpPool& mlps, const MoeConfig& config)
    : Moe(std::move(s), dim, mlps.experts, config) {
  experts = std::make_unique<MlpExperts>(sub("pool"), dim, mlps);
}

Moe::~Moe() {
  for (Listener* l : listeners) std::erase(l->layers_, this);
}

// A window larger than the map would only add zeros to its means.
int64_t Moe::side(const Shape& map) const { return std::min(tile, std::max({map[1], map[2], int64_t(1)})); }

Var Moe::rows(const Var& x) const {
  if (routing == Routing::image) return x;
  dims<4>(x.value(), "moe: x (B, H, W, C)");
  return to_tiles(x, side(x.shape()));
}

Route Moe::choose(const Var& rows) {
  Route route = router.forward(rows);
  for (Listener* l : listeners) l->routed(*this, route);
  return route;
}

MoeOut Moe::forward(const Var& x) {
  Var routed = rows(x);
  std::optional<debug::Section> part("router");
  Route route = choose(routed);                         // expert (B, K), weight (B, K)
  Plan plan = make_plan(route.expert, router.experts);  // pairs (image, expert) sorted by expert
  part.reset();
  for (Listener* l : listeners) l->planned(*this, plan);
  auto mix = [plan, this](const Vars& in) {
    Var packed = gather_rows(in[0], plan.source);  // (B * K, ..., C), sorted by expert
    // f[b] = sum_k weight[b, k] result[b, k]
    return combine_rows(experts->results(packed, plan.begin), plan.position, in[1]);
  };
  Var f = nn::recomputed({experts.get()}, mix, {routed, route.weight});
  if (routing != Routing::image) f = from_tiles(f, x.shape());
  MoeStats stats = statistics(route, plan);
  // NOLINTNEXTLINE(bugprone-use-after-move): braces are evaluated in their order
  MoeOut out{.y = x + f, .aux_loss = route.aux_loss, .stats = std::move(stats), .route = std::move(route)};
  for (Listener* l : listeners) l->passed(*this, x, out);
  return out;
}

std::vector<Moe*> mixtures(nn::Module& network) {
  std::vector<Moe*> found;
  if (auto* here = dynamic_cast<Moe*>(&network)) found.push_back(here);
  for (nn::Module* child : network.children())
    for (Moe* below : mixtures(*child)) found.push_back(below);
  return found;
}

double idle_parameters(nn::Module& network) {
  double idle = 0;
  for (const Moe* layer : mixtures(network)) {
    const double used = double(layer->router.chosen) / double(layer->experts->count());
    idle += double(layer->experts->parameter_count()) * (1 - used);
  }
  return idle;
}

}  // namespace camo::moe
