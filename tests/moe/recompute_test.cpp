// Recomputation in the whole network: the same weights, less memory, and every pass is seen once.
#include <doctest/doctest.h>

#include "autograd/debug.h"
#include "moe/listener.h"
#include "moe/loss.h"
#include "nn/optim.h"
#include "nn/state_dict.h"

using namespace camo;
using namespace camo::moe;

namespace {

/// Counts what the mixtures of a network tell.
struct Count : Listener {
  using Listener::Listener;
  int64_t routes = 0, plans = 0, passes = 0;
  void routed(const Moe&, Route&) override { ++routes; }
  void planned(const Moe&, Plan&) override { ++plans; }
  void passed(const Moe&, const Var&, const MoeOut&) override { ++passes; }
};

struct Trained {
  nn::NamedTensors state;
  int64_t kept = 0, passes = 0;
};

/// Two optimizer steps of two micro-steps each, with drop path, batch norm, noise in the router and auxiliary losses.
Trained trained(const std::string& model, Recompute recompute, DType dtype) {
  CamoXpert net(nn::Scope{.seed = 1},
                {.model = model,
                 .mixture = {.noise = 0.1, .z_loss = 0.01, .balancing = Balancing::auxiliary, .auxiliary = 0.1},
                 .drop_path = 0.3,
                 .width = 32,
                 .head_width = 16,
                 .recompute = recompute,
                 .image_height = 64,
                 .image_width = 64});
  nn::AdamW optimizer(net);
  Count count(net);
  Trained out;
  for (uint64_t step = 0; step < 4; ++step) {
    net.state().next_micro_step();
    const CamoXpertOut maps = net.forward(Var(randn({2, 64, 64, 3}, step + 1, dtype)));
    Var loss = camoxpert_loss(maps, full({2, 64, 64, 1}, 1));
    out.kept = debug::bytes_kept(loss);
    backward(loss);
    if (step % 2 == 0) continue;
    REQUIRE(optimizer.step(1e-3).accepted);
    nn::commit(net);
  }
  const int64_t scales = int64_t(count.layers().size());
  CHECK(count.routes == 4 * scales);
  CHECK(count.plans == 4 * scales);
  CHECK(count.passes == 4 * scales);
  out.state = nn::state_dict(net);
  return out;
}

}  // namespace

TEST_CASE("every model learns the same weights and statistics whatever is recomputed; listeners see each pass once") {
  for (const std::string& model : model_names())
    for (DType dtype : {DType::f32, DType::bf16}) {
      const Trained plain = trained(model, Recompute::none, dtype);
      int64_t kept[4] = {plain.kept};
      for (Recompute recompute : {Recompute::experts, Recompute::backbone, Recompute::all}) {
        CAPTURE(model);
        CAPTURE(dtype);
        CAPTURE(name_of(recompute));
        const Trained again = trained(model, recompute, dtype);
        int64_t differ = 0;
        for (size_t i = 0; i < plain.state.size(); ++i)
          differ += !equal_bits(plain.state[i].second, again.state.at(i).second);
        CHECK(differ == 0);
        kept[size_t(recompute)] = again.kept;
      }
      CHECK(kept[1] < plain.kept);
      CHECK(kept[2] < plain.kept);
      CHECK(kept[3] < std::min(kept[1], kept[2]));
      CHECK(kept[3] < 0.35 * double(plain.kept));
    }
}
