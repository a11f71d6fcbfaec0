#include "examples/camo/commands/findings.h"

#include <filesystem>

#include "examples/camo/options/files.h"
#include "examples/camo/run/weights_file.h"
#include "tensor/io/checksum.h"
#include "tensor/names.h"

namespace camo::program {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMadeWith = "weights";  // the checksums

std::string checksums(const std::vector<std::string>& weights) {
  std::string out;
  for (const std::string& given : weights) {
    const std::string bytes = read_file<WeightsError>(weights_path(given));
    out +=
        text(out.empty() ? "" : " ", std::hex, crc32(bytes.data(), int64_t(bytes.size())), "-", std::dec, bytes.size());
  }
  return out;
}

const char* maker(Finding finding) { return finding == Finding::calibration ? "calibrate" : "tune-crf"; }

std::string flags_of(const std::vector<std::string>& weights) {
  std::string out;
  for (const std::string& given : weights) out += " --weights " + given;
  return out;
}

}  // namespace

std::string finding_file(const std::vector<std::string>& weights, Finding finding) {
  const std::string name = text(name_of(finding), ".json");
  if (fs::is_directory(weights[0])) return (fs::path(weights[0]) / name).string();
  return fs::path(weights[0]).replace_extension(name).string();
}

void write_finding(const std::vector<std::string>& weights, Finding finding, JsonObject about) {
  about.set(kMadeWith, checksums(weights));
  write_file(finding_file(weights, finding), to_json(about, false));
}

JsonObject read_finding(const std::vector<std::string>& weights, Finding finding) {
  const std::string file = finding_file(weights, finding),
                    remedy = text(" [camo ", maker(finding), flags_of(weights), "]");
  check<ConfigError>(fs::exists(file), file, ": there is no ", name_of(finding), " of these weights", remedy);
  const JsonObject out = parse_json(read_file<DataError>(file), file);
  check<ConfigError>(out.string(kMadeWith) == checksums(weights), file, ": was made with other weights", remedy);
  return out;
}

}  // namespace camo::program
