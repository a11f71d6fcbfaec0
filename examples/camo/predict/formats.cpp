#include "examples/camo/predict/formats.h"

#include <nlohmann/json.hpp>

#include "examples/camo/predict/rle.h"

namespace camo::program {
namespace {

using Json = nlohmann::ordered_json;

std::string one_line(const Json& x) { return x.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json list_of(const Box& b) { return {b.x, b.y, b.width, b.height}; }

/// A ring's last position is its first (RFC 7946, 3.1.6).
Json positions(const Ring& ring) {
  Json out = Json::array();
  for (const Corner& c : ring) out.push_back({c.x, c.y});
  out.push_back(out.front());
  return out;
}

}  // namespace

std::string to_feature(const std::string& photograph, const FoundObject& object) {
  Json polygons = Json::array();
  for (const Polygon& part : object.parts) {
    Json rings = Json::array();
    for (const Ring& ring : part) rings.push_back(positions(ring));
    polygons.push_back(std::move(rings));
  }
  const int64_t pixels = object.mask.numel();
  const Json properties = {
      {"photograph", photograph},
      {"width", object.mask.dim(1)},
      {"height", object.mask.dim(0)},
      {"threshold", object.threshold},
      {"area", object.area},
      {"share", pixels > 0 ? double(object.area) / double(pixels) : 0.0},
      {"parts", object.parts.size()},
      {"box", object.area > 0 ? list_of(object.box) : Json()},
      {"mean_probability", object.area > 0 ? Json(object.mean_probability) : Json()},
      {"uncertainty", object.uncertainty},
  };
  return one_line({{"type", "Feature"},
                   {"properties", properties},
                   {"geometry", {{"type", "MultiPolygon"}, {"coordinates", std::move(polygons)}}}});
}

CocoEntry coco_entry(const std::string& photograph, const FoundObject& object) {
  return {photograph,
          object.mask.dim(1),
          object.mask.dim(0),
          object.area,
          object.box,
          object.mean_probability,
          to_counts(run_lengths(object.mask))};
}

std::string coco_document(const std::vector<CocoEntry>& entries) {
  Json images = Json::array(), annotations = Json::array();
  for (const CocoEntry& e : entries) {
    const size_t id = images.size() + 1;
    images.push_back({{"id", id}, {"file_name", e.photograph}, {"width", e.width}, {"height", e.height}});
    if (e.area == 0) continue;
    annotations.push_back({{"id", annotations.size() + 1},
                           {"image_id", id},
                           {"category_id", 1},
                           {"segmentation", {{"size", {e.height, e.width}}, {"counts", e.counts}}},
                           {"area", e.area},
                           {"bbox", list_of(e.box)},
                           {"iscrowd", 0},
                           {"score", e.score}});
  }
  return one_line({{"images", std::move(images)},
                   {"annotations", std::move(annotations)},
                   {"categories", Json::array({{{"id", 1}, {"name", "camouflaged object"}}})}}) +
         "\n";
}

}  // namespace camo::program
