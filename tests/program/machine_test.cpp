// The program where the machine is not as usual: started from another folder, no more threads, a terminal that cannot
// redraw, a disk that is nearly full, a processor without what the build needs.
#include <doctest/doctest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "examples/camo/options/files.h"
#include "examples/camo/record/run_record.h"
#include "tensor/io/file.h"
#include "tensor/io/io.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using test::contains, test::run_camo, test::TempFolder;
namespace fs = std::filesystem;

namespace {

void put_script(const fs::path& file, const std::string& lines) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << "#!/bin/sh\n" << lines << "\n";
  fs::permissions(file, fs::perms::owner_all);
}

/// What a shell command prints to both outputs, and its exit status.
std::pair<std::string, int> shell(const std::string& command) {
  TempFolder folder;
  const int status = std::system(("( " + command + " ) >" + folder.path + "/out 2>&1").c_str());
  return {read_file<DataError>(folder / "out"), WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

/// All that camo prints on a terminal of this kind.
std::string on_terminal(const std::string& term, const std::vector<std::string>& words) {
  int terminal = -1;
  winsize size{};
  size.ws_col = 200;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    ::setenv("TERM", term.c_str(), 1);
    std::vector<char*> arguments{const_cast<char*>(CAMO_BINARY)};
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(CAMO_BINARY, arguments.data());
    ::_exit(127);
  }
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = ::read(terminal, buffer, sizeof buffer)) > 0;) out.append(buffer, size_t(n));
  ::close(terminal);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  return out;
}

}  // namespace

TEST_CASE("./run camo works in the folder where the caller is") {
  TempFolder folder;
  fs::create_directories(folder.path + "/house/third_party");
  fs::copy_file(CAMO_SOURCE_DIR "/run", folder.path + "/house/run");
  for (const char* list : {"packages", "packages.test"}) std::ofstream(folder.path + "/house/third_party/" + list);
  put_script(folder.path + "/bin/cmake", "exit 0");
  put_script(folder.path + "/house/build/camo", "echo \"in $PWD: $*\"");
  fs::create_directories(folder.path + "/elsewhere");
  const auto [out, status] = shell("cd " + folder.path + "/elsewhere && PATH=" + folder.path +
                                   "/bin:$PATH ../house/run camo predict photo.jpg");
  CHECK(status == 0);
  CHECK(contains(out, "in " + fs::canonical(folder.path + "/elsewhere").string() + ": predict photo.jpg"));
}

TEST_CASE("a terminal that cannot redraw a line gets plain lines") {
  TempFolder folder;
  auto train = [&](const std::string& term) {
    return on_terminal(term, {"train", "--data", "synthetic", "--count", "4", "--epochs", "1", "--size", "32",
                              "--batch-size", "2", "--threads", "1", "--out", folder.path + "/" + term});
  };
  CHECK(contains(train("xterm"), "\033[K"));
  const std::string dumb = train("dumb");
  CHECK(!contains(dumb, "\033"));
  CHECK(contains(dumb, "epoch 1: loss"));
}

TEST_CASE("a system that starts no more threads: the message says so, and what to do") {
  const auto [out, status] = shell("ODD_THREADS=1 LD_PRELOAD=" CAMO_ODD_SYSTEM " " CAMO_BINARY
                                   " bench predict --size 64 --count 1 --threads 2");
  CHECK(status == 6);
  CHECK(contains(out, "the system starts no more threads [ulimit -u; --threads 1 --workers 0]"));
}

TEST_CASE("a new run needs room for its checkpoints; one that goes on is only warned") {
  TempFolder folder;
  std::string warned;
  RunRecord run(RunFolder::create(folder / "run"), [&](const std::string& words) { warned += words; });
  const int64_t parameters = int64_t(1) << 50;
  CHECK_THROWS_WITH_AS(run.check_disk(parameters, /*only_warn=*/false), doctest::Contains("checkpoints need"),
                       MemoryError);
  CHECK(warned.empty());
  run.check_disk(parameters, /*only_warn=*/true);
  CHECK(contains(warned, "warning: "));
  CHECK(contains(warned, "checkpoints need"));
  run.check_disk(1, /*only_warn=*/false);
}

TEST_CASE("an export that another program saved again is told from a damaged one") {
  TempFolder folder;
  const std::string file = folder / "w.safetensors";
  write_safetensors(file, {{"a", from<float>({1, 2}, {2})}}, {{"note", "x"}});
  std::string bytes = read_file<DataError>(file);
  // Another program keeps the metadata and sorts the entries anew: here one space moves.
  const size_t at = bytes.find("\"note\":\"x\"");
  REQUIRE(at != bytes.npos);
  bytes[at + 8] = 'y';
  write_file(file, bytes);
  CHECK_THROWS_WITH_AS(read_safetensors(file),
                       doctest::Contains("another program saved the file again with Camo's metadata: save it without"),
                       WeightsError);
}

#ifdef __x86_64__
TEST_CASE("a build for a newer processor ends with the name of what is missing") {
  TempFolder folder;
  std::ofstream(folder / "main.cpp") << "#include \"examples/camo/commands/commands.h\"\n"
                                        "int main() { camo::program::link_processor_check(); }\n";
  const auto [out, status] =
      shell("c++ -std=c++20 -mavx2 -I" CAMO_SOURCE_DIR " '-D__builtin_cpu_supports(x)=0' " CAMO_SOURCE_DIR
            "/examples/camo/commands/processor.cpp " +
            folder.path + "/main.cpp -o " + folder.path + "/old && " + folder.path + "/old");
  CHECK(status == 6);
  CHECK(contains(out, "camo: this processor has no SSE4.2, which this build uses [build Camo with cmake -DCAMO_ARCH="));
}
#endif
