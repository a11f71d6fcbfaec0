#include "examples/camo/options/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <sstream>

#include "tensor/error.h"
#include "tensor/nearest.h"

namespace camo::program {
namespace {

template <class... F> struct Overloaded : F... { using F::operator()...; };
template <class... F> Overloaded(F...) -> Overloaded<F...>;

std::string range(const Option& o) {
  if (std::isinf(o.high)) return std::isinf(o.low) ? "a number" : "at least " + text(o.low);
  return std::isinf(o.low) ? "at most " + text(o.high) : "from " + text(o.low) + " to " + text(o.high);
}

template <class T> T parse(const std::string& word, const std::string& label, const char* kind) {
  T out{};
  const char* end = word.data() + word.size();
  auto [at, error] = std::from_chars(word.data(), end, out);
  check<ConfigError>(error == std::errc() && at == end, label, ": expects ", kind, ", got '", word, "'");
  return out;
}

template <class T> T in_range(const Option& o, T value, const std::string& label) {
  check<ConfigError>(double(value) >= o.low && double(value) <= o.high, label, ": must be ", range(o), ", got ", value);
  return value;
}

ImageSize parse_size(const Option& o, const std::string& word, const std::string& label) {
  size_t x = word.find('x');
  const char* kind = "pixels as N or HEIGHTxWIDTH";
  ImageSize out;
  out.height = parse<int64_t>(word.substr(0, x), label, kind);
  out.width = x == std::string::npos ? out.height : parse<int64_t>(word.substr(x + 1), label, kind);
  in_range(o, out.height, label), in_range(o, out.width, label);
  return out;
}

/// The index of `word` among the allowed ones.
size_t place(const Option& o, const std::string& word, const std::string& label) {
  const auto found = std::find(o.words.begin(), o.words.end(), o.meant ? o.meant(word) : word);
  check<ConfigError>(found != o.words.end(), label, ": no such choice, got '", word, "'", hint(word, o.words));
  return size_t(found - o.words.begin());
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

/// True if JSON holds the value as a text.
bool takes_text(const Option& o) {
  return std::holds_alternative<std::string*>(o.value) || std::holds_alternative<ImageSize*>(o.value) ||
         std::holds_alternative<Choice>(o.value);
}

// ---- paths that are no UTF-8 ------------------------------------------------------------------------------
// JSON holds only UTF-8, so such a path is written as a file URL (RFC 8089), "file:///home/caf%E9".

constexpr std::string_view kFileUrl = "file://";

bool is_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    const auto c = (unsigned char)(s[i]);
    const size_t n = c < 0x80                ? 1
                     : c >= 0xc2 && c < 0xe0 ? 2
                     : c >= 0xe0 && c < 0xf0 ? 3
                     : c >= 0xf0 && c < 0xf5 ? 4
                                             : 0;
    if (n == 0 || i + n > s.size()) return false;
    for (size_t k = 1; k < n; ++k)
      if (((unsigned char)(s[i + k]) & 0xc0) != 0x80) return false;
    i += n;
  }
  return true;
}

std::string file_url(const std::string& path) {
  std::string out(kFileUrl);
  for (unsigned char c : path) {
    char code[4];
    std::snprintf(code, sizeof code, "%%%02X", c);
    if (std::isalnum(c) || std::strchr("/-_.~", c)) out += char(c);
    else out += code;
  }
  return out;
}

std::string path_of_url(const std::string& url) {
  std::string out;
  for (size_t i = kFileUrl.size(); i < url.size(); ++i) {
    unsigned code = 0;
    const char* digits = url.data() + i + 1;
    const bool escaped =
        url[i] == '%' && i + 2 < url.size() && std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2;
    out += escaped ? char(code) : url[i];
    i += escaped ? 2 : 0;
  }
  return out;
}

}  // namespace

Options Options::only(const std::vector<std::string>& names) const {
  Options out;
  for (const std::string& name : names) {
    const auto found = std::find_if(begin(), end(), [&](const Option& o) { return o.name == name; });
    if (found == end()) throw std::logic_error("no option is called " + name);
    out.push_back(*found);
  }
  return out;
}

Options& Options::add(const Options& more) {
  insert(end(), more.begin(), more.end());
  return *this;
}

std::vector<std::string> Options::names() const {
  std::vector<std::string> out;
  for (const Option& o : *this) out.push_back(o.name);
  return out;
}

Option choice(std::string name, std::string* value, std::string help, std::vector<std::string> words) {
  Option out{std::move(name), value, std::move(help)};
  out.words = std::move(words);
  return out;
}

Option off_on(std::string name, bool* value, std::string help) {
  return choice(std::move(name), value, std::move(help), Named<bool>{{"off", false}, {"on", true}});
}

Option choice(std::string name, Device* value, std::string help) {
  return choice(std::move(name), value, std::move(help), Named<Device>{{"cpu", {}}, {"cuda", {Device::cuda, 0}}});
}

