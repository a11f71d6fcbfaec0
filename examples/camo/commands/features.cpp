// camo features: the maps that a backbone or a whole network computes from given numbers, for comparison with other
// frameworks.
#include <cstdio>

#include "autograd/ops.h"
#include "examples/camo/commands/commands.h"
#include "examples/camo/options/files.h"
#include "examples/camo/trained/checkpoint.h"
#include "examples/camo/trained/weights_file.h"
#include "tensor/ops/layout.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

Tensor to_bchw(const Tensor& x) { return permute(x, {0, 3, 1, 2}); }

/// The sum over the maps of their mean of squares: a loss that every parameter affects.
Var loss_of(const std::vector<Var>& maps) {
  Var loss;
  for (const Var& f : maps) loss = loss.defined() ? loss + mean(square(f)) : mean(square(f));
  return loss;
}

/// What a whole network computes from normalised photographs (B, 3, H, W), before any rounding: each (B, 1, H, W).
NamedTensors maps_of(const std::string& weights, const Tensor& x) {
  TrainedNetwork network = load_model(weights);
  std::printf("%s\n", network.described.c_str());
  NoGrad no_grad;
  const Var logits = network.model->forward(Var(permute(x, {0, 2, 3, 1}))).logits;
  return {{"logits", to_bchw(logits.value())}, {"map", to_bchw(sigmoid(logits).value())}};
}

}  // namespace

int features_command(const Arguments& words) {
  TrainConfig config;
  config.backbone.clear();
  std::string input, out;
  DType type = DType::f32;
  ImageSize built{224, 224};
  bool grad = false, partial = false;
  Command command{
      .name = "features",
      .summary =
          "Runs a backbone on a tensor and writes its four feature maps.  IN holds x (B, 3, H, W), f32, already "
          "normalised.  OUT gets f0 ... f3, each (B, C, h, w).  Without --backbone it runs a whole network, and OUT "
          "gets "
          "logits and map (probabilities), each (B, 1, H, W), f32.",
      .usage = "camo features [--backbone NAME] --weights FILE --input IN.safetensors --out OUT.safetensors [flags]",
      .options = options(config).only({"backbone", "weights", "threads"})};
  command.options.add(
      {{"partial", &partial, "load the tensors that fit and report the others"},
       {"input", &input, "safetensors file with x"},
       {"out", &out, "safetensors file to write"},
       {"grad", &grad, "also write dx, the gradient of the sum over the maps of mean(f^2)"},
       {"size", &built, "image size that Swin's windows are made for (timm's img_size)", 32, 4096},
       choice("dtype", &type, "type of all arithmetic", Named<DType>{{"f32", DType::f32}, {"f64", DType::f64}})});
  const CommandLine line = read(command, words);
  const std::string &name = config.backbone, &weights = config.weights;
  const std::pair<const char*, const std::string*> needed[] = {{"weights", &weights}, {"input", &input}, {"out", &out}};
  for (const auto& [flag, value] : needed) check<ConfigError>(!value->empty(), "camo features: needs --", flag);
  check<ConfigError>(!name.empty() || (!grad && !partial && type == DType::f32 && !line.has("size")),
                     "camo features: --grad, --partial, --dtype and --size are for a --backbone");
  check_writable(out, "camo features --out");
  set_threads(int(config.threads));

  SafeTensors file = read_tensors(input);
  const Tensor* x = file.find("x");
  check<DataError>(x && x->rank() == 4 && x->dim(1) == 3 && x->numel() > 0 && x->dtype() == DType::f32, input,
                   ": must hold x (B, 3, H, W), f32, with B > 0, got ",
                   x ? text(x->shape(), " ", x->dtype()) : "none of that name");
  if (name.empty()) {
    write_safetensors(out, maps_of(weights, *x), {{"weights", weights}});
    return 0;
  }
  auto net = nn::backbone(name, nn::Scope{.dtype = type, .initialise = partial},
                          {.height = built.height, .width = built.width});
  net->train(false);
  std::printf("%s: %s\n", weights.c_str(), load_weights_file(*net, weights, partial).text().c_str());

  const Tensor image = cast(permute(*x, {0, 2, 3, 1}), type);
  Var leaf = grad ? Var::leaf(image) : Var(image);
  net->freeze();
  std::vector<Var> maps = net->forward(leaf);
  NamedTensors result;
  for (size_t i = 0; i < maps.size(); ++i) result.emplace_back(text("f", i), to_bchw(maps[i].value()));
  if (grad) {
    backward(loss_of(maps));
    result.emplace_back("dx", to_bchw(leaf.grad()));
  }
  write_safetensors(out, result, {{"backbone", name}, {"weights", weights}});
  return 0;
}

}  // namespace camo::program
