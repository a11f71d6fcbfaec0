// camo export --to onnx: the form of its files.  What they compute is compared with Camo in peers/export_onnx.py.
#include "examples/camo/export/onnx.h"

#include <doctest/doctest.h>

#include <cstring>
#include <set>

#include "autograd/ops.h"
#include "examples/camo/options/files.h"
#include "examples/camo/trained/weights_file.h"
#include "tensor/ops/layout.h"
#include "tests/export/onnx_reader.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using namespace camo::test;

namespace {

TrainedNetwork fresh_network(const std::string& model, const std::string& backbone, const std::string& router = "") {
  TrainConfig config;
  config.model = model, config.backbone = backbone, config.router = router, config.size = {64, 96};
  TrainedNetwork out{config, make_model(config), ""};
  out.model->train(false);
  return out;
}

/// What is wrong with a graph; `known` holds the names of the graphs around it.
struct GraphCheck {
  std::set<std::string> names, used;
  std::vector<std::string> problems;

  void run(const OnnxGraph& graph, std::set<std::string> known) {
    const auto define = [&](const std::string& name) {
      if (!names.insert(name).second) problems.push_back(name + " is defined twice");
      known.insert(name);
    };
    for (const OnnxPort& input : graph.inputs) define(input.name);
    for (const OnnxTensor& t : graph.initializers) {
      define(t.name);
      int64_t bytes = t.type == 1 ? 4 : 8;
      for (int64_t n : t.axes) bytes *= n;
      if (int64_t(t.data.size()) != bytes) problems.push_back(t.name + " has not the bytes of its shape");
    }
    for (const OnnxNode& node : graph.nodes) {
      for (const std::string& input : node.inputs) {
        used.insert(input);
        if (!input.empty() && !known.contains(input)) problems.push_back(node.name + " reads " + input + " too early");
      }
      for (const auto& branch : node.branches) run(*branch, known);
      for (const std::string& output : node.outputs) define(output);
    }
    for (const OnnxPort& output : graph.outputs)
      if (!known.contains(output.name)) problems.push_back(output.name + " is an output that nothing computes");
    for (const OnnxTensor& t : graph.initializers)
      if (!used.contains(t.name)) problems.push_back(t.name + " is not used");
  }
};

/// What is wrong with a whole graph first; "" if nothing is.
std::string problem_of(const OnnxGraph& graph) {
  GraphCheck check;
  check.run(graph, {});
  return check.problems.empty() ? "" : check.problems[0];
}

/// Nodes with this operator, in the graph and its branches.
int64_t nodes_of(const OnnxGraph& graph, const std::string& op) {
  int64_t count = 0;
  for (const OnnxNode& node : graph.nodes) {
    count += node.op == op;
    for (const auto& branch : node.branches) count += nodes_of(*branch, op);
  }
  return count;
}

}  // namespace

