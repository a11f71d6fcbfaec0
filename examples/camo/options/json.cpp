#include "examples/camo/options/json.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tensor/error.h"

namespace camo::program {
namespace {

using nlohmann::json;

/// Receives parse events, so that numbers keep their exact type and a repeated name is noticed.
struct Reader : json::json_sax_t {
  JsonObject out;
  std::string where, name;
  JsonObject* object = nullptr;  // the object that is being read: `out`, or one of a list in it
  bool in_list = false;
  JsonValue* list = nullptr;  // the list of `out` that is being read

  bool refuse(const std::string& what) { throw ConfigError(where + ": " + what); }
  bool put(JsonValue v) {
    if (!object) return refuse("expects one JSON object {...}");
    if (in_list) return refuse("'" + name + "' lists something that is no number");
    object->items.emplace_back(name, std::move(v));
    return true;
  }
  bool number(JsonValue v, double x) {
    if (!in_list) return put(std::move(v));
    auto* numbers = std::get_if<std::vector<double>>(list);
    return numbers ? numbers->push_back(x), true : refuse("'" + name + "' lists objects and numbers");
  }

  bool null() override { return in_list ? number({}, std::nan("")) : put({}); }
  bool boolean(bool v) override { return put(v); }
  bool number_integer(int64_t v) override { return number(v, double(v)); }
  bool number_unsigned(uint64_t v) override {
    return v <= uint64_t(INT64_MAX) ? number(int64_t(v), double(v)) : number(double(v), double(v));
  }
  bool number_float(double v, const std::string&) override { return number(v, v); }
  bool string(std::string& v) override { return put(v); }
  bool binary(json::binary_t&) override { return refuse("holds binary data"); }
  bool start_object(size_t) override {
    if (!object) return object = &out, true;
    if (!in_list) return refuse("'" + name + "' is an object, expects a plain value");
    if (auto* numbers = std::get_if<std::vector<double>>(list)) {
      if (!numbers->empty()) return refuse("'" + name + "' lists objects and numbers");
      *list = std::vector<JsonObject>();
    }
    object = &std::get<std::vector<JsonObject>>(*list).emplace_back(), in_list = false;
    return true;
  }
  bool end_object() override { return object = &out, in_list = list != nullptr, true; }
  bool key(std::string& v) override {
    if (object->find(v)) return refuse("'" + v + "' occurs twice");
    name = v;
    return true;
  }
  bool start_array(size_t) override {
    if (list) return refuse("'" + name + "' is a list within a list");
    if (!put(std::vector<double>())) return false;
    list = &out.items.back().second, in_list = true;
    return true;
  }
  bool end_array() override { return list = nullptr, in_list = false, true; }
  bool parse_error(size_t at, const std::string& token, const nlohmann::detail::exception&) override {
    return refuse(text("is no valid JSON at byte ", at, ", near '", token.substr(0, 40), "'"));
  }
};

/// The shortest decimal that reads back as the same double.  JSON has no NaN or infinity, so those become null.
std::string shortest(double x) {
  if (!std::isfinite(x)) return "null";
  char buffer[32];
  for (int digits = 6; digits <= 17; ++digits) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, x);
    if (std::strtod(buffer, nullptr) == x) break;
  }
  std::string out = buffer;
  return out.find_first_of(".en") == std::string::npos ? out + ".0" : out;  // so that a double stays a double
}

struct Writer {
  std::string operator()(std::monostate) const { return "null"; }
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(int64_t v) const { return std::to_string(v); }
  std::string operator()(double v) const { return shortest(v); }
  std::string operator()(const std::string& v) const {
    return json(v).dump(-1, ' ', false, json::error_handler_t::replace);
  }
  std::string operator()(const std::vector<double>& v) const {
    std::string out = "[";
    for (double x : v) out += (out.size() > 1 ? ", " : "") + shortest(x);
    return out + "]";
  }
  std::string operator()(const std::vector<JsonObject>& v) const {
    std::string out = "[";
    for (const JsonObject& x : v) out += (out.size() > 1 ? ", " : "") + to_json(x);
    return out + "]";
  }
};

}  // namespace

const JsonValue* JsonObject::find(const std::string& name) const {
  for (const auto& [key, value] : items)
    if (key == name) return &value;
  return nullptr;
}

void JsonObject::set(const std::string& name, JsonValue value) {
  for (auto& [key, old] : items)
    if (key == name) return void(old = std::move(value));
  items.emplace_back(name, std::move(value));
}

double JsonObject::number(const std::string& name) const {
  const JsonValue* v = find(name);
  if (v && std::holds_alternative<double>(*v)) return std::get<double>(*v);
  if (v && std::holds_alternative<int64_t>(*v)) return double(std::get<int64_t>(*v));
  if (v && std::holds_alternative<std::monostate>(*v)) return std::nan("");
  throw ConfigError("'" + name + "' is absent or no number");
}

int64_t JsonObject::integer(const std::string& name) const {
  const JsonValue* v = find(name);
  check<ConfigError>(v && std::holds_alternative<int64_t>(*v), "'", name, "' is absent or no integer");
  return std::get<int64_t>(*v);
}

std::string JsonObject::string(const std::string& name) const {
  const JsonValue* v = find(name);
  check<ConfigError>(v && std::holds_alternative<std::string>(*v), "'", name, "' is absent or no text");
  return std::get<std::string>(*v);
}

JsonObject parse_json(const std::string& text, const std::string& where) {
  Reader reader;
  reader.where = where;
  json::sax_parse(text, &reader);
  return std::move(reader.out);
}

std::string to_json(const JsonObject& object, bool one_line) {
  std::string out = "{", sep = one_line ? "" : "\n  ";
  for (const auto& [name, value] : object.items) {
    out += sep + Writer()(name) + ": " + std::visit(Writer(), value);
    sep = one_line ? ", " : ",\n  ";
  }
  return out + (one_line ? "}" : "\n}\n");
}

}  // namespace camo::program
