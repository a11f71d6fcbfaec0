// A program of your own that uses Camo as a library: finds the object in a photograph.
//
//   camo export --weights RUN --out network.safetensors
//   predict network.safetensors photo.jpg map.png
//
// It takes networks whose router, pool and number of chosen experts are the default; for others set `pool` and `mixture` of
// the configuration as the run did.
#include <cstdio>

#include "moe/camoxpert.h"
#include "nn/state_dict.h"
#include "tensor/image/image.h"
#include "tensor/ops/augment.h"

using namespace camo;

int main(int argc, char** argv) try {
  if (argc != 4) return std::fprintf(stderr, "usage: predict NETWORK.safetensors PHOTOGRAPH MAP.png\n"), 2;
  SafeTensors file = read_safetensors(argv[1]);
  const std::string size = file.metadata["size"];
  int height = 0, width = 0;
  if (std::sscanf(size.c_str(), "%dx%d", &height, &width) != 2) throw WeightsError("not a file of camo export");
  for (const char* setting : {"\"router\": \"\"", "\"pool\": \"\"", "\"chosen\": 2,", "\"attention-pool\": 32,"})
    if (file.metadata["config"].find(setting) == std::string::npos) throw ConfigError("not a default router or pool");
  Normalisation n;
  float *m = n.mean, *d = n.deviation;
  if (std::sscanf(file.metadata["normalisation"].c_str(), R"({"mean": [%f, %f, %f], "deviation": [%f, %f, %f]})", m,
                  m + 1, m + 2, d, d + 1, d + 2) != 6)
    throw WeightsError("no normalisation");

  moe::CamoXpert network(nn::Scope{.initialise = false}, {.model = file.metadata["model"],
                                                          .backbone = file.metadata["backbone"],
                                                          .image_height = height,
                                                          .image_width = width});
  nn::load_state_dict(network, std::move(file.tensors));
  network.train(false);

  NoGrad no_grad;
  const Tensor photograph = read_image(argv[2]);  // u8 (H, W, 3)
  const Tensor small = resize_image(photograph, height, width).reshape({1, height, width, 3});
  const Var logits = network.forward(Var(change_photographs(small, {PictureChange{}}, n))).logits;
  const Tensor map = resize_bilinear(sigmoid(logits).value(), photograph.dim(0), photograph.dim(1));
  write_png(argv[3], cast(map * 255.0 + 0.5, DType::u8).reshape({map.dim(1), map.dim(2), 1}));
  return 0;
} catch (const Error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