std::string to_string(ImageSize size) {
  return size.height == size.width ? text(size.height) : text(size.height, "x", size.width);
}

std::string to_string(Device device) { return device.kind == Device::cpu ? "cpu" : "cuda"; }

void set(const Option& o, const std::string& word, const std::string& label) {
  std::visit(Overloaded{
                 [&](bool* p) {
                   check<ConfigError>(word == "true" || word == "false", label, ": expects true or false, got '", word,
                                      "'");
                   *p = word == "true";
                 },
                 [&](int64_t* p) { *p = in_range(o, parse<int64_t>(word, label, "an integer"), label); },
                 [&](double* p) { *p = in_range(o, parse<double>(word, label, "a number"), label); },
                 [&](std::string* p) { *p = o.words.empty() ? word : o.words[place(o, word, label)]; },
                 [&](ImageSize* p) { *p = parse_size(o, word, label); },
                 [&](const Choice& c) { c.take_word(place(o, word, label)); },
                 [&](std::vector<std::string>* p) { p->push_back(word); },
             },
             o.value);
}

void set_all(const Options& table, const std::string& pairs, const std::string& label) {
  const std::vector<std::string> names = table.names();
  std::istringstream list(pairs);
  std::vector<std::string> given;
  for (std::string pair; std::getline(list, pair, ',');) {
    const size_t equals = pair.find('='),
                 at = size_t(std::find(names.begin(), names.end(), pair.substr(0, equals)) - names.begin());
    check<ConfigError>(equals != std::string::npos || at == names.size(), label, ": expects KEY=VALUE,..., got '", pair,
                       "'");
    check<ConfigError>(at < names.size(), label, ": expects KEY=VALUE,..., got '", pair, "'",
                       hint(pair.substr(0, equals), names));
    check<ConfigError>(std::find(given.begin(), given.end(), names[at]) == given.end(), label, ": ", names[at],
                       " is given twice");
    given.push_back(names[at]);
    set(table[at], pair.substr(equals + 1), label + ": " + names[at]);
  }
}

void set_json(const Option& o, const JsonValue& value, const std::string& label) {
  if (auto* word = std::get_if<std::string>(&value)) {
    check<ConfigError>(takes_text(o), label, ": expects ",
                       std::holds_alternative<bool*>(o.value) ? "true or false" : "a number", ", got the text '", *word,
                       "'");
    return set(o, word->starts_with(kFileUrl) ? path_of_url(*word) : *word, label);
  }
  const bool takes_bool = std::holds_alternative<bool*>(o.value),
             takes_size = std::holds_alternative<ImageSize*>(o.value);
  if (auto* flag = std::get_if<bool>(&value); flag && takes_bool) return set(o, *flag ? "true" : "false", label);
  if (auto* whole = std::get_if<int64_t>(&value); whole && !takes_bool && (takes_size || !takes_text(o)))
    return set(o, text(*whole), label);
  if (auto* real = std::get_if<double>(&value); real && std::holds_alternative<double*>(o.value))
    return void(*std::get<double*>(o.value) = in_range(o, *real, label));
  throw ConfigError(label + ": is a value of the wrong kind, expects one like " + shown(o));
}

std::string shown(const Option& o) {
  return std::visit(Overloaded{
                        [](const bool* p) { return std::string(*p ? "true" : "false"); },
                        [](const int64_t* p) { return text(*p); },
                        [](const double* p) { return text(*p); },
                        [](const std::string* p) { return *p; },
                        [](const ImageSize* p) { return to_string(*p); },
                        [](const Choice& c) { return c.word(); },
                        [](const std::vector<std::string>* p) { return joined(*p); },
                    },
                    o.value);
}

JsonValue to_json_value(const Option& o) {
  return std::visit(Overloaded{
                        [](const std::string* p) -> JsonValue { return is_utf8(*p) ? *p : file_url(*p); },
                        [](const ImageSize* p) -> JsonValue { return to_string(*p); },
                        [](const Choice& c) -> JsonValue { return c.word(); },
                        [](const std::vector<std::string>* p) -> JsonValue { return joined(*p); },
                        [](const auto* p) -> JsonValue { return *p; },
                    },
                    o.value);
}

std::string nearest(const std::string& word, const std::vector<std::string>& words) {
  std::vector<std::string> longer;  // names that the flag may abbreviate: --acc for --accumulate
  for (const std::string& w : words)
    if (word.size() >= 3 && w.compare(0, word.size(), word) == 0) longer.push_back(w);
  return longer.size() == 1 ? longer[0] : camo::nearest(word, words);
}

std::string hint(const std::string& word, const std::vector<std::string>& words, const std::string& prefix) {
  std::string near = nearest(word, words);
  if (!near.empty()) return " [did you mean " + prefix + near + "?]";
  std::string all;
  for (const std::string& w : words) all += (all.empty() ? "" : ", ") + prefix + w;
  return all.empty() ? "" : " [one of: " + all + "]";
}

}  // namespace camo::program
