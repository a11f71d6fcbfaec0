#include "examples/camo/serve/service.h"

#include <nlohmann/json.hpp>

#include "examples/camo/draw/svg.h"
#include "examples/camo/options/stopwatch.h"
#include "examples/camo/predict/formats.h"

namespace camo::program {
namespace {

using Json = nlohmann::ordered_json;

Tensor uncertainty_of(const Tensor& map) {
  Tensor out = empty_like(map);
  const uint8_t* v = map.read<uint8_t>();
  std::transform(v, v + map.numel(), out.write<uint8_t>(),
                 [](int p) { return uint8_t((4 * p * (255 - p) + 127) / 255); });
  return out;
}

Json json_of(const RoutedScale& scale) {
  Json chosen = Json::array();
  for (const ChosenExpert& e : scale.chosen)
    chosen.push_back({{"expert", e.name}, {"weight", e.weight}, {"answer", png_base64(e.answer)}});
  return {{"network", scale.network}, {"scale", scale.title}, {"routing", scale.routing},
          {"least", scale.least},     {"most", scale.most},   {"chosen", std::move(chosen)}};
}

std::string dumped(const Json& x) { return x.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Holds a place among those who are predicted or wait.
class Place {
 public:
  Place(std::atomic<int64_t>& inside, int64_t most) : inside_(inside) {
    if (++inside_ > most) {
      --inside_;
      throw Busy{};
    }
  }
  ~Place() { --inside_; }
  Place(const Place&) = delete;

 private:
  std::atomic<int64_t>& inside_;
};

}  // namespace

Service::Service(Ensemble ensemble, JsonObject how, Orientation orientation, int64_t waiting)
    : ensemble_(std::move(ensemble)),
      how_(std::move(how)),
      orientation_(orientation),
      most_(waiting + 1),
      recorder_(ensemble_.networks) {}

Answer Service::predict(const std::vector<uint8_t>& bytes, const std::string& name, bool with_experts) {
  probe_image(bytes, name);  // what is no picture, or too large, need not wait
  const Place place(inside_, most_);
  const std::lock_guard lock(one_at_a_time_);
  Answer out{name, {}, 0, {}};
  run_([&] {
    const Stopwatch watch;
    const Tensor image = decode_image(bytes, name, orientation_);
    if (with_experts) recorder_.begin();
    out.map = ensemble_.predictor.map(name, image, {image.dim(0), image.dim(1)});
    out.seconds = watch.seconds();
    if (with_experts) out.experts = recorder_.end();
  });
  return out;
}

std::string Service::about(const JsonObject& limits) const {
  Json networks = Json::array();
  for (const TrainedNetwork& n : ensemble_.networks)
    networks.push_back({{"model", n.config.model},
                        {"backbone", n.config.backbone},
                        {"size", {n.config.size.height, n.config.size.width}},
                        {"experts", !moe::mixtures(*n.model).empty()}});
  return dumped({{"program", "camo " CAMO_VERSION},
                 {"networks", std::move(networks)},
                 {"maps", Json::parse(to_json(how_))},
                 {"limits", Json::parse(to_json(limits))}});
}

std::string to_json(const Answer& answer, double threshold) {
  Json experts = Json::array();
  for (const RoutedScale& scale : answer.experts) experts.push_back(json_of(scale));
  return dumped({{"name", answer.name},
                 {"width", answer.map.dim(1)},
                 {"height", answer.map.dim(0)},
                 {"seconds", answer.seconds},
                 {"threshold", threshold},
                 {"feature", Json::parse(to_feature(answer.name, find_object(answer.map, threshold)))},
                 {"map", png_base64(answer.map)},
                 {"uncertainty", png_base64(uncertainty_of(answer.map))},
                 {"experts", std::move(experts)}}) +
         "\n";
}

}  // namespace camo::program
