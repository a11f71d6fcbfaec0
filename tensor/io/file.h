// File access.  Only regular files are read.  A crash during a save leaves either the old file or the new one.
//
// A save writes to a temporary name in the same folder, checks every return value, syncs the data, renames the file and
// syncs the folder.  Both syncs are needed: rename is atomic, but the contents and the name reach the disk only with
// their own sync.  (Writing in place left a damaged file in a quarter of the trials that killed the process.)
//
// Every system call of a save first calls a hook, so that a test can kill the process before each call in turn or make
// the call fail.  The environment variable CAMO_FAULT sets a hook: kill@7, short@3, ENOSPC@4 (also EIO, EROFS, EDQUOT,
// EACCES, EINTR).  Calls are counted from 1 over the life of the process.  Reads call the hook too but are not counted.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tensor/error.h"

namespace camo {

/// Called before file call `number` ("open", "write", "fsync", "close", "rename"; 0 for "read").  Returns 0 to let the
/// call happen, kShortWrite to write only half, or the errno with which the call fails.
using FileHook = int (*)(const char* call, int64_t number);
constexpr int kShortWrite = -1;
/// Sets the hook (nullptr removes it), restarts the count, and returns the number of calls counted so far.
int64_t set_file_hook(FileHook hook);

/// A regular file open for reading, or a link to one.  Anything else is refused without being opened, because opening a
/// pipe can hang and opening a device can have effects.  open() throws E with the text `op: path: <rule>reason`.
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
  /// Device and inode number: equal for two names of the same file.
  std::pair<uint64_t, uint64_t> identity() const { return identity_; }
  /// Reads n bytes at `offset`.  Returns false when the file is too short or the system call fails.
  [[nodiscard]] bool read(int64_t offset, void* to, int64_t n) const;
  /// True while size and modification time are those found by open(), so nobody has written to the file since (within
  /// the resolution of the file system's clock).  A renamed or removed file counts as unchanged.
  [[nodiscard]] bool unchanged() const;

 private:
  explicit InputFile(const std::string& path);
  int fd_ = -1;
  int64_t size_ = 0, changed_ns_ = 0;
  std::pair<uint64_t, uint64_t> identity_;
  std::string problem_;
};

/// Writes `path` through the temporary file `path.tmp-PID`.  Without commit(), or after any failure, the temporary is
/// removed and the old file at `path` is untouched.  Throws MemoryError for a full disk (with path, bytes needed, bytes
/// free), else DataError with the path, the call and the system's reason.
class OutputFile {
 public:
  OutputFile(std::string path, int64_t bytes_needed);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, int64_t n);
  /// Renames the temporary to `path`.  With `durable`, file and folder are synced, so a power cut after the
  /// return loses nothing.
  void commit(bool durable = true);

 private:
  [[noreturn]] void fail(const char* call, int error);

  std::string path_, temporary_;
  int64_t needed_;
  int fd_ = -1;
  bool exists_ = false;  // whether the temporary exists
};

/// Writes a whole file through OutputFile.
void write_file(const std::string& path, std::string_view bytes, bool durable = true);
inline void write_file(const std::string& path, std::span<const uint8_t> bytes, bool durable = true) {
  write_file(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), durable);
}

/// Appends all bytes in one write, and syncs.  After MemoryError, which names the path and the bytes needed, the file is
/// as before.  Such a write calls no hook.
void append_file(const std::string& path, std::string_view bytes);

/// Removes temporaries of processes that no longer run from a folder; returns how many.
int remove_stale_temporaries(const std::string& folder);

}  // namespace camo
