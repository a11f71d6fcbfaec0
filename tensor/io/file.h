// Files: reading regular ones only, and writing so that a crash at any moment leaves the old file or the new one.
//
// A save writes a temporary name in the same folder, checks every return value, syncs the data, renames, and
// syncs the folder: rename is atomic, but neither contents nor names are on the disk before their sync.
// Writing in place loses a quarter of the files when the process is killed meanwhile.
//
// Every call of the save path asks a hook first, so that a test can kill the process before each one in turn,
// or make it fail.  The environment variable CAMO_FAULT sets one: kill@7, short@3, ENOSPC@4 (EIO, EROFS,
// EDQUOT, EACCES, EINTR); calls are counted from 1 over the life of the process.  Reads ask it too, uncounted.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tensor/error.h"

namespace camo {

/// Called before file call `number` ("open", "write", "fsync", "close", "rename"; 0 for "read"); returns 0 to
/// let it happen, kShortWrite to write only half, or the errno it is to fail with.
using FileHook = int (*)(const char* call, int64_t number);
constexpr int kShortWrite = -1;
/// Sets the hook (nullptr: none), restarts the count, returns the calls counted so far.
int64_t set_file_hook(FileHook hook);

/// A regular file for reading, or a link that leads to one; all else is refused without being opened, for a pipe
/// would hang and a device may act.  Throws E naming `op` and the path: `op: PATH: reason`, `rule` before the reason.
class InputFile {
 public:
  template <class E> static InputFile open(const std::string& path, const char* op, const char* rule = "") {
    InputFile file(path);
    if (!file.problem_.empty()) throw E(text(op, ": ", path, ": ", rule, file.problem_));
    return file;
  }
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  int64_t size() const { return size_; }
  /// Device and number: equal for two names of one file.
  std::pair<uint64_t, uint64_t> identity() const { return identity_; }
  /// Reads n bytes at `offset`; false when the file ends before, or when the system fails.
  [[nodiscard]] bool read(int64_t offset, void* to, int64_t n) const;
  /// Whether size and time of change are still those found by open(): so far as the system's clock ticks, nobody
  /// wrote to the file meanwhile.  One that was renamed or removed is still the same file here.
  [[nodiscard]] bool unchanged() const;

 private:
  explicit InputFile(const std::string& path);
  int fd_ = -1;
  int64_t size_ = 0, changed_ns_ = 0;
  std::pair<uint64_t, uint64_t> identity_;
  std::string problem_;
};

/// Writes `path` by way of `path.tmp-PID`.  Without commit(), or when anything fails, the temporary is
/// removed and what stood at `path` is untouched.  Throws MemoryError for a full disk (path, bytes needed,
/// bytes free), else DataError with the path, the call and the system's reason.
class OutputFile {
 public:
  OutputFile(std::string path, int64_t bytes_needed);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, int64_t n);
  /// Makes the file take its name.  `durable` syncs file and folder: after it returns, a power cut loses
  /// nothing.
  void commit(bool durable = true);

 private:
  [[noreturn]] void fail(const char* call, int error);

  std::string path_, temporary_;
  int64_t needed_;
  int fd_ = -1;
  bool exists_ = false;  // the temporary does
};

/// Writes a whole file as OutputFile does.
void write_file(const std::string& path, std::string_view bytes, bool durable = true);
inline void write_file(const std::string& path, std::span<const uint8_t> bytes, bool durable = true) {
  write_file(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), durable);
}

/// Removes the temporaries that dead processes left in a folder; returns how many.
int remove_stale_temporaries(const std::string& folder);

}  // namespace camo
