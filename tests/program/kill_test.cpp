// A killed run leaves a checkpoint that loads and continues.  CAMO_KILLS=100 runs the long version.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "examples/camo/trained/checkpoint.h"
#include "tensor/io/file.h"
#include "tensor/random.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::test;
namespace fs = std::filesystem;

namespace {

int64_t kills() {
  const char* wanted = std::getenv("CAMO_KILLS");
  return wanted ? std::max(1, std::atoi(wanted)) : 3;
}

/// Starts build/camo and does not wait for it.
pid_t start(const std::vector<std::string>& arguments) {
  pid_t child = ::fork();
  if (child == 0) {
    std::vector<char*> argv{const_cast<char*>(CAMO_BINARY)};
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, 1), ::dup2(nowhere, 2);
    ::execv(CAMO_BINARY, argv.data());
    ::_exit(127);
  }
  return child;
}

std::vector<std::string> endless_run(const std::string& out) {
  return {"train", "--data",   "synthetic", "--count", "4", "--batch-size", "2", "--size",
          "32",    "--epochs", "100000",    "--out",   out};
}

void wait_for(const std::string& file) {
  for (int i = 0; i < 6000 && !fs::exists(file); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  REQUIRE(fs::exists(file));
}

/// Checks that the newest checkpoints load.
void check_loads(const std::string& run) {
  program::Checkpoint last = program::load_checkpoint(run + "/last.safetensors");
  CHECK(!last.optimizer.empty());
  CHECK(!program::load_checkpoint(run + "/best.safetensors").model.empty());
}

/// The file calls at which a continued run is disturbed: a few spread over its saves; in the long version
/// all, thinned out.
std::vector<int64_t> calls() {
  std::vector<int64_t> out = {1, 4, 7, 9, 300, 1200, 2000};
  if (kills() < 100) return out;
  for (int64_t call = 2; call < 2200; call += call < 30 || call > 1950 ? 1 : 41) out.push_back(call);
  return out;
}

/// A finished run of one epoch, copied afresh each time it is resumed.
struct ResumedRun {
  TempFolder folder;
  std::string run = folder / "run", copy = folder / "copy";

  ResumedRun() {
    REQUIRE(run_camo("train --data synthetic --count 4 --batch-size 2 --size 32 --epochs 1 --out " + run).code == 0);
    renew();
  }
  void renew() {
    fs::remove_all(copy);
    fs::copy(run, copy, fs::copy_options::recursive);
  }
  ProcessResult resume(const std::string& environment = "") {
    return run_camo("train --resume " + copy + " --epochs 2", environment);
  }
};

int64_t g_kill_at = 0;
int kill_hook(const char*, int64_t number) {
  if (number == g_kill_at) ::raise(SIGKILL);
  return 0;
}

program::Checkpoint small_checkpoint(int64_t epoch) {
  program::Checkpoint c;
  c.state.set("epoch", epoch);
  for (const char* name : {"a", "b", "c"}) c.model.emplace_back(name, full({3, 5}, double(epoch)));
  c.optimizer = c.ema = c.model;
  return c;
}

}  // namespace

TEST_CASE("kill -9 at random moments leaves loadable checkpoints, and the run can continue") {
  TempFolder folder;
  std::string run = folder / "run";
  Random random({.seed = uint64_t(::getpid()), .domain = Domain::test});
  pid_t child = start(endless_run(run));
  wait_for(run + "/last.safetensors");
  for (int64_t i = 0; i < kills(); ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(1500000)));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));  // it was still running
    check_loads(run);
    child = start({"train", "--resume", run});
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_CASE("a kill before each file call of a save leaves the old checkpoint or the new one") {
  TempFolder folder;
  const std::string file = folder / "last.safetensors";
  int64_t old_ones = 0, new_ones = 0;
  for (g_kill_at = 1;; ++g_kill_at) {
    program::save_checkpoint(file, small_checkpoint(1));
    pid_t child = ::fork();
    if (child == 0) {
      set_file_hook(kill_hook);
      program::save_checkpoint(file, small_checkpoint(2));
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    program::Checkpoint found = program::load_checkpoint(file);
    int64_t epoch = found.state.integer("epoch");
    CHECK(equal_bits(found.optimizer.at(2).second, full({3, 5}, double(epoch))));
    (epoch == 1 ? old_ones : new_ones) += 1;
    if (!WIFSIGNALED(status)) break;
  }
  CHECK(old_ones >= 10);
  CHECK(new_ones >= 2);
}

TEST_CASE("a run killed during saves leaves loadable checkpoints, and continues to the same bits") {
  ResumedRun test;
  REQUIRE(test.resume().code == 0);
  const uint64_t whole = weights_hash(test.copy + "/last.safetensors");
  int64_t killed = 0;
  for (int64_t call : calls()) {
    CAPTURE(call);
    test.renew();
    killed += test.resume(text("CAMO_FAULT=kill@", call)).code != 0;
    check_loads(test.copy);
    CHECK(test.resume().code == 0);
    CHECK(weights_hash(test.copy + "/last.safetensors") == whole);
  }
  CHECK(killed >= 5);
}

TEST_CASE("a full disk leaves whole checkpoints and an error that says how much space was needed") {
  ResumedRun test;
  const uint64_t before = weights_hash(test.run + "/last.safetensors");
  int64_t old_ones = 0;
  for (int64_t call : calls()) {
    CAPTURE(call);
    test.renew();
    const ProcessResult f = test.resume(text("CAMO_FAULT=ENOSPC@", call));
    check_loads(test.copy);
    CHECK((f.code == 0 || f.code == 6));
    if (f.code == 6) CHECK(f.error.find("needed") != std::string::npos);
    old_ones += f.code == 6 && weights_hash(test.copy + "/last.safetensors") == before;
  }
  CHECK(old_ones > 0);
}
