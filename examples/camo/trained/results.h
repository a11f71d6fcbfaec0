// The files that camo predict writes for photographs.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "examples/camo/predict/formats.h"
#include "tensor/processes.h"

namespace camo::program {

/// png: a map and an overlay for each photograph; mask: object or not; json, coco: one file for all.
enum class ResultFormat { png, mask, json, coco };
constexpr auto names_of(ResultFormat) { return std::array{"png", "mask", "json", "coco"}; }
/// "png,json"; ConfigError begins with `label`.
std::vector<ResultFormat> parse_formats(const std::string& words, const std::string& label);

class Results {
 public:
  /// A pixel of a mask, contour or run length is object where its probability is above `threshold`.
  Results(std::string folder, std::vector<ResultFormat> formats, double threshold);

  /// ConfigError for results that would replace a photograph, or other results.
  void check_free(const std::vector<std::string>& photographs, bool overwrite) const;
  void make_folders() const;
  /// Writes the pictures of photograph `number`, u8 (H, W, 3), with its map u8 (H, W, 1), and keeps its lines.  May be
  /// called from any thread.
  void add(int64_t number, const std::string& photograph, const Tensor& image, const Tensor& map);
  /// Collects the lines of all processes; the first writes them, in the order of the numbers.
  void write_lists(Processes& all);
  /// "maps in OUT/map, overlays in OUT/overlay"
  std::string where() const;

 private:
  bool has(ResultFormat format) const;
  std::vector<std::string> kinds() const;  // folders of pictures
  std::vector<std::string> lists() const;  // files for all photographs
  std::string picture(const std::string& kind, const std::string& photograph) const;

  std::string folder_;
  std::vector<ResultFormat> formats_;
  double threshold_;
  struct Lines {
    std::string feature;
    CocoEntry coco;
  };
  std::mutex mutex_;
  std::map<int64_t, Lines> lines_;  // by number
};

}  // namespace camo::program
