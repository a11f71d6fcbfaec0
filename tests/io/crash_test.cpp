#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>

#include "tensor/io/file.h"
#include "tensor/random.h"
#include "tests/io/weight_files.h"

using namespace camo;
using namespace camo::test;

namespace {

NamedTensors small_file(uint64_t seed) {
  return {{"layer.weight", randn({4, 5}, seed)},
          {"step", from<int64_t>({int64_t(seed), -1}, {2})},
          {"empty", zeros({0, 7})}};
}

int64_t g_at;
int g_fault;
int fail_at(const char*, int64_t number) { return number == g_at ? g_fault : 0; }
int kill_at(const char*, int64_t number) {
  if (number == g_at) kill(getpid(), SIGKILL);
  return 0;
}
std::vector<std::string> g_calls;
int note(const char* call, int64_t number) {
  if (number > 0 && (std::string(call) != "write" || g_calls.back() != "write")) g_calls.push_back(call);
  return 0;
}
}  // namespace

TEST_CASE("a save syncs the data before it renames the file, and the folder after it") {
  Folder folder;
  using Calls = std::vector<std::string>;
  g_calls.clear();
  set_file_hook(note);
  write_safetensors(folder.file("w"), small_file(1));
  CHECK(g_calls == Calls{"open", "write", "fsync", "close", "rename", "open", "fsync"});
  g_calls.clear();
  write_file(folder.file("quick"), "x", /*durable=*/false);
  CHECK(g_calls == Calls{"open", "write", "close", "rename"});
  set_file_hook(nullptr);
}

TEST_CASE("a save that is killed before or after any file call leaves the old file or the new one") {
  Folder folder;
  std::string path = folder.file("last.safetensors");
  write_safetensors(path, small_file(1));
  set_file_hook(nullptr);
  write_safetensors(folder.file("count"), small_file(2));
  const int64_t calls = set_file_hook(nullptr);
  CHECK(calls >= 8);
  bool was_old = false, was_new = false;
  for (g_at = 1; g_at <= calls + 1; ++g_at) {
    CAPTURE(g_at);
    pid_t child = fork();
    if (child == 0) {
      set_file_hook(kill_at);
      write_safetensors(path, small_file(2));
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status) == (g_at <= calls));
    SafeTensors in = read_safetensors(path, {.require_checksums = true});
    bool is_old = same(small_file(1), in), is_new = same(small_file(2), in);
    CHECK(is_old != is_new);
    was_old |= is_old, was_new |= is_new;
    remove_stale_temporaries(folder.path);
    CHECK(folder.count() == 2);
    write_safetensors(path, small_file(1));
  }
  CHECK((was_old && was_new));
}

TEST_CASE("when a file call of a save fails, the old file is whole, no temporary is left, the error names the call") {
  Folder folder;
  std::string path = folder.file("last.safetensors");
  write_safetensors(path, small_file(1));
  for (int error : {ENOSPC, EDQUOT, EIO, EROFS, EACCES}) {
    bool done = false;
    for (g_at = 1; !done; ++g_at) {
      CAPTURE(g_at);
      g_fault = error;
      set_file_hook(fail_at);
      std::string what;
      int code = 0;
      try {
        write_safetensors(path, small_file(1));
        done = true;
      } catch (const Error& e) {
        what = e.what(), code = e.exit_code();
      }
      set_file_hook(nullptr);
      CHECK(folder.count() == 1);
      CHECK(same(small_file(1), read_safetensors(path)));
      if (done) break;
      CHECK(what.find(path) != std::string::npos);
      bool full = error == ENOSPC || error == EDQUOT;
      CHECK(code == (full ? 6 : 3));
      CHECK((what.find("bytes needed") != std::string::npos && what.find(" free") != std::string::npos) == full);
    }
    CHECK(g_at > 8);
  }
  for (int harmless : {kShortWrite, int(EINTR)})
    for (g_at = 1; g_at <= 12; ++g_at) {
      g_fault = harmless;
      set_file_hook(fail_at);
      write_safetensors(path, small_file(uint64_t(g_at)));
      set_file_hook(nullptr);
      CHECK(same(small_file(uint64_t(g_at)), read_safetensors(path)));
    }
}
