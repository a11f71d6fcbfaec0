// Shared parts of the fuzz targets.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tensor/error.h"

namespace camo::fuzz {

/// A file in memory, in a folder of its own, with the current input.  The readers take paths, so this
/// tests all of a reader.
class InputInMemory {
 public:
  InputInMemory() {
    std::filesystem::create_directory(folder_);
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd_ < 0) std::abort();
  }
  ~InputInMemory() { std::filesystem::remove_all(folder_); }
  InputInMemory(const InputInMemory&) = delete;

  const std::string& folder() const { return folder_; }
  const std::string& operator()(const void* data, size_t size) {
    if (::pwrite(fd_, data, size, 0) != ssize_t(size) || ::ftruncate(fd_, off_t(size)) != 0) std::abort();
    return path_;
  }

 private:
  std::string folder_ = text(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", "/camo_fuzz_", getpid());
  std::string path_ = folder_ + "/input";
  int fd_ = -1;
};

/// Crashes unless ok: a property that must hold for every input.
inline void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace camo::fuzz
