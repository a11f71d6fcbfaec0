// camo export --to pytorch: the text that is written for a network, and the folder.  What the text computes, PyTorch
// tells: tests/peers/export_pytorch.py.
#include "examples/camo/export/pytorch.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <sstream>

#include "examples/camo/export/python.h"
#include "examples/camo/options/files.h"
#include "examples/camo/trained/weights_file.h"
#include "nn/state_dict.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using namespace camo::test;
namespace fs = std::filesystem;

namespace {

/// A network without values in its parameters: enough to be written as text.
TrainedNetwork network_of(const TrainConfig& c) {
  auto model = std::make_unique<moe::CamoXpert>(nn::Scope{.initialise = false},
                                                moe::CamoXpertConfig{.model = c.model,
                                                                     .backbone = c.backbone,
                                                                     .pool = pool_of(c),
                                                                     .mixture = router_settings(c).mixture,
                                                                     .attention = c.attention,
                                                                     .pool_above = c.attention_pool,
                                                                     .drop_path = c.drop_path,
                                                                     .image_height = c.size.height,
                                                                     .image_width = c.size.width});
  return {c, std::move(model), "", {}};
}

/// The unindented statements of a text that define something, by name; "" holds all others.
std::map<std::string, std::vector<std::string>> definitions(const std::string& text) {
  static const std::regex begins(R"(^(?:class |def )?(\w+)(?: = .*|[:(].*))");
  std::map<std::string, std::vector<std::string>> out;
  std::istringstream stream(text);
  std::vector<std::string>* last = &out[""];
  last->emplace_back();
  for (std::string line; std::getline(stream, line);) {
    std::smatch match;
    if (std::regex_match(line, match, begins)) last = &out[match[1]], last->emplace_back();
    else if (line.rfind("if __name__", 0) == 0) last = &out[""];
    last->back() += line + "\n";
  }
  return out;
}

/// The words of a text that are no attributes (.word), outside of docstrings.
std::set<std::string> words_of(std::string code) {
  const std::string quotes = "\"\"\"";
  for (size_t begin; (begin = code.find(quotes)) != code.npos;)
    code.erase(begin, code.find(quotes, begin + 3) + 3 - begin);
  static const std::regex word(R"((^|[^.\w])(\w+))");
  std::set<std::string> out;
  for (std::sregex_iterator at(code.begin(), code.end(), word), end; at != end; ++at) out.insert((*at)[2]);
  return out;
}

/// Every definition is there once, and something else uses it; lines are short and have no marks.
void check_text(const std::string& text) {
  const auto all = definitions(text);
  CHECK(all.size() > 20);
  std::map<std::string, int> users;  // by name: the definitions that have the word, the name's own included
  for (const auto& [name, texts] : all)
    for (const std::string& part : texts)
      for (const std::string& word : words_of(part)) ++users[word];
  for (const auto& [name, texts] : all) {
    if (name.empty()) continue;
    CAPTURE(name);
    CHECK(texts.size() == 1);
    CHECK(users[name] > 1);
  }
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    CHECK_MESSAGE(line.size() <= 79, line);
    CHECK_MESSAGE((line.empty() || line.back() != ' '), line);
    CHECK_MESSAGE(line.find("# if ") == line.npos, line);
  }
  CHECK_FALSE(contains(text, "from ."));
  CHECK_FALSE(contains(text, "\n\n\n\n"));
}

/// Configurations that differ in what model.py holds.
std::map<std::string, TrainConfig> configurations() {
  std::map<std::string, TrainConfig> out;
  for (const std::string& model : moe::model_names()) out[model].model = model;
  for (const std::string& backbone : nn::backbone_names())
    out[backbone].model = "camoxpert-single", out[backbone].backbone = backbone;
  for (const char* router :
       {"routing=tile,tile=4,weights=all,temperature=0.5,clamp=3", "balancing=proportional,leak=0.1,limit=1",
        "balancing=auxiliary,warmup=3,entropy=0.01", "average=0.5,noise=0.1,z-loss=0.001", "balancing=none"})
    out[router].router = router;
  out["pool"].pool = "texture,texture,edge";
  out["generic pool"].model = "camoxpert", out["generic pool"].pool = "context,attention";
  out["linear"].model = "camoxpert", out["linear"].attention = moe::AttentionKind::linear;
  out["linear"].attention_pool = 0;
  return out;
}

}  // namespace

TEST_CASE("model.py defines what its network uses and nothing else") {
  TempFolder folder;
  std::string files;
  for (const auto& [name, config] : configurations()) {
    CAPTURE(name);
    const std::string model = pytorch_model(network_of(config));
    check_text(model);
    const std::string file = folder / text("model", files.size(), ".py");
    write_file(file, model);
    files += " " + file;
  }
  if (std::system("python3 --version >/dev/null 2>&1") != 0) {
    MESSAGE("skipped: there is no python3 to read the files");
    return;
  }
  const std::string found = folder / "found";
  CHECK(std::system(("python3 -m py_compile" + files).c_str()) == 0);
  CHECK(std::system(("python3 " CAMO_SOURCE_DIR "/tests/export/names.py" + files + " >" + found).c_str()) == 0);
  CHECK(read_file<DataError>(found) == "");
}

