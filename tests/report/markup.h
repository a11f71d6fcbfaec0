// Reading what Camo writes as SVG and HTML: a check that it is well-formed, and its elements.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace camo::test {

struct Element {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text = {};  // directly in it, without entities
  int parent = -1;

  std::string operator[](const std::string& key) const {
    const auto found = attributes.find(key);
    return found == attributes.end() ? "" : found->second;
  }
  double number(const std::string& key) const { return std::stod((*this)[key]); }
};

/// All elements in the order in which they begin.  Throws std::runtime_error, with the place, for text that is no
/// well-formed XML: tags that do not nest, attributes twice or without quotes, unknown entities, & or < as text, control
/// characters, bytes that are no UTF-8, two roots.  A first line <!doctype html> is skipped.
std::vector<Element> elements(const std::string& markup);
std::vector<Element> elements(const std::string& markup, const std::string& name);

/// The picture of an address data:image/...;base64,...: u8 (H, W, 3), or (H, W, 1) for a grey one.
Tensor picture_of(const std::string& uri);
/// The bytes of base64 by a plain loop.
std::string decoded_base64(const std::string& letters);

/// Pairs of numbers in the d of a path.
std::vector<std::pair<double, double>> points_of(const std::string& path);

}  // namespace camo::test
