#include "examples/camo/predict/refinement.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/image/image.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/resample.h"

namespace camo::program {
namespace {

constexpr double kLargest = 1e6;

Options settings_of(Refinement& r) {
  Options out{{"side", &r.side, "pixels of the longer side at which the map is refined", 16, 65535}};
  if (r.by == RefineBy::crf)
    out.add({{"iterations", &r.crf.iterations, "steps of mean field", 0, 1000},
             {"bilateral", &r.crf.bilateral, "weight of the kernel of position and colour", 0, kLargest},
             {"alpha", &r.crf.alpha, "its pixels", 1e-3, kLargest},
             {"beta", &r.crf.beta, "its grey levels", 1e-3, kLargest},
             {"spatial", &r.crf.spatial, "weight of the kernel of position", 0, kLargest},
             {"gamma", &r.crf.gamma, "its pixels", 1e-3, kLargest}});
  if (r.by == RefineBy::guided)
    out.add({{"radius", &r.guided.radius, "pixels", 1, 65535},
             {"epsilon", &r.guided.epsilon, "variance of colours in [0, 1] that counts as an edge", 1e-12, kLargest}});
  return out;
}

}  // namespace

Refinement parse_refinement(const std::string& words) {
  Refinement out;
  const size_t comma = words.find(',');
  set(choice("refine", &out.by, ""), words.substr(0, comma), "--refine");
  check<ConfigError>(out.by != RefineBy::off || comma == words.npos, "--refine: off takes no settings, got '", words,
                     "'");
  if (comma != words.npos) set_all(settings_of(out), words.substr(comma + 1), "--refine");
  return out;
}

std::string to_text(const Refinement& refinement) {
  Refinement r = refinement;
  std::string out = name_of(r.by);
  if (r.by == RefineBy::off) return out;
  for (const Option& o : settings_of(r)) out += "," + o.name + "=" + shown(o);
  return out;
}

ImageSize size_of(const Refinement& refinement, ImageSize size) {
  const double scale = std::min(1.0, double(refinement.side) / double(std::max(size.height, size.width)));
  const auto side = [&](int64_t n) { return std::max<int64_t>(1, std::llround(double(n) * scale)); };
  return {side(size.height), side(size.width)};
}

ToRefine to_refine(const Refinement& refinement, const Tensor& photograph, const Tensor& p, ImageSize size) {
  const ImageSize at = size_of(refinement, size);
  // Bilinear weights may sum to a little more than 1.
  return {resize_image(photograph, at.height, at.width),
          clamp(resize_bilinear(p, at.height, at.width), 0, 1).reshape({at.height, at.width, 1})};
}

Tensor refined(const Refinement& refinement, const Tensor& photograph, const Tensor& p, ImageSize size) {
  const auto [guide, map] = to_refine(refinement, photograph, p, size);
  const Tensor out = refinement.by == RefineBy::crf ? refine_by_crf(guide, map, refinement.crf)
                                                    : guided_filter(guide, map, refinement.guided);
  return out.reshape(map.shape().inserted(0, 1));
}

}  // namespace camo::program