TEST_CASE("model.py has the numbers of its network") {
  TrainConfig config;
  config.model = "camoxpert", config.size = {96, 160}, config.chosen = 3, config.pool = "edge,edge,context";
  config.router = "temperature=0.25,leak=0.125", config.normalisation = "0.5,0.25,0.125/1,2,0.3";
  config.backbone = "swin_tiny", config.drop_path = 0.3;
  const std::string model = pytorch_model(network_of(config));
  for (const char* part :
       {"SIZE = (96, 160)  #", "MEAN = (0.5, 0.25, 0.125)  #", "DEVIATION = (1.0, 2.0, 0.3)\n", "CHOSEN = 3  #",
        "TEMPERATURE = 0.25  #", "LEAK = 0.125  #", "RATE = 0.01  #", "size=(96, 160),", "drop_path=0.3,",
        "dims=(96, 192, 384, 768),", "depths=(2, 2, 6, 2),", "heads=(3, 6, 12, 24),",
        "GenericEdge,\n        GenericEdge,\n        GenericContext,\n    )", "self.attend = SdtaBlock(dim)"})
    CHECK_MESSAGE(contains(model, part), part);
  for (const char* part :
       {"CLAMP", "TILE", "FineHeads", "GenericTexture", "aux_loss", "DEVIATION = (1.0, 2.0, 0.3)  #"})
    CHECK_FALSE_MESSAGE(contains(model, part), part);
}

TEST_CASE("a mark decides about its line, or about the block that the line begins") {
  const std::string piece = R"(A = 1  # a number
B = 2
def f():
    x = A  # if a and not b
    x = B  # if not a
    if x:  # if b
        x = 3

        y = "f and B"  # B

    return g.B(x)
if __name__ == "__main__":
    f()
)";
  const auto written = [&](const std::set<std::string>& words) {
    return python_text({piece}, {.docstring = "", .words = words, .constants = {{"A", "7"}}, .functions = {}});
  };
  CHECK(written({"a"}) ==
        "\"\"\"\"\"\"\n\n\n\nA = 7  # a number\n\n\ndef f():\n    x = A\n    return g.B(x)\n\n\n"
        "if __name__ == \"__main__\":\n    f()\n");
  CHECK(contains(written({}), "B = 2\n\n\ndef f():\n    x = B\n    return g.B(x)\n"));
  CHECK_FALSE(contains(written({}), "A = 7"));
  CHECK(contains(written({"a", "b"}),
                 "def f():\n    if x:\n        x = 3\n\n        y = \"f and B\"  # B\n\n    return"));
  CHECK_THROWS_WITH_AS(
      python_text({piece}, {.docstring = "", .words = {}, .constants = {}, .functions = {{"f", "Absent()"}}}),
      doctest::Contains("there is no Absent in Python yet"), ConfigError);
}

TEST_CASE("camo export --to pytorch writes a folder with the weights of the network") {
  TempFolder folder;
  TrainConfig config = tiny_config("");
  config.router = "balancing=auxiliary,warmup=3,average=0.5";
  auto network = make_model(config);
  const std::string source = folder / "network.safetensors", out = folder / "out";
  write_weights(source, *network, about_network(config));
  const std::string command = "export --weights " + source + " --to pytorch --out " + out;
  CHECK(run_camo(command).code == 0);
  CHECK(read_file<DataError>(out + "/model.py") == pytorch_model(load_model(source)));
  CHECK(contains(read_file<DataError>(out + "/README.md"), "network = load()"));
  const SafeTensors weights = read_safetensors(out + "/model.safetensors");
  const NamedTensors own = nn::state_dict(*network);
  CHECK(weights.tensors.size() == own.size());
  for (const auto& [name, x] : own) {
    REQUIRE_MESSAGE(weights.find(name), name);
    CHECK(equal_bits(*weights.find(name), x));
  }

  const ProcessResult again = run_camo(command);
  CHECK(again.code == 2);
  CHECK_MESSAGE(contains(again.error, out + " exists [--overwrite]"), again.error);
  CHECK(run_camo(command + " --overwrite").code == 0);
  write_file(out + "/mine.txt", "x");
  const ProcessResult other = run_camo(command + " --overwrite");
  CHECK(other.code == 2);
  CHECK_MESSAGE(contains(other.error, "holds mine.txt, which is not of an earlier export"), other.error);
}

TEST_CASE("camo export --to pytorch refuses what it cannot write, and leaves no folder") {
  TempFolder folder;
  const std::string file = folder / "file", backbone = folder / "backbone.safetensors", out = folder / "out";
  write_file(file, "x");
  auto pvt = nn::backbone("pvt_v2_b0", nn::Scope{.seed = 7});
  write_weights(backbone, *pvt, about_backbone("pvt_v2_b0", pvt->normalisation));
  struct Case {
    std::string arguments;
    int code;
    std::string says;
  };
  for (const Case& c : std::vector<Case>{
           {"--weights " + backbone + " --out " + out, 4, "holds a backbone, not a whole network"},
           {"--weights " + folder / "absent" + " --out " + out, 4, "absent"},
           {"--weights " + backbone + " --out " + out + " --part backbone", 2, "a folder holds the whole network"},
           {"--weights " + backbone, 2, "needs --out"},
           {"--weights " + backbone + " --overwrite --out " + file, 2, "is a file, expects a folder"}}) {
    CAPTURE(c.arguments);
    const ProcessResult run = run_camo("export --to pytorch " + c.arguments);
    CHECK(run.code == c.code);
    CHECK_MESSAGE(contains(run.error, c.says), run.error);
    CHECK_FALSE(fs::exists(out));
  }
}
