// Options: one table serves the command line, the help text and the configuration file.
//
// A row names a variable and describes it; the kind of option (switch, number, size, text, choice) follows from the
// variable's type.  A mistake in a flag and in a configuration key gets the same message.
// Read next: config.h, the table of a training run; cli.h, how a command reads its flags.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "examples/camo/options/json.h"
#include "tensor/device.h"
#include "tensor/names.h"

namespace camo::program {

/// Height and width in pixels, written as "352" or "352x416".
struct ImageSize {
  int64_t height = 352, width = 352;
  bool operator==(const ImageSize&) const = default;
};
std::string to_string(ImageSize size);
/// "cpu" or "cuda".
std::string to_string(Device device);

/// A variable that has a word for each of its values; Option::words lists them.
struct Choice {
  std::function<std::string()> word;      // the word of the current value
  std::function<void(size_t)> take_word;  // sets the value of words[i]
};

/// A flag --name and a key "name".  The variable holds the default when the table is created.  A list takes the flag
/// several times, and each adds a text.
struct Option {
  using Target = std::variant<bool*, int64_t*, double*, std::string*, ImageSize*, Choice, std::vector<std::string>*>;
  std::string name;
  Target value;
  std::string help;  // what it is, and its unit
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  std::vector<std::string> words = {};                 // allowed words of a choice or a text; empty: any text
  std::string (*meant)(const std::string&) = nullptr;  // the allowed word for another that means the same
};

struct Options : std::vector<Option> {
  using std::vector<Option>::vector;
  /// The options with these names, in this order.  A name that is not in the table is a bug: std::logic_error.
  Options only(const std::vector<std::string>& names) const;
  Options& add(const Options& more);
  std::vector<std::string> names() const;
};

/// A text option that must be one of `words`.
Option choice(std::string name, std::string* value, std::string help, std::vector<std::string> words);

/// Values and their words.
template <class T> using Named = std::vector<std::pair<const char*, T>>;

/// An option for a variable that may have some values.
template <class T> Option choice(std::string name, T* value, std::string help, const Named<T>& among) {
  auto word = [value, among] {
    for (const auto& [word, meaning] : among)
      if (meaning == *value) return std::string(word);
    return std::string();
  };
  Option out{std::move(name), Choice{word, [value, among](size_t i) { *value = among[i].second; }}, std::move(help)};
  for (const auto& [word, meaning] : among) out.words.push_back(word);
  return out;
}

/// The words of an enum (names.h), for some of its values or all.
template <class E> Named<E> named(const std::vector<E>& values) {
  Named<E> out;
  for (E value : values) out.emplace_back(name_of(value), value);
  return out;
}
template <class E> Option choice(std::string name, E* value, std::string help) {
  std::vector<E> all;
  for (size_t i = 0; i < names_of(E{}).size(); ++i) all.push_back(E(i));
  return choice(std::move(name), value, std::move(help), named(all));
}
/// A bool, written as off and on.
Option off_on(std::string name, bool* value, std::string help);
/// A device: cpu, or cuda for the first GPU.
Option choice(std::string name, Device* value, std::string help);

/// Sets a value from a text of the command line or configuration; ConfigError names `label`, the rule and the value.
void set(const Option& option, const std::string& text, const std::string& label);
void set_json(const Option& option, const JsonValue& value, const std::string& label);
/// Sets several options at once: "a=1,b=x".  ConfigError also names an unknown key and the nearest known one.
void set_all(const Options& table, const std::string& pairs, const std::string& label);
/// The current value, as shown to a person and as JSON.
std::string shown(const Option& option);
JsonValue to_json_value(const Option& option);

/// The word that a misspelt one most likely means; empty if none is close.
std::string nearest(const std::string& word, const std::vector<std::string>& words);
/// " [did you mean 'x'?]", or " [one of: a, b, c]" if none is close and the list is short.
std::string hint(const std::string& word, const std::vector<std::string>& words, const std::string& prefix = "");

}  // namespace camo::program
