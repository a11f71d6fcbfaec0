#include "examples/camo/options/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "tensor/error.h"

namespace camo::program {

std::string formatted(const char* form, double x) {
  char out[64];
  std::snprintf(out, sizeof out, form, x);
  return out;
}

std::string fixed(double x, int digits) {
  if (std::isnan(x)) return "-";
  return formatted(("%." + std::to_string(digits) + "f").c_str(), x);
}

std::string clock_text(double seconds) {
  if (std::isnan(seconds)) return "-";
  int64_t s = int64_t(std::clamp(seconds, 0.0, 1e9) + 0.5);
  char out[32];
  std::snprintf(out, sizeof out, "%lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60),
                (long long)(s % 60));
  return out;
}

std::vector<std::string> split(const std::string& words, char separator) {
  std::vector<std::string> out;
  std::istringstream in(words);
  for (std::string word; std::getline(in, word, separator);) out.push_back(word);
  return out;
}

std::string csv_field(const std::string& s) {
  if (s.find_first_of(",\"\r\n") == std::string::npos) return s;
  std::string out(1, '"');
  for (char c : s) out.append(c == '"' ? 2 : 1, c);
  out.push_back('"');
  return out;
}

std::string bytes_text(double bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  int unit = 0;
  while (bytes >= 1000 && unit < 4) bytes /= 1000, ++unit;
  return fixed(bytes, unit ? 1 : 0) + " " + units[unit];
}

double parse_bytes(const std::string& words, const std::string& label) {
  char* end = nullptr;
  const double number = std::strtod(words.c_str(), &end);
  std::string unit = end;
  unit.erase(0, unit.find_first_not_of(' ') == std::string::npos ? unit.size() : unit.find_first_not_of(' '));
  const std::pair<const char*, double> units[] = {{"GB", 1e9}, {"G", 1e9},      {"MB", 1e6},
                                                  {"M", 1e6},  {"GiB", 0x1p30}, {"MiB", 0x1p20}};
  for (const auto& [name, bytes] : units)
    if (end != words.c_str() && unit == name && std::isfinite(number) && number > 0) return number * bytes;
  throw ConfigError(text(label, ": expects a size like 6GB or 800MB, got '", words, "'"));
}

}  // namespace camo::program
