// Found objects as text that other programs read: a line of GeoJSON for each photograph, and one COCO document for all.
//
// Names of photographs are bytes; what is no UTF-8 in them becomes U+FFFD, as in every JSON text of Camo.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/predict/shapes.h"

namespace camo::program {

/// A GeoJSON Feature (RFC 7946) without a line break.  Its geometry is a MultiPolygon in pixels, see contours.h, empty
/// without an object; its properties are photograph, width, height, threshold, area and share (of the picture), parts,
/// box [x, y, width, height], mean_probability, uncertainty.  Without an object box and mean_probability are null.
std::string to_feature(const std::string& photograph, const FoundObject& object);

/// What a COCO document says of one photograph.
struct CocoEntry {
  std::string photograph;
  int64_t width = 0, height = 0;
  int64_t area = 0;  // 0: without an object
  Box box{};
  double score = 0;    // mean probability in the object
  std::string counts;  // the mask: rle.h
};
CocoEntry coco_entry(const std::string& photograph, const FoundObject& object);

/// {"images": ..., "annotations": ..., "categories": ...}, with a line break at the end.  Numbers of images and
/// annotations count from 1; a photograph without an object has no annotation.  The list of annotations alone is what
/// COCO calls results.
std::string coco_document(const std::vector<CocoEntry>& entries);

}  // namespace camo::program
