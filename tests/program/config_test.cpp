// Keys of the configuration: choices by word, and keys with several settings (the loss and the routers).
#include "examples/camo/options/config.h"

#include <doctest/doctest.h>

#include "tensor/error.h"

using namespace camo;
using namespace camo::program;

TEST_CASE("the loss has the terms that its key lists, and no others") {
  const moe::LossWeights weights = loss_weights("bce=1,dice=0.25");
  for (const moe::LossTerm& term : moe::loss_terms()) {
    CAPTURE(term.name);
    const std::string name = term.name;
    CHECK(weights[name] == (name == "bce" ? 1 : name == "dice" ? 0.25 : 0));
  }
  CHECK(to_text(weights) == "bce=1,dice=0.25");
  const moe::LossWeights usual = loss_weights(TrainConfig{}.loss);
  for (const moe::LossTerm& term : moe::loss_terms()) CHECK(usual[term.name] == term.weight);
}

TEST_CASE("the routers have the settings that their key lists, and defaults otherwise") {
  TrainConfig c;
  c.chosen = 3, c.balance_rate = 0.02, c.router = "routing=tile,tile=4,balancing=proportional,leak=0.1,lr=0.1,clip=0.5";
  const RouterSettings settings = router_settings(c);
  CHECK(settings.mixture.chosen == 3);
  CHECK(settings.mixture.rate == 0.02);
  CHECK(settings.mixture.routing == moe::Routing::tile);
  CHECK(settings.mixture.tile == 4);
  CHECK(settings.mixture.balancing == moe::Balancing::proportional);
  CHECK(settings.mixture.leak == 0.1);
  CHECK(settings.mixture.temperature == 1);
  CHECK(settings.group.rate_scale == 0.1);
  CHECK(settings.group.clip == 0.5);
}

TEST_CASE("an unknown key or a value out of range: the message names it and what is near") {
  TrainConfig c;
  for (auto [router, said] : {std::pair{"tiles=4", "did you mean tile"},
                              {"tile=0", "router: tile"},
                              {"lr", "expects KEY=VALUE"},
                              {"lr=1,lr=2", "given twice"},
                              {"tile=4", "routing=tile"},
                              {"balancing=even", "router: balancing"},
                              {"clip=x", "router: clip"}}) {
    CAPTURE(router);
    c.router = router;
    CHECK_THROWS_WITH_AS(router_settings(c), doctest::Contains(said), ConfigError);
  }
  CHECK_THROWS_WITH_AS(loss_weights("structur=1"), doctest::Contains("did you mean structure"), ConfigError);
  CHECK_THROWS_WITH_AS(loss_weights("bce=-1"), doctest::Contains("loss: bce"), ConfigError);
}

TEST_CASE("a loss that the logits do not enter is refused") {
  TrainConfig c;
  c.data = "synthetic", c.out = "unused";
  for (const char* loss : {"deep=1,search=0.5", "structure=0"}) {
    c.loss = loss;
    CHECK_THROWS_WITH_AS(validate(c), doctest::Contains("the logits need a term"), ConfigError);
  }
  c.loss = "dice=0.1,deep=1";
  CHECK_NOTHROW(validate(c));
}

TEST_CASE("a backbone may have timm's full name, and is written with Camo's") {
  TrainConfig c;
  parse_config(R"({"backbone": "swin_tiny_patch4_window7_224.ms_in1k"})", "test", c);
  CHECK(c.backbone == "swin_tiny");
  set(options(c).only({"backbone"})[0], "timm/pvt_v2_b2.in1k", "--backbone");
  CHECK(c.backbone == "pvt_v2_b2");
}

TEST_CASE("choices are written as words, and read back from them") {
  const std::string words =
      R"({"augment": "off", "attention": "linear", "device": "cuda", "precision": "bf16", "bf16-units": "auto", "tf32": "on"})";
  TrainConfig c;
  parse_config(words, "test", c);
  CHECK(c.augment == "off");
  CHECK(c.attention == moe::AttentionKind::linear);
  CHECK(c.device == Device{Device::cuda, 0});
  CHECK(c.precision == Precision::bf16);
  CHECK(c.bf16_units == UnitsChoice::automatic);
  CHECK(c.tf32);
  const JsonObject written = parse_json(to_text(c), "test");
  for (const auto& [key, word] : parse_json(words, "test").items)
    CHECK(written.string(key) == std::get<std::string>(word));
}

TEST_CASE("for an unknown word the message lists the choices") {
  TrainConfig c;
  for (auto [words, said] : {std::pair{R"({"attention": "falsh"})", "did you mean flash"},
                             {R"({"device": "metal"})", "one of: cpu, cuda"},
                             {R"({"tf32": "yes"})", "tf32: no such choice, got 'yes' [one of: off, on]"},
                             {R"({"tf32": true})", "wrong kind, expects one like off"}}) {
    CAPTURE(words);
    CHECK_THROWS_WITH_AS(parse_config(words, "test", c), doctest::Contains(said), ConfigError);
  }
  c.router = "routing=pixel";
  CHECK_THROWS_WITH_AS(router_settings(c), doctest::Contains("one of: image, tile"), ConfigError);
}

TEST_CASE("a command takes a selection of the table's options, in its own order") {
  TrainConfig c;
  const Options some = options(c).only({"threads", "lr"});
  CHECK(some.names() == std::vector<std::string>{"threads", "lr"});
  set(some[1], "0.5", "test");
  CHECK(c.lr == 0.5);
  CHECK_THROWS_AS(options(c).only({"thread"}), std::logic_error);
}
