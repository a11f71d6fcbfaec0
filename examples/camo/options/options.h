// Options: one table per command feeds the command line, the help screen and the configuration file.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "examples/camo/options/json.h"

namespace camo::program {

/// Height and width in pixels; written "352" or "352x416".
struct ImageSize {
  int64_t height = 352, width = 352;
  bool operator==(const ImageSize&) const = default;
};
std::string to_string(ImageSize size);

/// A flag --name and a key "name".  The value it points at holds the default when the table is made.
struct Option {
  using Target = std::variant<bool*, int64_t*, double*, std::string*, ImageSize*>;
  std::string name;
  Target value;
  std::string help;  // says what it is and its unit
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  std::vector<std::string> words = {};  // legal values of a text; empty: any
};
using Options = std::vector<Option>;
/// A text that must be one of some words.
inline Option choice(std::string name, std::string* value, std::string help, std::vector<std::string> words) {
  Option out{std::move(name), value, std::move(help)};
  out.words = std::move(words);
  return out;
}

/// Reads a value from the command line or the configuration; ConfigError names `label`, the rule and the
/// value.
void set(const Option& option, const std::string& text, const std::string& label);
void set_json(const Option& option, const JsonValue& value, const std::string& label);
/// Several at once, "a=1,b=x"; ConfigError also names a key that the table does not have, and the nearest one.
void set_all(const Options& table, const std::string& pairs, const std::string& label);
/// The current value, as a person writes it and as JSON.
std::string shown(const Option& option);
JsonValue to_json_value(const Option& option);

/// The word of `words` that a misspelt one most likely means; empty when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& words);
/// " [did you mean 'x'?]", or " [one of: a, b, c]" when nothing is near and the list is short.
std::string hint(const std::string& word, const std::vector<std::string>& words, const std::string& prefix = "");

}  // namespace camo::program
