// Flat JSON: one object of names and plain values.  It is all that a configuration, a line of metrics and the
// state of a checkpoint need, and it can be read strictly: what is not expected is refused.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace camo::program {

/// null, true/false, an integer, another number, a string, or a list of numbers.
using JsonValue = std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<double>>;

struct JsonObject {
  std::vector<std::pair<std::string, JsonValue>> items;  // in the order written

  const JsonValue* find(const std::string& name) const;
  void set(const std::string& name, JsonValue value);  // replaces or appends
  /// The value as a number or a text; ConfigError when it is absent or another kind.
  double number(const std::string& name) const;
  int64_t integer(const std::string& name) const;
  std::string string(const std::string& name) const;
};

/// Numbers are read exactly.  Duplicate names, nesting and anything after the object are refused: ConfigError
/// names `where` and the place.
JsonObject parse_json(const std::string& text, const std::string& where);
/// One line, or one item a line.  Every double is written so that it reads back as the same bits.
std::string to_json(const JsonObject& object, bool one_line = true);

}  // namespace camo::program