TEST_CASE("a message of the wire format has the bytes that its specification shows") {
  wire::Message m, inner;
  CHECK(wire::Message().integer(1, 150).encoded() == "\x08\x96\x01");
  CHECK(wire::Message().bytes(2, "testing").encoded() == "\x12\x07testing");
  CHECK(wire::Message().message(3, inner.integer(1, 150)).encoded() == "\x1a\x03\x08\x96\x01");
  CHECK(wire::Message().integer(1, -2).encoded() == "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  CHECK(wire::Message().integer(16, 0).encoded() == std::string("\x80\x01\0", 3));
  CHECK(wire::Message().real32(1, 1).encoded() == std::string("\x0d\0\0\x80\x3f", 5));
  CHECK(wire::Message().real64(1, 1).encoded() == std::string("\x09\0\0\0\0\0\0\xf0\x3f", 9));
}

TEST_CASE("the graph of every model and family of backbones is whole: names, order, initializers") {
  struct Made {
    std::string model, backbone, router = "";
  };
  const Made networks[] = {
      {"camoxpert", "edgenext_xx_small"},         {"camoxpert-cod", "pvt_v2_b0"},
      {"camoxpert-sparse", "pvt_v2_b2_li"},       {"camoxpert-sparse", "efficientnet_lite0", "routing=tile"},
      {"camoxpert-single", "efficientnet_lite0"}, {"camoxpert-single", "swin_tiny"},
      {"camoxpert-single", "convnext_tiny"}};
  for (const Made& made : networks) {
    const TrainedNetwork network = fresh_network(made.model, made.backbone, made.router);
    for (onnx::Mixture mixture : {onnx::Mixture::branches, onnx::Mixture::dense}) {
      CAPTURE(made.model);
      CAPTURE(made.backbone);
      const OnnxModel file = read_onnx(onnx_model(network, {.mixture = mixture}));
      CHECK(file.format == 8);
      CHECK(file.operators == 17);
      CHECK(file.about.at("backbone") == made.backbone);
      CHECK(problem_of(file.graph) == "");
      const bool fixed = made.backbone == "swin_tiny";
      const std::string height = fixed ? "64" : "height", width = fixed ? "96" : "width";
      REQUIRE(file.graph.inputs.size() == 1);
      CHECK(file.graph.inputs[0].name == "image");
      CHECK(file.graph.inputs[0].axes == std::vector<std::string>{"batch", "3", height, width});
      REQUIRE(file.graph.outputs.size() == 1);
      CHECK(file.graph.outputs[0].name == "map");
      CHECK(file.graph.outputs[0].axes == std::vector<std::string>{"batch", "1", height, width});
    }
  }
}

TEST_CASE("an expert's weights lie in its branch; the dense form has no branch") {
  const TrainedNetwork network = fresh_network("camoxpert-sparse", "efficientnet_lite0");
  const OnnxModel file = read_onnx(onnx_model(network, {}));
  const OnnxGraph& graph = file.graph;
  int64_t branches = 0;
  for (const OnnxTensor& t : graph.initializers) CHECK(t.name.find(".experts.") == t.name.npos);
  for (const OnnxNode& node : graph.nodes) {
    if (node.op != "If") continue;
    REQUIRE(node.branches.size() == 2);
    const std::string expert = text("scales.", branches / 6, ".mixture.experts.", branches % 6, ".");
    int64_t weights = 0;
    for (const OnnxTensor& t : node.branches[0]->initializers) {
      weights += t.type == 1;
      if (t.name.find(".experts.") != t.name.npos) CHECK(t.name.substr(0, expert.size()) == expert);
    }
    CHECK(weights > 10);
    CHECK(node.branches[1]->initializers.empty());
    CHECK(node.branches[1]->nodes.size() == 1);
    ++branches;
  }
  CHECK(branches == 4 * 6);
  const OnnxModel dense = read_onnx(onnx_model(network, {.mixture = onnx::Mixture::dense}));
  CHECK(nodes_of(dense.graph, "If") == 0);
  CHECK(nodes_of(dense.graph, "Conv") == nodes_of(graph, "Conv"));
}

TEST_CASE("the numbers of a layer are those of the network, in ONNX's layout") {
  const TrainedNetwork network = fresh_network("camoxpert-single", "efficientnet_lite0");
  const OnnxModel file = read_onnx(onnx_model(network, {}));
  const OnnxGraph& graph = file.graph;
  const nn::NamedTensors expected = nn::state_dict(*network.model);
  int64_t compared = 0;
  for (const OnnxTensor& t : graph.initializers)
    for (const auto& [name, numbers] : expected)
      if (name == t.name && int64_t(t.axes.size()) == numbers.rank() && numbers.rank() != 2) {
        CHECK(t.axes == std::vector<int64_t>(numbers.shape().begin(), numbers.shape().end()));
        CHECK(std::memcmp(t.data.data(), numbers.raw(), t.data.size()) == 0);
        ++compared;
      }
  CHECK(compared > 300);
}

TEST_CASE("flags of the ONNX file: size, normalisation, logits") {
  const TrainedNetwork network = fresh_network("camoxpert-single", "efficientnet_lite0");
  const OnnxModel plain = read_onnx(onnx_model(network, {}));
  const OnnxModel other =
      read_onnx(onnx_model(network, {.normalise = Normalise::outside, .logits = true, .size = {64, 64}}));
  CHECK(other.graph.inputs[0].axes == std::vector<std::string>{"batch", "3", "64", "64"});
  CHECK(plain.about.at("map") == "probability");
  CHECK(other.about.at("map") == "logits");
  CHECK(nodes_of(plain.graph, "Sigmoid") == nodes_of(other.graph, "Sigmoid") + 1);
  CHECK(nodes_of(plain.graph, "Pad") == 1);
  CHECK(nodes_of(other.graph, "Pad") == 0);  // 64 is a multiple of 32
  CHECK(plain.graph.nodes[0].op == "Sub");   // the mean of the photographs
  CHECK(other.graph.nodes[0].op == "Conv");
}

TEST_CASE("what has no form in ONNX is refused by name") {
  struct NewExpert : moe::Expert {
    explicit NewExpert(nn::Scope s) : Expert(std::move(s)) {}
    Var forward(const Var& x) override { return x; }
  };
  const NewExpert expert(nn::Scope{.path = "scales.0.mixture.experts.6"});
  onnx::GraphBuilder g;
  CHECK_THROWS_WITH_AS(emit(g, expert, onnx::Value{}), doctest::Contains("scales.0.mixture.experts.6"), ConfigError);
  const auto swin = nn::backbone("swin_tiny");
  CHECK_THROWS_WITH_AS(emit(g, *swin, onnx::Value{}, {}), doctest::Contains("--size"), ConfigError);
}

TEST_CASE("camo export --to onnx writes that file; its flags are for no other format") {
  TempFolder folder;
  const TrainedNetwork network = fresh_network("camoxpert-single", "efficientnet_lite0");
  const std::string weights = folder / "w.safetensors", out = folder / "net.onnx";
  write_weights(weights, *network.model, about_network(network.config));
  const ProcessResult run = run_camo("export --weights " + weights + " --to onnx --logits --out " + out);
  REQUIRE_MESSAGE(run.code == 0, run.error);
  CHECK(read_file<DataError>(out) == onnx_model(network, {.logits = true}));
  for (const ImageSize half : {ImageSize{0, 64}, ImageSize{64, 0}})
    CHECK_THROWS_WITH_AS(onnx_model(network, {.size = half}), doctest::Contains("both sides are 0 or neither"),
                         ConfigError);
  for (const char* flags : {"--logits", "--to onnx --part backbone", "--size 64"}) {
    const ProcessResult refused = run_camo("export --overwrite --weights " + weights + " --out " + out + " " + flags);
    CAPTURE(flags);
    CHECK(refused.code == 2);
    CHECK(contains(refused.error, "--to onnx"));
  }
}

TEST_CASE("camo features without --backbone writes the map of a whole network, unrounded") {
  TempFolder folder;
  const TrainedNetwork network = fresh_network("camoxpert-single", "efficientnet_lite0");
  const std::string weights = folder / "w.safetensors", in = folder / "x.safetensors", out = folder / "y.safetensors";
  write_weights(weights, *network.model, about_network(network.config));
  const Tensor x = randn({2, 3, 40, 64}, 5);
  write_safetensors(in, {{"x", x}});
  const ProcessResult run = run_camo("features --weights " + weights + " --input " + in + " --out " + out);
  REQUIRE_MESSAGE(run.code == 0, run.error);
  NoGrad no_grad;
  const Tensor logits = network.model->forward(Var(permute(x, {0, 2, 3, 1}))).logits.value();
  CHECK(equal_bits(*read_tensors(out).find("logits"), permute(logits, {0, 3, 1, 2})));
  CHECK(equal_bits(*read_tensors(out).find("map"), permute(sigmoid(logits), {0, 3, 1, 2})));
  const ProcessResult refused = run_camo("features --grad --weights " + weights + " --input " + in + " --out " + out);
  CHECK(refused.code == 2);
  CHECK(contains(refused.error, "--grad"));
}
