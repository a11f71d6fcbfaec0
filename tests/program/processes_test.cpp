// The program under mpirun: the bits of one process, files split among processes, failures that are named.
// Skipped, and says so, in a build without MPI.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/run/epoch_batches.h"
#include "examples/camo/run/prepare.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using namespace camo::test;
namespace fs = std::filesystem;

namespace {

bool has_mpi() {
  if (*CAMO_MPIEXEC) return true;
  CHECK_MESSAGE(!std::getenv("CAMO_OPTIONAL"), "CAMO_OPTIONAL asks for MPI, and this build has none");
  MESSAGE("skipped: built without MPI");
  return false;
}

/// The shell line that runs build/camo as `processes` processes; one process needs no launcher.
std::string line(int processes, const std::string& arguments) {
  const std::string camo = text(CAMO_BINARY, " ", arguments);
  if (processes == 1) return camo;
  return text(
      "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 "
      "OMPI_MCA_hwloc_base_binding_policy=none ",
      CAMO_MPIEXEC, " -n ", processes, " ", camo);
}

/// Sends a signal to one process of a run: the first or last of those of build/camo that have `out` as their last word.
bool signal_one(const std::string& out, int signal, bool last) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const pid_t pid = pid_t(std::atoi(entry.path().filename().c_str()));
    std::ifstream file(entry.path() / "cmdline");
    const std::string words{std::istreambuf_iterator<char>(file), {}};
    if (pid > 0 && words.starts_with(CAMO_BINARY) && words.ends_with(out + '\0')) found.push_back(pid);
  }
  std::sort(found.begin(), found.end());
  if (found.size() < 2) return false;
  return ::kill(last ? found.back() : found.front(), signal) == 0;
}

struct Run {
  int code;
  std::string said;  // on standard output, then on standard error
};
Run run_line(const std::string& words) {
  const TempFolder folder;
  const std::string out = folder / "out", error = folder / "error";
  const int status = std::system((words + " > " + out + " 2> " + error).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
          read_file<DataError>(out) + read_file<DataError>(error)};
}
Run run(int processes, const std::string& arguments) { return run_line(line(processes, arguments)); }

const std::string kTiny =
    "train --data synthetic --backbone pvt_v2_b0 --count 24 --size 32 --batch-size 2 --seed 5 --threads 1 --workers 0 ";

/// camoxpert-sparse on b0 has batch norm; drop path is on by default, so is balancing by a bias.
std::string launch(int processes, const std::string& more, const std::string& out) {
  return text(kTiny, more, " --accumulate ", 4 / processes, " --out ", out);
}

}  // namespace

TEST_CASE("the batches of a step are dealt out in turn, whatever the number of processes") {
  TrainConfig c = tiny_config("out");
  c.batch_size = 2, c.accumulate = 3, c.count = 14, c.workers = 0;  // 7 batches: steps of 3, 3 and 1
  const Splits data = find_splits(c);
  const Stages stages(c, data.train.size());
  const Stage& stage = stages.all()[0];
  for (int64_t done : {0, 3})
    for (int n : {1, 2, 3, 4}) {
      EpochBatches all(data.train, stage, 1, done);
      std::vector<std::unique_ptr<EpochBatches>> each;
      for (int r = 0; r < n; ++r) each.push_back(std::make_unique<EpochBatches>(data.train, stage, 1, done, r, n));
      for (std::vector<Sample> step = all.next_step({}); !step.empty(); step = all.next_step({})) {
        std::vector<std::vector<Sample>> dealt;
        for (auto& batches : each) {
          CHECK(batches->next_count() == int64_t(step.size()));
          dealt.push_back(batches->next_step({}));
        }
        for (size_t i = 0; i < step.size(); ++i) {
          const Sample& got = dealt[i % size_t(n)].at(i / size_t(n));
          CHECK((equal_bits(got.image, step[i].image) && equal_bits(got.mask, step[i].mask)));
        }
      }
    }
}

TEST_CASE("2 processes end with the bits of one that accumulates: stages, averages, both balancings, fp32 and bf16") {
  if (!has_mpi()) return;
  for (const std::string more : {"--epochs 2 --stage1-epochs 1 --ema-decay 0.9", "--epochs 1 --precision bf16",
                                 "--epochs 1 --router balancing=auxiliary --recompute all --augment scales=1:2"}) {
    CAPTURE(more);
    TempFolder folder;
    const Run one = run(1, launch(1, more, folder / "one"));
    REQUIRE_MESSAGE(one.code == 0, one.said);
    const Run two = run(2, launch(2, more, folder / "two"));
    REQUIRE_MESSAGE(two.code == 0, two.said);
    CHECK(ending(folder / "one") == ending(folder / "two"));
  }
}

