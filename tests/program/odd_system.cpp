// A file system that lacks something, for LD_PRELOAD.  Some network file systems are such.
//   ODD_FOLDER_FSYNC=ERRNO   fsync of a folder fails
//   ODD_FLOCK=ERRNO          flock fails
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

extern "C" int fsync(int file) {
  struct stat facts;
  const char* error = std::getenv("ODD_FOLDER_FSYNC");
  if (error && ::fstat(file, &facts) == 0 && S_ISDIR(facts.st_mode)) return errno = std::atoi(error), -1;
  return int(::syscall(SYS_fsync, file));
}

extern "C" int flock(int file, int operation) noexcept {
  if (const char* error = std::getenv("ODD_FLOCK")) return errno = std::atoi(error), -1;
  return int(::syscall(SYS_flock, file, operation));
}
