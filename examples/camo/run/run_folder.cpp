#include "examples/camo/run/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>

#include "examples/camo/draw/plot.h"
#include "examples/camo/options/files.h"

namespace camo::program {

namespace fs = std::filesystem;

RunFolder RunFolder::create(const std::string& path) {
  for (const char* name :
       {"config.json", "metrics.jsonl", "last.safetensors", "best.safetensors", "curves.png", "grid.png"})
    check<ConfigError>(!fs::exists(path + "/" + name), "--out ", path, ": holds a run already (", name,
                       ") [another folder, or camo train --resume ", path, "]");
  std::error_code error;
  fs::create_directories(path, error);
  check<ConfigError>(!error, "--out ", path, ": cannot be made: ", error.message());
  return RunFolder(path);
}

RunFolder RunFolder::open(const std::string& path) {
  check<ConfigError>(fs::is_directory(path), "--resume ", path, ": no such folder");
  check<ConfigError>(fs::exists(path + "/config.json"), "--resume ", path, ": holds no run (config.json is missing)");
  remove_stale_temporaries(path);
  return RunFolder(path);
}

RunFolder::RunFolder(std::string path) : path_(std::move(path)) {
  lock_ = ::open(file("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  check<ConfigError>(lock_ >= 0, path_, ": cannot be written to: ", std::strerror(errno));
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    char holder[64] = "";
    [[maybe_unused]] ssize_t n = ::read(lock_, holder, sizeof holder - 1);
    ::close(lock_);
    throw ConfigError(text(path_, ": is in use by process ", holder));
  }
  // The system drops the lock with the process, however it ends; the number inside is for people.
  std::string pid = text(::getpid());
  if (::ftruncate(lock_, 0) != 0 || ::write(lock_, pid.data(), pid.size()) < 0) pid.clear();
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);
}

void RunFolder::append_metrics(const JsonObject& object) const {
  std::string line = to_json(object) + "\n", path = file("metrics.jsonl");
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  bool ok = fd >= 0 && ::write(fd, line.data(), line.size()) == ssize_t(line.size()) && ::fsync(fd) == 0;
  int error = errno;
  if (fd >= 0) ::close(fd);
  check<MemoryError>(ok, path, ": cannot be written: ", std::strerror(error), ", needs ", line.size(), " bytes");
}

std::vector<JsonObject> read_metrics(const std::string& path) {
  std::vector<JsonObject> out;
  if (!fs::exists(path)) return out;
  std::istringstream in(read_file<DataError>(path, "metrics"));
  for (std::string line; std::getline(in, line);)
    if (!in.eof() && !line.empty()) out.push_back(parse_json(line, path));
  return out;
}

std::vector<JsonObject> RunFolder::read_metrics() const { return program::read_metrics(file("metrics.jsonl")); }

void RunFolder::trim_metrics(int64_t epochs) const {
  std::string kept;
  for (const JsonObject& line : read_metrics())
    if (line.integer("epoch") <= epochs) kept += to_json(line) + "\n";
  write_file(file("metrics.jsonl"), kept);
}

void RunFolder::draw_curves() const {
  std::vector<JsonObject> lines = read_metrics();
  std::vector<Chart> charts;
  for (std::vector<std::string> names : {std::vector<std::string>{"loss"}, {"iou", "dice"}, {"mae"}, {"lr"}}) {
    Chart chart;
    for (const std::string& name : names) {
      Series series;
      series.name = name;
      for (const JsonObject& line : lines)
        if (line.find(name)) series.x.push_back(line.number("epoch")), series.y.push_back(line.number(name));
      chart.title += (chart.title.empty() ? "" : ", ") + name;
      if (!series.x.empty()) chart.series.push_back(std::move(series));
    }
    if (!chart.series.empty()) charts.push_back(std::move(chart));
  }
  if (!charts.empty()) write_charts(file("curves.png"), charts);
}

}  // namespace camo::program
