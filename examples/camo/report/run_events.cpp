#include "examples/camo/report/run_events.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "examples/camo/metrics/metrics.h"
#include "tensor/image/image.h"

namespace camo::program {
namespace {

constexpr int64_t kCell = 128, kGap = 4;

/// Keys of metrics.jsonl that are no measure and have no prefix.
constexpr struct {
  const char *key, *tag;
} kTags[] = {{"loss", "loss/total"},
             {"mae", "score/MAE"},
             {"iou", "score/IoU"},
             {"dice", "score/Dice"},
             {"lr", "optimizer/lr"},
             {"grad_norm", "optimizer/grad_norm"},
             {"grad_norm_deviation", "optimizer/grad_norm_deviation"},
             {"skipped", "optimizer/skipped"},
             {"seconds", "machine/seconds"},
             {"images_per_second", "machine/images_per_second"},
             {"memory", "machine/memory"},
             {"bytes_kept", "machine/bytes_kept"}};

std::string tag_of(const std::string& key) {
  for (const auto& row : kTags)
    if (key == row.key) return row.tag;
  for (const MeasureInfo& m : kMeasures)
    if (key == m.name) return "score/" + key;
  for (const std::string prefix : {"loss_", "seconds_"})
    if (key.starts_with(prefix)) return prefix.substr(0, prefix.size() - 1) + "/" + key.substr(prefix.size());
  return "run/" + key;
}

std::string scale_tag(size_t scale) { return text("/H_", 4 << scale); }

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Copies a picture into another one with at least as many channels.
void put(Tensor& out, const Tensor& picture, int64_t top, int64_t left) {
  const int64_t C = out.dim(2), c = picture.dim(2);
  uint8_t* to = out.write<uint8_t>();
  const uint8_t* from = picture.read<uint8_t>();
  for (int64_t y = 0; y < picture.dim(0); ++y)
    for (int64_t x = 0; x < picture.dim(1); ++x)
      for (int64_t k = 0; k < C; ++k)
        to[((top + y) * out.dim(1) + left + x) * C + k] = from[(y * picture.dim(1) + x) * c + std::min(k, c - 1)];
}

Tensor fitted(const Tensor& picture, int64_t cell) {
  const double scale = double(cell) / double(std::max(picture.dim(0), picture.dim(1)));
  auto side = [&](int axis) { return std::max<int64_t>(1, std::llround(double(picture.dim(axis)) * scale)); };
  return resize_image(picture, side(0), side(1));
}

}  // namespace

std::vector<std::pair<std::string, double>> tagged_numbers(const JsonObject& line,
                                                           const std::vector<std::vector<std::string>>& experts) {
  std::vector<std::pair<std::string, double>> out;
  for (const auto& [key, value] : line.items) {
    const auto* list = std::get_if<std::vector<double>>(&value);
    if (key == "step") continue;
    if (std::holds_alternative<double>(value) || std::holds_alternative<int64_t>(value))
      out.emplace_back(tag_of(key), line.number(key));
    if (!list) continue;
    size_t scale = 0;
    while (scale < experts.size() && key != text("load_", scale)) ++scale;
    for (size_t i = 0; i < list->size(); ++i) {
      if (scale == experts.size()) {  // a number for each scale
        out.emplace_back(key + scale_tag(i), (*list)[i]);
      } else {
        std::string name = i < experts[scale].size() ? experts[scale][i] : text(i);
        std::replace(name.begin(), name.end(), ' ', '_');
        out.emplace_back("load" + scale_tag(scale) + "/" + name, (*list)[i]);
      }
    }
  }
  return out;
}

std::string part_of_parameter(const std::string& name) {
  const std::string first = name.substr(0, name.find('.'));
  if (first != "backbone" && first != "scales") return first;
  for (size_t end = first.size(); end < name.size();) {
    const size_t next = std::min(name.find('.', end + 1), name.size());
    if (std::isdigit(static_cast<unsigned char>(name[end + 1]))) return name.substr(0, next);
    end = next;
  }
  return first;
}

Tensor picture_table(const std::vector<std::vector<Tensor>>& rows, int64_t cell) {
  size_t columns = 0;
  int64_t channels = 1;
  for (const std::vector<Tensor>& row : rows) {
    columns = std::max(columns, row.size());
    for (const Tensor& x : row) channels = std::max(channels, x.dim(2));
  }
  check(columns > 0, "picture_table: has no picture");
  const int64_t pitch = cell + kGap;
  Tensor out = full({int64_t(rows.size()) * pitch - kGap, int64_t(columns) * pitch - kGap, channels}, 255, DType::u8);
  for (size_t r = 0; r < rows.size(); ++r)
    for (size_t c = 0; c < rows[r].size(); ++c) {
      const Tensor small = fitted(rows[r][c], cell);
      put(out, small, int64_t(r) * pitch + (cell - small.dim(0)) / 2, int64_t(c) * pitch + (cell - small.dim(1)) / 2);
    }
  return out;
}

void RunEvents::go_on(int64_t steps) { file_.session_start(steps + 1, seconds_now()); }

void RunEvents::add_epoch(const JsonObject& line, const std::vector<std::vector<Tensor>>& rows,
                          const nn::Module& network, const std::vector<std::vector<std::string>>& experts) {
  const int64_t step = line.integer("step");
  const double now = seconds_now();
  for (const auto& [tag, value] : tagged_numbers(line, experts)) file_.scalar(tag, value, step, now);
  if (!rows.empty()) {
    std::vector<std::vector<Tensor>> predictions;
    for (const std::vector<Tensor>& row : rows) predictions.emplace_back(row.begin() + 1, row.end());
    file_.image("validation/truth_prediction", picture_table(predictions, kCell), step, now);
    photographs_wait_ = !photographs_written_;
    if (photographs_wait_) file_.image("validation/photograph_truth_prediction", picture_table(rows, kCell), step, now);
  }
  std::vector<std::pair<std::string, Buckets>> parts;
  for (const nn::Parameter& p : network.named_parameters()) {
    const std::string part = part_of_parameter(p.name);
    auto found = std::find_if(parts.begin(), parts.end(), [&](const auto& x) { return x.first == part; });
    if (found == parts.end()) found = parts.insert(found, {part, Buckets()});
    found->second.add(p.var.value());
  }
  for (const auto& [part, buckets] : parts) file_.histogram("weights/" + part, buckets, step, now);
}

}  // namespace camo::program
