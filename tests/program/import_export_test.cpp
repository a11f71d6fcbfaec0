// Weights into and out of the program: camo features, import, export, backbones, and training from a weight file.
#include <doctest/doctest.h>

#include <filesystem>

#include "autograd/ops.h"
#include "examples/camo/run/trainer.h"
#include "examples/camo/trained/weights_file.h"
#include "tensor/io/file.h"
#include "tensor/ops/layout.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using namespace camo::test;
namespace fs = std::filesystem;

namespace {

/// Writes a backbone's random weights to a file and returns the network.
std::unique_ptr<nn::Backbone> weights_at(const std::string& path, const std::string& name,
                                         bool features_names = false) {
  auto net = nn::backbone(name, nn::Scope{.seed = 77});
  write_weights(path, *net, about_backbone(name, net->normalisation), features_names);
  return net;
}

bool same_tensors(const std::string& a, const std::string& b) {
  SafeTensors one = read_tensors(a), two = read_tensors(b);
  if (one.tensors.size() != two.tensors.size()) return false;
  for (const auto& [name, t] : one.tensors)
    if (!two.find(name) || !equal_bits(t, *two.find(name))) return false;
  return true;
}

}  // namespace

TEST_CASE("camo features writes the maps and dx of the network, whatever the names in the file") {
  TempFolder folder;
  auto net = weights_at(folder / "a.safetensors", "pvt_v2_b0");
  weights_at(folder / "b.safetensors", "pvt_v2_b0", /*features_names=*/true);
  Tensor x = randn({2, 3, 64, 96}, 5);
  write_safetensors(folder / "x.safetensors", {{"x", x}});
  for (const char* file : {"a", "b"}) {
    ProcessResult run =
        run_camo(text("features --backbone pvt_v2_b0 --grad --weights ", folder / file, ".safetensors --input ",
                      folder / "x.safetensors", " --out ", folder / "out.safetensors"));
    CAPTURE(run.error);
    REQUIRE(run.code == 0);
    CHECK(run.out.find("timm names: 176 of 176 tensors, 100 % of the numbers") != std::string::npos);
  }
  net->train(false);
  Var leaf = Var::leaf(permute(x, {0, 2, 3, 1}));
  Var loss;
  SafeTensors out = read_tensors(folder / "out.safetensors");
  REQUIRE(out.tensors.size() == 5);
  std::vector<Var> maps = net->forward(leaf);
  for (int i = 0; i < 4; ++i) {
    CHECK(equal_bits(*out.find(text("f", i)), permute(maps[size_t(i)].value(), {0, 3, 1, 2})));
    Var part = mean(square(maps[size_t(i)]));
    loss = i ? loss + part : part;
  }
  backward(loss);
  CHECK(equal_bits(*out.find("dx"), permute(leaf.grad(), {0, 3, 1, 2})));
}

