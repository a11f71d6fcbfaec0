// Reads the configuration of a run.  If it is accepted, writing it and reading it again must give the same.
#include "examples/camo/options/config.h"
#include "nn/backbone.h"
#include "tensor/ops/matmul.h"
#include "tests/fuzz/fuzz.h"

// This build leaves out the networks and matrix products.
namespace camo {
std::vector<std::string> nn::backbone_names() { return {"pvt_v2_b0", "pvt_v2_b2"}; }
std::string nn::backbone_name(const std::string& name) { return name; }
std::vector<std::string> moe::model_names() { return {"camoxpert", "camoxpert-sparse"}; }
const std::vector<moe::LossTerm>& moe::loss_terms() {
  static const std::vector<LossTerm> terms = {{"structure", 1, "", nullptr}, {"search", 0.5, "", nullptr, false}};
  return terms;
}
Bf16Units bf16_units() { return Bf16Units::off; }
Bf16Units fastest_bf16_units() { return Bf16Units::off; }
bool use_bf16_units(Bf16Units) { return true; }
void use_tf32(bool) {}
void use_winograd(bool) {}
}  // namespace camo

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camo;
  program::TrainConfig config, again;
  try {
    program::parse_config(std::string(reinterpret_cast<const char*>(data), size), "fuzz", config);
  } catch (const ConfigError&) {
    return 0;
  }
  const std::string written = program::to_text(config);
  program::parse_config(written, "fuzz", again);
  fuzz::require(program::to_text(again) == written);
  try {
    program::validate(config);
  } catch (const ConfigError&) {}
  return 0;
}
