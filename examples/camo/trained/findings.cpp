#include "examples/camo/trained/findings.h"

#include <algorithm>
#include <filesystem>

#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/trained/weights_file.h"
#include "tensor/io/checksum.h"
#include "tensor/names.h"

namespace camo::program {
namespace {

namespace fs = std::filesystem;

std::vector<JsonObject> all_findings(const std::string& file) {
  std::vector<JsonObject> out;
  if (!fs::exists(file)) return out;
  for (const std::string& line : split(read_file<DataError>(file), '\n')) out.push_back(parse_json(line, file));
  return out;
}

bool has_key(const JsonObject& finding, const JsonObject& key) {
  return std::all_of(key.items.begin(), key.items.end(), [&](const auto& item) {
    const JsonValue* value = finding.find(item.first);
    return value && std::get_if<std::string>(value) && finding.string(item.first) == key.string(item.first);
  });
}

}  // namespace

std::string checksums(const std::vector<std::string>& weights) {
  std::string out;
  for (const std::string& given : weights) {
    const std::string bytes = read_file<WeightsError>(weights_path(given));
    out += text(out.empty() ? "" : " ", hex8(crc32(bytes.data(), int64_t(bytes.size()))), "-", bytes.size());
  }
  return out;
}

std::string finding_file(const std::vector<std::string>& weights, Finding finding) {
  return fs::path(weights_path(weights[0])).replace_extension(text(name_of(finding), ".jsonl")).string();
}

void write_finding(const std::string& file, const JsonObject& key, const JsonObject& finding) {
  std::vector<JsonObject> all = all_findings(file);
  std::erase_if(all, [&](const JsonObject& old) { return has_key(old, key); });
  JsonObject whole = key;
  for (const auto& [name, value] : finding.items) whole.set(name, value);
  all.push_back(whole);
  std::string lines;
  for (const JsonObject& one : all) lines += to_json(one) + "\n";
  write_file(file, lines);
}

JsonObject read_finding(const std::string& file, const JsonObject& key, const std::string& remedy) {
  for (const JsonObject& finding : all_findings(file))
    if (has_key(finding, key)) return finding;
  std::string flags;
  for (const auto& [name, value] : key.items)
    if (name != "weights") flags += text(" --", name, " ", std::get<std::string>(value));
  throw ConfigError(text(file, ": has nothing for these weights with", flags, " [", remedy, "]"));
}

}  // namespace camo::program
