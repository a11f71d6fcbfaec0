// A file system that lacks something, for LD_PRELOAD.  Some network file systems are such.
//   ODD_FOLDER_FSYNC=ERRNO   fsync of a folder fails
//   ODD_FLOCK=ERRNO          flock fails
//   ODD_THREADS=1            pthread_create fails with EAGAIN
#include <dlfcn.h>
#include <pthread.h>
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

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* options, void* (*run)(void*), void* argument) {
  if (std::getenv("ODD_THREADS")) return EAGAIN;
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const Create create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, options, run, argument);
}
