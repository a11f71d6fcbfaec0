#include "examples/camo/trained/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "examples/camo/options/files.h"

namespace camo::program {

namespace fs = std::filesystem;

std::string run_file(const std::string& folder, RunFile file, int64_t number) {
  for (const RunFileName& row : kRunFiles)
    if (row.file == file && number-- == 0) return folder + "/" + row.name;
  throw ConfigError("run_file: a run has no file of this kind and number");
}

int64_t count(RunFile file) {
  int64_t out = 0;
  for (const RunFileName& row : kRunFiles) out += row.file == file;
  return out;
}

namespace {

/// A run that was killed before it wrote anything leaves its lock: a file that holds a process id and nothing else.
bool is_left_lock(const RunFileName& row, const std::string& folder) {
  if (row.file != RunFile::lock) return false;
  const std::string text = read_file<ConfigError>(folder + "/" + row.name, "--out");
  return text.size() <= 20 && text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

void RunFolder::check_free(const std::string& path) {
  const bool is_run = fs::exists(run_file(path, RunFile::config));
  for (const RunFileName& row : kRunFiles)
    check<ConfigError>(!fs::exists(path + "/" + row.name) || is_left_lock(row, path), "--out ", path,
                       is_run ? ": holds a run already (" : ": holds a file that the run would overwrite (", row.name,
                       ") [another folder", is_run ? ", or camo train --resume " + path : "", "]");
}

RunFolder RunFolder::create(const std::string& path) {
  check_free(path);
  make_folder(path, "--out");
  return RunFolder(path);
}

RunFolder RunFolder::open(const std::string& path) {
  check<ConfigError>(fs::is_directory(path), "--resume ", path, ": no such folder");
  check<ConfigError>(fs::exists(run_file(path, RunFile::config)), "--resume ", path,
                     ": holds no run (config.json is missing)");
  remove_stale_temporaries(path);
  return RunFolder(path);
}

RunFolder::RunFolder(std::string path, bool hold) : path_(std::move(path)) {
  if (!hold) return;
  lock_ = ::open(file(RunFile::lock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  check<ConfigError>(lock_ >= 0, path_, ": cannot be written to: ", std::strerror(errno));
  const int error = ::flock(lock_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
  if (error != 0 && error != EWOULDBLOCK)  // some network file systems have no locks
    std::fprintf(stderr, "warning: %s: is not locked against a second run: %s\n", path_.c_str(), std::strerror(error));
  if (error == EWOULDBLOCK) {
    char holder[64] = "";
    [[maybe_unused]] ssize_t n = ::read(lock_, holder, sizeof holder - 1);
    ::close(lock_);
    throw ConfigError(text(path_, ": is in use by process ", holder));
  }
  // The system releases the lock when the process ends, however it ends; the number in the file is for people.
  std::string pid = text(::getpid());
  if (::ftruncate(lock_, 0) != 0 || ::write(lock_, pid.data(), pid.size()) < 0) pid.clear();
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace camo::program
