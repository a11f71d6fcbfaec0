#include "tensor/io/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace camo {
namespace {

constexpr int64_t kWriteBytes = 4 << 20;  // bytes per write call
constexpr std::string_view kMark = ".tmp-";

// ---- faults ------------------------------------------------------------------------------------------

int g_fault = 0;  // the fault that CAMO_FAULT asks for: an errno, kShortWrite or kKill
int64_t g_fault_at = 0;
constexpr int kKill = -2;

int fault_from_environment(const char*, int64_t number) {
  if (number != g_fault_at) return 0;
  if (g_fault == kKill) kill(getpid(), SIGKILL);
  return g_fault;
}

FileHook read_environment() {
  const char* text = std::getenv("CAMO_FAULT");
  if (!text) return nullptr;
  std::string_view fault(text);
  size_t at = fault.find('@');
  constexpr std::pair<std::string_view, int> names[] = {{"kill", kKill},    {"short", kShortWrite}, {"ENOSPC", ENOSPC},
                                                        {"EIO", EIO},       {"EROFS", EROFS},       {"EDQUOT", EDQUOT},
                                                        {"EACCES", EACCES}, {"EINTR", EINTR},       {"EINVAL", EINVAL}};
  for (auto [name, value] : names)
    if (at != fault.npos && fault.substr(0, at) == name) g_fault = value;
  if (at != fault.npos) std::from_chars(fault.data() + at + 1, fault.data() + fault.size(), g_fault_at);
  return g_fault && g_fault_at > 0 ? fault_from_environment : nullptr;
}

std::atomic<FileHook> g_hook = read_environment();
std::atomic<int64_t> g_calls = 0;

/// The fault, if any, that the hook injects into the next call.
int fault(const char* call) {
  int64_t number = ++g_calls;
  FileHook hook = g_hook;
  return hook ? hook(call, number) : 0;
}

/// Runs `f`, which returns -1 and sets errno on failure, unless the hook injects a fault.  Repeats `f` after EINTR.
template <class F> auto attempt(const char* call, const F& f) {
  for (;;) {
    int pretended = fault(call);
    if (pretended > 0) errno = pretended;
    auto result = pretended > 0 ? decltype(f())(-1) : f();
    if (result != -1 || errno != EINTR) return result;
  }
}

std::string folder_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// Whether the error only says that a file system has no fsync of folders; some network file systems have not.
bool is_no_fault(int error) {
  return error == EINVAL || error == ENOTSUP || error == EOPNOTSUPP || error == ENOSYS || error == EACCES ||
         error == EPERM || error == EBADF;
}

/// Warns once: the file is written, and only a loss of power could still take it away.
void warn_not_durable(const std::string& folder, int error) {
  static std::atomic<bool> warned = false;
  if (!warned.exchange(true))
    std::fprintf(stderr,
                 "warning: %s: its file system cannot fsync a folder (%s): a power failure may lose the newest file\n",
                 folder.c_str(), std::strerror(error));
}

}  // namespace

int64_t set_file_hook(FileHook hook) {
  g_hook = hook;
  return g_calls.exchange(0);
}

// ---- reading -----------------------------------------------------------------------------------------

namespace {

const char* kind(mode_t mode) {
  return S_ISDIR(mode)    ? "is a folder, not a file"
         : S_ISFIFO(mode) ? "is a pipe, not a file"
         : S_ISSOCK(mode) ? "is a socket, not a file"
         : S_ISREG(mode)  ? nullptr
                          : "is a device, not a file";
}

int64_t nanoseconds(const timespec& t) { return int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec; }

/// Explains why there is no file at a path.
std::string absent(const std::string& path, int error) {
  struct stat facts;
  if (error == ELOOP) return "is a link that leads back to itself";
  if (error == ENOENT && lstat(path.c_str(), &facts) == 0) return "is a link that leads nowhere";
  return std::strerror(error);
}

}  // namespace

InputFile::InputFile(const std::string& path) {
  struct stat facts;
  if (path.find('\0') != path.npos) problem_ = "a path cannot hold the character 0";
  else if (stat(path.c_str(), &facts) != 0) problem_ = absent(path, errno);
  else if (const char* what = kind(facts.st_mode)) problem_ = what;
  if (!problem_.empty()) return;
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);  // the path may have changed since stat()
  if (fd_ < 0 || fstat(fd_, &facts) != 0) problem_ = std::strerror(errno);
  else if (const char* what = kind(facts.st_mode)) problem_ = what;
  size_ = facts.st_size, changed_ns_ = nanoseconds(facts.st_mtim);
  identity_ = {facts.st_dev, facts.st_ino};
}

