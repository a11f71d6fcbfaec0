// Plain JSON: one object of names and plain values, some of which may be lists of such objects.  Configurations, lines of
// metrics and the state of a checkpoint need no more, and it can be read strictly: anything unexpected is refused.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace camo::program {

struct JsonObject;
/// null, true or false, an integer, another number, a string, a list of numbers, or a list of objects.
using JsonValue =
    std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<double>, std::vector<JsonObject>>;

struct JsonObject {
  std::vector<std::pair<std::string, JsonValue>> items;  // in the order written

  const JsonValue* find(const std::string& name) const;
  void set(const std::string& name, JsonValue value);  // replaces or appends
  /// The value as a number or text; ConfigError if it is absent or has another type.
  double number(const std::string& name) const;
  int64_t integer(const std::string& name) const;
  std::string string(const std::string& name) const;
};

/// Numbers are read exactly.  Repeated names, deeper nesting and text after the object are refused: ConfigError names
/// `where` and the position.
JsonObject parse_json(const std::string& text, const std::string& where);
/// One line, or one item per line.  Every double is written so that it reads back with the same bits.
std::string to_json(const JsonObject& object, bool one_line = true);

}  // namespace camo::program