TEST_CASE("camo features, import and export refuse what they cannot use") {
  TempFolder folder;
  weights_at(folder / "w.safetensors", "pvt_v2_b0");
  write_safetensors(folder / "flat.safetensors", {{"x", zeros({3, 4})}});
  write_safetensors(folder / "none.safetensors", {{"x", zeros({0, 3, 32, 32})}});
  write_safetensors(folder / "f64.safetensors", {{"x", zeros({1, 3, 32, 32}, DType::f64)}});
  const std::string weights = " --weights " + folder / "w.safetensors", out = " --out " + folder / "out.safetensors";
  struct Case {
    std::string arguments;
    int code;
    std::string says;
  };
  for (const Case& c : std::vector<Case>{
           {"features --backbone pvt_v2_b0" + weights + out + " --input " + folder / "flat.safetensors", 3,
            "must hold x (B, 3, H, W), f32, with B > 0, got (3, 4) f32"},
           {"features --backbone pvt_v2_b0" + weights + out + " --input " + folder / "none.safetensors", 3,
            "got (0, 3, 32, 32) f32"},
           {"features --backbone pvt_v2_b0" + weights + out + " --input " + folder / "f64.safetensors", 3,
            "got (1, 3, 32, 32) f64"},
           {"features --size 64" + weights + out + " --input y", 2, "--size are for a --backbone"},
           {"features" + weights + " --input y --out " + folder / "no/x.safetensors", 2, "there is no folder"},
           {"features --backbone pvt_v2_b0" + weights + out, 2, "needs --input"},
           {"features --backbone pvt_v2_b7" + weights + out + " --input y", 2, "did you mean"},
           {"import " + folder / "w.safetensors" + " --backbone pvt_v2_b1" + out, 4,
            "names and shapes must be the network's, got timm names: "},
           {"import " + folder / "absent.pth" + " --backbone pvt_v2_b1" + out, 4, "absent.pth"},
           {"import --backbone pvt_v2_b1" + out, 2, "needs one SRC"},
           {"export" + weights + out, 4, "holds a backbone, not a whole network"},
           {"export" + weights + " --out " + folder / "x.onnx", 2,
            "must end in .safetensors, got '" + folder / "x.onnx' [--to onnx]"},
           {"export --to onnx" + weights + out, 2, "out.safetensors' [--to safetensors]"},
           {"export" + weights + " --out " + folder / "x", 2, "[--to pytorch writes a folder]"},
           {"export" + weights + out + " --names features", 2, "--part backbone"},
           {"export --weights " + folder / "flat.safetensors" + out, 4, "flat.safetensors: is no checkpoint of camo"},
           {"import " + folder / "flat.safetensors" + " --backbone pvt_v2_b0 --part network" + out, 4,
            "flat.safetensors: load_state_dict: "},
           {"import " + folder / "w.safetensors" + " --backbone pvt_v2_b0 --part network --names features" + out, 2,
            "--part backbone"},
           {"train --data synthetic --count 2 --epochs 1 --size 32 --freeze backbone" + out, 2,
            "--freeze: needs --weights"},
           {"bench load --backbone pvt_v2_b0 --weights " + folder / "absent.pth", 4, "absent.pth"},
           {"backbones pvt_v2_b9", 2, "nearest: pvt_v2_b"}}) {
    CAPTURE(c.arguments);
    ProcessResult run = run_camo(c.arguments);
    CHECK(run.code == c.code);
    CHECK_MESSAGE(run.error.find(c.says) != std::string::npos, run.error);
    CHECK_FALSE(fs::exists(folder / "out.safetensors"));
  }
}

TEST_CASE("import writes one clean file; a network goes out and comes back bit for bit") {
  TempFolder folder;
  weights_at(folder / "timm.safetensors", "pvt_v2_b0");
  weights_at(folder / "features.safetensors", "pvt_v2_b0", true);
  auto at = [&](const char* name) { return folder / text(name, ".safetensors"); };
  CHECK(run_camo("import " + at("features") + " --backbone pvt_v2_b0 --out " + at("clean")).code == 0);
  CHECK(same_tensors(at("clean"), at("timm")));
  CHECK(run_camo("import " + at("clean") + " --backbone pvt_v2_b0 --names features --out " + at("flat")).code == 0);
  CHECK(same_tensors(at("flat"), at("features")));
  CHECK(run_camo("import " + at("clean") + " --backbone pvt_v2_b0 --out " + at("flat")).code == 2);  // the file exists

  TrainConfig config = tiny_config(folder / "run");
  config.epochs = 1;
  train(config);
  CHECK(run_camo("export --weights " + folder / "run" + " --out " + at("network")).code == 0);
  CHECK(run_camo("import " + at("network") + " --part network --backbone pvt_v2_b0 --size 32 --out " + at("again"))
            .code == 0);
  CHECK(same_tensors(at("network"), at("again")));
  CHECK(read_tensors(at("network")).metadata.at("model") == "camoxpert-sparse");
  CHECK(run_camo("export --weights " + at("network") + " --part backbone --out " + at("backbone")).code == 0);
  CHECK(run_camo("import " + folder / "run" + " --backbone pvt_v2_b0 --out " + at("of_run")).code == 0);
  CHECK(same_tensors(at("of_run"), at("backbone")));
  CHECK(read_tensors(at("backbone")).tensors.size() == 176);

  TrainedNetwork run = load_model(folder / "run"), exported = load_model(at("again"));
  NoGrad no_grad;
  Var x(randn({1, 32, 32, 3}, 3));
  CHECK(equal_bits(run.model->forward(x).logits.value(), exported.model->forward(x).logits.value()));
}