InputFile::InputFile(InputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      changed_ns_(other.changed_ns_),
      identity_(other.identity_) {}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

bool InputFile::read(int64_t offset, void* to, int64_t n) const {
  char* p = static_cast<char*>(to);
  while (n > 0) {
    const FileHook hook = g_hook;
    const int pretended = hook ? hook("read", 0) : 0;
    const int64_t piece = std::min<int64_t>(pretended == kShortWrite ? (n + 1) / 2 : n, 1 << 30);
    if (pretended > 0) errno = pretended;
    const ssize_t got = pretended > 0 ? -1 : ::pread(fd_, p, size_t(piece), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    p += got, offset += got, n -= got;
  }
  return true;
}

bool InputFile::unchanged() const {
  struct stat now;
  return fstat(fd_, &now) == 0 && now.st_size == size_ && nanoseconds(now.st_mtim) == changed_ns_;
}

// ---- writing -----------------------------------------------------------------------------------------

OutputFile::OutputFile(std::string path, int64_t bytes_needed)
    : path_(std::move(path)), temporary_(text(path_, kMark, getpid())), needed_(bytes_needed) {
  fd_ = attempt(
      "open", [&] { return ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666); });
  if (fd_ < 0) fail("open", errno);
  exists_ = true;
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
  if (exists_) ::unlink(temporary_.c_str());
}

void OutputFile::write(const void* data, int64_t n) {
  const char* p = static_cast<const char*>(data);
  while (n > 0) {
    int64_t piece = std::min(n, kWriteBytes);
    int pretended = fault("write");
    if (pretended == kShortWrite) piece = (piece + 1) / 2;
    if (pretended > 0) errno = pretended;
    ssize_t done = pretended > 0 ? -1 : ::write(fd_, p, size_t(piece));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("write", done < 0 ? errno : ENOSPC);
    p += done, n -= done;
  }
}

void OutputFile::commit(bool durable) {
  if (durable && attempt("fsync", [&] { return ::fsync(fd_); }) != 0) fail("fsync", errno);
  int fd = std::exchange(fd_, -1);
  int error = fault("close");
  if (::close(fd) != 0 && error <= 0) error = errno;
  if (error > 0 && error != EINTR) fail("close", error);  // after EINTR the descriptor is closed as well
  if (attempt("rename", [&] { return ::rename(temporary_.c_str(), path_.c_str()); }) != 0) fail("rename", errno);
  exists_ = false;
  if (!durable) return;
  int folder = attempt("open", [&] { return ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  int synced = folder < 0 ? -1 : attempt("fsync", [&] { return ::fsync(folder); });
  error = errno;
  if (folder >= 0) ::close(folder);
  if (synced == 0) return;
  if (is_no_fault(error)) warn_not_durable(folder_of(path_), error);
  else fail("fsync of the folder", error);
}

void OutputFile::fail(const char* call, int error) {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  if (std::exchange(exists_, false)) ::unlink(temporary_.c_str());
  bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;  // EFBIG: beyond `ulimit -f`
  struct statvfs disk;
  if (full && statvfs(folder_of(path_).c_str(), &disk) == 0)
    throw MemoryError(text("write: ", path_, ": ", std::strerror(error), ": ", needed_, " bytes needed, ",
                           uint64_t(disk.f_bavail) * disk.f_frsize, " free"));
  throw DataError(text("write: ", path_, ": ", call, ": ", std::strerror(error)));
}

void write_file(const std::string& path, std::string_view bytes, bool durable) {
  OutputFile file(path, int64_t(bytes.size()));
  file.write(bytes.data(), int64_t(bytes.size()));
  file.commit(durable);
}

void append_file(const std::string& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  struct stat before {};
  int error = fd >= 0 && ::fstat(fd, &before) == 0 ? 0 : errno;
  if (!error) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n != ssize_t(bytes.size())) error = n < 0 ? errno : ENOSPC;
    else if (::fsync(fd) != 0) error = errno;
    if (error && ::ftruncate(fd, before.st_size) != 0) error = errno;
  }
  if (fd >= 0) ::close(fd);
  check<MemoryError>(!error, path, ": cannot be written: ", std::strerror(error), ", needs ", bytes.size(), " bytes");
}

int remove_stale_temporaries(const std::string& folder) {
  int removed = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::string name = entry.path().filename().string();
    size_t at = name.rfind(kMark);
    if (at == name.npos) continue;
    const char *digits = name.data() + at + kMark.size(), *end = name.data() + name.size();
    pid_t pid = 0;
    auto parsed = std::from_chars(digits, end, pid);
    if (parsed.ec != std::errc() || parsed.ptr != end || pid <= 0) continue;
    bool alive = pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM);
    if (!alive && ::unlink(entry.path().c_str()) == 0) ++removed;
  }
  return removed;
}

}  // namespace camo
