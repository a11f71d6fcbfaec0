#include "examples/camo/trained/results.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/options/options.h"
#include "tensor/image/image.h"
#include "tensor/names.h"
#include "tensor/pack.h"

namespace camo::program {
namespace {

namespace fs = std::filesystem;

constexpr const char *kMap = "map", *kOverlay = "overlay", *kMask = "mask";  // folders
constexpr const char *kFeatures = "objects.jsonl", *kCoco = "coco.json";     // files

/// The photograph, tinted red where the map is bright.
Tensor overlay(const Tensor& photograph, const Tensor& map) {
  Tensor out = photograph.clone();
  uint8_t* p = out.write<uint8_t>();
  const uint8_t* m = map.read<uint8_t>();
  const int red[] = {255, 32, 32};
  for (int64_t i = 0; i < map.numel(); ++i)
    for (int c = 0; c < 3; ++c)
      p[3 * i + c] = uint8_t(p[3 * i + c] + (red[c] - p[3 * i + c]) * m[i] / 510);  // at most half red
  return out;
}

void pack_entry(std::string& bytes, const CocoEntry& e) {
  pack(bytes, std::string_view(e.photograph)), pack(bytes, std::string_view(e.counts));
  pack(bytes, e.width), pack(bytes, e.height), pack(bytes, e.area);
  pack_struct(bytes, e.box), pack_struct(bytes, e.score);
}

CocoEntry unpack_entry(std::string_view& bytes) {
  CocoEntry e;
  e.photograph = unpack_text(bytes), e.counts = unpack_text(bytes);
  e.width = unpack_integer(bytes), e.height = unpack_integer(bytes), e.area = unpack_integer(bytes);
  e.box = unpack_struct<Box>(bytes), e.score = unpack_struct<double>(bytes);
  return e;
}

}  // namespace

std::vector<ResultFormat> parse_formats(const std::string& words, const std::string& label) {
  std::vector<ResultFormat> out;
  for (const std::string& word : split(words, ',')) {
    ResultFormat format{};
    set(choice("format", &format, ""), word, label);
    check<ConfigError>(std::find(out.begin(), out.end(), format) == out.end(), label, ": ", word, " is given twice");
    out.push_back(format);
  }
  check<ConfigError>(!out.empty(), label, ": expects some of png, mask, json, coco, got ''");
  return out;
}

Results::Results(std::string folder, std::vector<ResultFormat> formats, double threshold)
    : folder_(std::move(folder)), formats_(std::move(formats)), threshold_(threshold) {}

bool Results::has(ResultFormat format) const {
  return std::find(formats_.begin(), formats_.end(), format) != formats_.end();
}

std::vector<std::string> Results::kinds() const {
  std::vector<std::string> out;
  if (has(ResultFormat::png)) out = {kMap, kOverlay};
  if (has(ResultFormat::mask)) out.push_back(kMask);
  return out;
}

std::vector<std::string> Results::lists() const {
  std::vector<std::string> out;
  if (has(ResultFormat::json)) out.push_back((fs::path(folder_) / kFeatures).string());
  if (has(ResultFormat::coco)) out.push_back((fs::path(folder_) / kCoco).string());
  return out;
}

std::string Results::picture(const std::string& kind, const std::string& photograph) const {
  return (fs::path(folder_) / kind / (fs::path(photograph).stem().string() + ".png")).string();
}

void Results::check_free(const std::vector<std::string>& photographs, bool overwrite) const {
  std::vector<std::string> targets = lists();
  for (const std::string& file : photographs)
    for (const std::string& kind : kinds()) targets.push_back(picture(kind, file));
  std::set<std::pair<dev_t, ino_t>> inputs;
  struct stat file {};
  for (const std::string& input : photographs)
    if (::stat(input.c_str(), &file) == 0) inputs.insert({file.st_dev, file.st_ino});
  for (const std::string& target : targets) {
    if (::stat(target.c_str(), &file) != 0) continue;
    check<ConfigError>(!inputs.contains({file.st_dev, file.st_ino}), "camo predict --out: ", target,
                       " is one of the photographs");
    check<ConfigError>(overwrite, "camo predict --out: ", target, " exists [--overwrite]");
  }
}

void Results::make_folders() const {
  make_folder(folder_, "camo predict --out");
  for (const std::string& kind : kinds()) make_folder(fs::path(folder_) / kind, "camo predict --out");
}

void Results::add(int64_t number, const std::string& photograph, const Tensor& image, const Tensor& map) {
  if (has(ResultFormat::png)) {
    write_png(picture(kMap, photograph), map);
    write_png(picture(kOverlay, photograph), overlay(image, map));
  }
  if (has(ResultFormat::mask)) write_png(picture(kMask, photograph), object_mask(map, threshold_));
  if (lists().empty()) return;
  const FoundObject object = find_object(map, threshold_);
  Lines lines;
  if (has(ResultFormat::json)) lines.feature = to_feature(photograph, object);
  if (has(ResultFormat::coco)) lines.coco = coco_entry(photograph, object);
  const std::lock_guard lock(mutex_);
  lines_[number] = std::move(lines);
}

void Results::write_lists(Processes& all) {
  if (lists().empty()) return;
  std::string mine;
  for (const auto& [number, lines] : lines_) {
    pack(mine, number), pack(mine, std::string_view(lines.feature));
    pack_entry(mine, lines.coco);
  }
  for (const std::string& part : gather(all, mine)) {
    std::string_view left = part;
    while (!left.empty()) {
      Lines& lines = lines_[unpack_integer(left)];
      lines.feature = unpack_text(left);
      lines.coco = unpack_entry(left);
    }
  }
  if (!all.first()) return;
  std::string features;
  std::vector<CocoEntry> entries;
  for (const auto& [number, lines] : lines_) features += lines.feature + "\n", entries.push_back(lines.coco);
  if (has(ResultFormat::json)) write_file((fs::path(folder_) / kFeatures).string(), features);
  if (has(ResultFormat::coco)) write_file((fs::path(folder_) / kCoco).string(), coco_document(entries));
}

std::string Results::where() const {
  std::string out;
  for (const std::string& kind : kinds())
    out += text(out.empty() ? "" : ", ", kind, "s in ", (fs::path(folder_) / kind).string());
  for (const std::string& list : lists()) out += text(out.empty() ? "" : ", ", "objects in ", list);
  return out;
}

}  // namespace camo::program