TEST_CASE("an exported network is imported as configured; flags override; other sources need flags") {
  TempFolder folder;
  const std::string source = folder / "network.safetensors", bare = folder / "bare.safetensors",
                    out = folder / "out.safetensors";
  struct Case {
    std::string model, router;
    moe::AttentionKind attention = moe::AttentionKind::flash;
  };
  for (const Case& c :
       {Case{"camoxpert-sparse", "routing=tile,tile=2,weights=all,temperature=0.5"},
        Case{"camoxpert-sparse", "balancing=auxiliary,warmup=15"}, Case{"camoxpert", "", moe::AttentionKind::linear}}) {
    CAPTURE(c.router);
    TrainConfig config = tiny_config(folder / "run");
    config.model = c.model, config.router = c.router, config.attention = c.attention, config.seed = 9;
    write_weights(source, *make_model(config), about_network(config));
    write_safetensors(bare, read_tensors(source).tensors);
    auto import = [&](const std::string& flags) {
      const ProcessResult run = run_camo("import --part network --overwrite --out " + out + " " + flags);
      REQUIRE_MESSAGE(run.code == 0, run.error);
      CHECK(same_tensors(source, out));
      return load_model(out).config;
    };
    const TrainConfig by_itself = import(source), larger = import(source + " --size 64");
    CHECK(to_text(by_itself) == to_text(config));
    CHECK(larger.size == ImageSize{64, 64});
    CHECK(larger.router == c.router);
    const std::string router = c.router.empty() ? "" : " --router " + c.router;
    const TrainConfig by_flags =
        import(bare + " --backbone pvt_v2_b0 --model " + c.model + router + " --attention " + name_of(c.attention));
    CHECK(by_flags.router == c.router);
    CHECK(by_flags.attention == c.attention);
  }
  const ProcessResult refused = run_camo("import --part network --overwrite --out " + out + " " + bare);
  CHECK(refused.code == 2);
  CHECK(refused.error.find("needs --backbone") != std::string::npos);
}

TEST_CASE("training starts from the weights of a file; a frozen backbone keeps them") {
  TempFolder folder;
  auto net = weights_at(folder / "w.safetensors", "pvt_v2_b0");
  TrainConfig config = tiny_config(folder / "run");
  config.weights = folder / "w.safetensors", config.epochs = 1;
  for (bool freeze : {false, true}) {
    config.freeze = freeze ? "backbone" : "", config.out = folder / (freeze ? "frozen" : "free");
    train(config);
    TrainedNetwork loaded = load_model(config.out);
    NamedTensors before = nn::state_dict(*net), after = nn::state_dict(*loaded.model->backbone);
    size_t kept = 0;
    for (size_t i = 0; i < before.size(); ++i) kept += equal_bits(before[i].second, after[i].second);
    CHECK(kept == (freeze ? before.size() : 0));
    CHECK(loaded.config.weights == config.weights);
  }
  fs::remove(folder / "w.safetensors");  // a run continues from its checkpoint, without the file
  CHECK(resume(folder / "frozen", [](TrainConfig& c) { c.epochs = 2; }).exit_code == 0);
  TrainedNetwork loaded = load_model(folder / "frozen");
  NamedTensors before = nn::state_dict(*net), after = nn::state_dict(*loaded.model->backbone);
  for (size_t i = 0; i < before.size(); ++i) CHECK(equal_bits(before[i].second, after[i].second));

  config.weights = folder / "absent.safetensors", config.out = folder / "none";
  CHECK_THROWS_AS(train(config), WeightsError);
  CHECK_FALSE(fs::exists(folder / "none"));  // nothing is left behind
}

TEST_CASE("a file with a long header is read when it is asked for") {
  TempFolder folder;
  const std::string header =
      "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}" + std::string(17 << 20, ' ') + "}";
  const uint64_t length = header.size();
  write_file(folder / "long", std::string(reinterpret_cast<const char*>(&length), 8) + header + "abcd");
  ProcessResult refused = run_camo("inspect " + folder / "long");
  CHECK(refused.code == 4);
  CHECK(refused.error.find("the limit is 16777216") != std::string::npos);
  CHECK(run_camo("inspect --max-header 18 " + folder / "long").code == 0);
}

TEST_CASE("camo backbones prints parameters and multiply-adds") {
  ProcessResult run = run_camo("backbones pvt_v2_b0");
  CHECK(run.code == 0);
  CHECK(run.out.find("3409760       0.57 ") != std::string::npos);  // as in timm's published results
  CHECK(run.out.find(" 32 64 160 256\n") != std::string::npos);
}