TEST_CASE("a run that one process's signal has stopped goes on with another number of processes to the same bits") {
  if (!has_mpi()) return;
  TempFolder folder;
  const std::string more = "--epochs 12 --ema-decay 0.9";
  REQUIRE(run(1, launch(1, more, folder / "one")).code == 0);
  const std::string out = folder / "two";
  std::thread stopper([&] {  // one of the processes, as soon as the first epoch is saved
    for (int i = 0; i < 12000 && !fs::exists(out + "/last.safetensors"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    signal_one(out, SIGTERM, /*last=*/false);
  });
  const Run two = run(2, launch(2, more, out));
  stopper.join();
  CHECK_MESSAGE(two.code == 128 + SIGTERM, two.said);
  CHECK_MESSAGE(contains(two.said, "stopped by signal 15 at step "), two.said);
  CHECK(ending(out) != ending(folder / "one"));
  CHECK(run(1, "train --resume " + out).code == 0);
  CHECK(ending(out) == ending(folder / "one"));
}

TEST_CASE("eval, predict and check-data by 2 and 3 processes write what one writes, byte for byte") {
  if (!has_mpi()) return;
  TempFolder folder;
  REQUIRE(run(1, kTiny + "--epochs 1 --out " + folder / "run").code == 0);
  REQUIRE(run(1, "synth --out " + folder / "set --count 7 --size 40").code == 0);
  std::string mask;
  for (const auto& entry : fs::directory_iterator(folder / "set/GT"))
    mask = read_file<DataError>(entry.path().string());
  const auto broken = [&](bool there) {  // a photograph that cannot be read, with a mask that can
    if (there) return write_file(folder / "set/Image/x.png", "no picture"), write_file(folder / "set/GT/x.png", mask);
    fs::remove(folder / "set/Image/x.png"), fs::remove(folder / "set/GT/x.png");
  };
  const auto results = [&](int n) {
    const std::string to = folder / text("by", n);
    fs::create_directories(to);
    std::vector<std::string> out;
    const auto note = [&](const std::string& words, bool with_broken) {  // the exit code and what was printed
      broken(with_broken);
      Run r = run(n, words + " --threads 1");
      for (size_t at; (at = r.said.find(to)) != r.said.npos;) r.said.replace(at, to.size(), "OUT");
      if (const size_t at = r.said.rfind(" pairs in "); at != r.said.npos) r.said.erase(at, r.said.find('\n', at) - at);
      // Whatever the launcher adds to another exit code than 0 comes after a line of dashes.
      out.push_back(text(r.code)), out.push_back(r.said.substr(0, r.said.find("--------------------")));
    };
    const std::string weights = " --weights " + folder / "run", set = folder / "set";
    note("predict" + weights + " " + set + "/Image --format png,mask,json,coco --tta flip --out " + to + "/found",
         true);
    note("eval" + weights + " --data " + set + " --report " + to + "/report", true);
    note("eval --pred " + to + "/found/map --gt " + set + "/GT --csv " + to + "/b.csv", false);
    note("check-data " + set, true);
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(to))
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    for (const std::string& file : files)
      out.push_back(file.substr(to.size())), out.push_back(read_file<DataError>(file));
    return out;
  };
  const std::vector<std::string> one = results(1);
  CHECK(one.size() > 30);
  CHECK((one[0] == "3" && contains(one[1], "x.png") && one[2] == "3" && contains(one[3], "x.png")));
  for (int n : {2, 3}) {
    const std::vector<std::string> more = results(n);
    REQUIRE(more.size() == one.size());
    for (size_t i = 0; i < one.size(); ++i) CHECK_MESSAGE(more[i] == one[i], n, " processes: ", one[i].substr(0, 80));
  }
}

TEST_CASE("processes that do not agree stop at the start, and say in what") {
  if (!has_mpi()) return;
  TempFolder folder;
  const std::string camo = CAMO_BINARY, other = folder / "camo";
  fs::copy_file(camo, other);
  std::ofstream(other, std::ios::app) << "another program";
  const std::string flags = kTiny + "--epochs 2 --stage1-epochs 1 --out " + folder / "run";
  for (const auto& [second, said] : {std::pair{camo + " " + flags + " --lr 1e-5", "same flags, got another --lr"},
                                     {camo + " " + flags + " --stage1-lr 1e-5", "same stages, got others"},
                                     {other + " " + flags, "same program, got "}}) {
    CAPTURE(second);
    std::string words = line(2, flags);
    words.replace(words.find(" -n 2 "), 6, " -n 1 ");
    const Run r = run_line(words + " : -n 1 " + second);
    CHECK(r.code == 2);
    CHECK_MESSAGE(contains(r.said, text("camo: processes: all have the ", said)), r.said);
    CHECK_MESSAGE(contains(r.said, " at process 1 of 2 on "), r.said);
    CHECK(!fs::exists(folder / "run/config.json"));
  }
}

TEST_CASE("a process that stands still is named by the others within the deadline") {
  if (!has_mpi()) return;
  using Clock = std::chrono::steady_clock;
  TempFolder folder;
  const std::string out = folder / "run";
  bool stopped = false;
  Clock::time_point when;
  std::thread stopper([&] {
    for (int i = 0; i < 12000 && !fs::exists(out + "/last.safetensors"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stopped = signal_one(out, SIGSTOP, /*last=*/true), when = Clock::now();
  });
  const Run stalled = run(2, kTiny + "--epochs 1000 --deadline 5 --out " + out);
  const double seconds = std::chrono::duration<double>(Clock::now() - when).count();
  stopper.join();
  REQUIRE(stopped);
  CHECK(stalled.code == 6);
  CHECK_MESSAGE(contains(stalled.said, "camo: nothing has come for 4 seconds from process "), stalled.said);
  CHECK_MESSAGE(contains(stalled.said, " [--deadline SECONDS waits longer]"), stalled.said);
  CHECK((seconds > 3 && seconds < 30));  // with the launcher's own end
  CHECK(run(1, "inspect --hash " + out + "/last.safetensors").code == 0);
}
