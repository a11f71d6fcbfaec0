// The program on systems that are not as usual: file systems that lack something, signals of batch systems, closed or
// full standard output, quotas; and paths that move, or are spelt in unusual ways.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "examples/camo/options/config.h"
#include "examples/camo/options/files.h"
#include "examples/camo/record/epoch_sums.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/trained/run_folder.h"
#include "tensor/image/image.h"
#include "tensor/io/io.h"
#include "tensor/parallel.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using test::contains;
using test::ProcessResult, test::run_camo, test::TempFolder;
namespace fs = std::filesystem;

namespace {

const std::string kTrain = "train --data synthetic --count 4 --epochs 1 --size 32 --batch-size 2 --threads 1 --out ";

std::string content(const std::string& file) { return read_file<DataError>(file); }

/// Three pairs with a small object, in DIR/Image and DIR/GT.
void make_data(const fs::path& dir) {
  fs::create_directories(dir / "Image"), fs::create_directories(dir / "GT");
  for (int i = 0; i < 3; ++i) {
    Tensor mask = full({24, 24, 1}, 0, DType::u8);
    for (int k = 0; k < 60; ++k) mask.write<uint8_t>()[k] = 255;
    write_png(dir / "Image" / text(i, ".png"), full({24, 24, 3}, 40 * i, DType::u8));
    write_png(dir / "GT" / text(i, ".png"), mask);
  }
}

}  // namespace

TEST_CASE("a file system without fsync of folders, or without locks, gets a warning and no error") {
  TempFolder folder;
  const std::string preload = "LD_PRELOAD=" CAMO_ODD_SYSTEM " ";
  for (int error : {EINVAL, ENOTSUP, EACCES}) {
    CAPTURE(error);
    const ProcessResult r = run_camo(kTrain + (folder / text("a", error)), preload + text("ODD_FOLDER_FSYNC=", error));
    CHECK(r.code == 0);
    CHECK(contains(r.error, "cannot fsync a folder"));
  }
  CHECK(run_camo(kTrain + (folder / "eio"), preload + text("ODD_FOLDER_FSYNC=", EIO)).code != 0);
  for (int error : {ENOSYS, ENOLCK}) {
    const ProcessResult r = run_camo(kTrain + (folder / text("b", error)), preload + text("ODD_FLOCK=", error));
    CHECK(r.code == 0);
    CHECK(contains(r.error, "is not locked"));
  }
  const ProcessResult locked = run_camo(kTrain + (folder / "c"), preload + text("ODD_FLOCK=", EWOULDBLOCK));
  CHECK(contains(locked.error, "is in use by process"));
}

TEST_CASE("signals of batch systems: HUP, USR2 and XCPU save and stop, USR1 saves and goes on") {
  for (int signal : {SIGHUP, SIGUSR2, SIGXCPU, SIGUSR1}) {
    CAPTURE(signal);
    TempFolder folder;
    const std::string out = folder / "run";
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGHUP, SIG_DFL);
      [[maybe_unused]] FILE* f = std::freopen((folder / "log").c_str(), "w", stdout);
      ::execl(CAMO_BINARY, "camo", "train", "--data", "synthetic", "--count", "40", "--epochs", "200", "--size", "32",
              "--batch-size", "2", "--threads", "1", "--out", out.c_str(), nullptr);
      ::_exit(1);
    }
    const std::string metrics = run_file(out, RunFile::metrics);
    auto wait_for = [](const std::function<bool()>& done) {
      for (int i = 0; i < 1200 && !done(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    };
    wait_for([&] { return fs::exists(metrics); });
    ::kill(child, signal);
    if (signal == SIGUSR1) {
      wait_for([&] { return contains(content(folder / "log"), "saved at step"); });
      CHECK(::kill(child, 0) == 0);  // it goes on
      ::kill(child, SIGTERM);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 128 + (signal == SIGUSR1 ? SIGTERM : signal));
    CHECK(contains(content(folder / "log"), "saved [camo train --resume"));
    CHECK(contains(content(folder / "log"), "saved at step") == (signal == SIGUSR1));
  }
}

TEST_CASE("standard output that is full is an error; closed descriptors get no file of the run") {
  TempFolder folder;
  const std::string run = folder / "run";
  REQUIRE(run_camo(kTrain + run).code == 0);
  const std::string error = folder / "error";
  int status = std::system((CAMO_BINARY " models >/dev/full 2>" + error).c_str());
  CHECK(WEXITSTATUS(status) == 6);
  CHECK(contains(content(error), "camo: standard output:"));
  status = std::system((CAMO_BINARY " " + kTrain + (folder / "closed") + " >&- 2>&- <&-").c_str());
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(content(run_file(folder / "closed", RunFile::lock)).size() < 12);  // a process id and nothing else
}

TEST_CASE("a limit of the file size counts as a full disk") {
  TempFolder folder;
  const std::string error = folder / "error";
  const int status =
      std::system(("ulimit -f 4000; " CAMO_BINARY " " + kTrain + (folder / "run") + " >/dev/null 2>" + error).c_str());
  CHECK(WEXITSTATUS(status) == 6);
  CHECK(contains(content(error), "File too large"));
}

TEST_CASE("processes of one host share its cores: those that each may run on") {
  using Masks = std::vector<std::string>;
  CHECK(detail::share_of_cores({"1111"}, 0) == 4);
  CHECK(detail::share_of_cores({"1111", "1111"}, 1) == 2);
  CHECK(detail::share_of_cores({"1100", "0011"}, 0) == 2);  // bound by the launcher: none is shared
  CHECK(detail::share_of_cores({"1000", "01"}, 0) == 1);
  CHECK(detail::share_of_cores({"11", "11", "11"}, 2) == 1);  // more processes than cores
  const Masks mixed = {"111", "001"};
  CHECK((detail::share_of_cores(mixed, 0) == 2 && detail::share_of_cores(mixed, 1) == 1));
  CHECK(detail::share_of_cores({"11111111", "11111111"}, 0, 5) == 2);  // a container's quota of 5 for both
  CHECK(detail::share_of_cores({detail::core_mask()}, 0) >= detail::cores());
}

TEST_CASE("the number of threads follows OMP_NUM_THREADS and the container's quota") {
  CHECK(detail::usable_cores(8, nullptr, 0) == 8);
  CHECK(detail::usable_cores(8, "3", 0) == 3);
  CHECK(detail::usable_cores(8, "3,2", 0) == 3);
  CHECK(detail::usable_cores(8, "0", 0) == 8);
  CHECK(detail::usable_cores(8, "nonsense", 2.5) == 3);
  CHECK(detail::usable_cores(8, "16", 0.2) == 1);
  TempFolder folder;
  fs::create_directories(folder / "a/b");
  CHECK(detail::cpu_quota(folder.path, "/a/b") == 0);
  write_file(folder / "a/b/cpu.max", std::string_view("max 100000\n"));
  CHECK(detail::cpu_quota(folder.path, "/a/b") == 0);
  write_file(folder / "a/cpu.max", std::string_view("150000 100000\n"));  // the quota of a parent counts
  CHECK(detail::cpu_quota(folder.path, "/a/b") == 1.5);
  write_file(folder / "a/b/cpu.max", std::string_view("50000 100000\n"));
  CHECK(detail::cpu_quota(folder.path, "/a/b") == 0.5);
  fs::create_directories(folder / "cpu");
  write_file(folder / "cpu/cpu.cfs_quota_us", std::string_view("-1\n"));
  write_file(folder / "cpu/cpu.cfs_period_us", std::string_view("100000\n"));
  CHECK(detail::cpu_quota(folder.path, "") == 0);
  write_file(folder / "cpu/cpu.cfs_quota_us", std::string_view("200000\n"));
  CHECK(detail::cpu_quota(folder.path, "") == 2);
  CHECK(contains(
      run_camo("train --data synthetic --count 4 --epochs 1 --size 32 --batch-size 2 --out " + (folder / "run"),
               "OMP_NUM_THREADS=1")
          .out,
      "1 thread, "));
}

TEST_CASE("a run goes on after its data moved, and from any folder") {
  TempFolder folder;
  make_data(folder / "here");
  const std::string flags = " --epochs 1 --size 32 --batch-size 2 --threads 1";
  const std::string cd = "cd " + folder.path + " && ";
  REQUIRE(run_camo("train --data here --out run" + flags, cd).code == 0);
  CHECK(run_camo("train --epochs 2 --resume " + (folder / "run")).code == 0);
  fs::rename(folder / "here", folder / "there");
  const ProcessResult lost = run_camo("train --epochs 3 --resume " + (folder / "run"));
  CHECK(lost.code == 3);
  CHECK(contains(lost.error, "--data WHERE-IT-IS]"));
  CHECK(run_camo("train --epochs 3 --resume " + (folder / "run") + " --data " + (folder / "there")).code == 0);
  make_data(folder / "other");
  fs::remove(folder / "other/Image/2.png"), fs::remove(folder / "other/GT/2.png");
  CHECK(contains(run_camo("train --epochs 4 --resume " + (folder / "run") + " --data " + (folder / "other")).error,
                 "is not the data that the run began with"));
}

TEST_CASE("a path that is no UTF-8 survives the configuration") {
  TrainConfig c, back;
  c.data = "/tmp/caf\xe9 100%", c.out = "runs/\xc3\xa9", c.weights = "50%41.pth";
  const std::string words = to_text(c);
  CHECK(contains(words, "file:///tmp/caf%E9%20100%25"));
  parse_config(words, "test", back);
  CHECK(back.data == c.data);
  CHECK(back.out == c.out);
  CHECK(back.weights == c.weights);
}

TEST_CASE("-- ends the flags, brackets stay, ~ is the home folder") {
  TempFolder folder;
  REQUIRE(run_camo(kTrain + (folder / "run")).code == 0);
  const Tensor grey = full({20, 20, 3}, 90, DType::u8);
  for (const char* name : {"-dash.png", "[2024].png"}) write_png(folder / name, grey);
  const std::string cd = "cd " + folder.path + " && ", weights = "predict --weights run --threads 1 --out ";
  CHECK(run_camo(weights + "a -- -dash.png", cd).code == 0);
  CHECK(fs::exists(folder / "a/map/-dash.png"));
  CHECK(run_camo(weights + "b [2024].png", cd).code == 0);
  CHECK(fs::exists(folder / "b/map/[2024].png"));
  CHECK(run_camo(kTrain.substr(0, kTrain.size() - 1) + "=\\~/run2", "HOME=" + folder.path).code == 0);
  CHECK(fs::exists(folder / "run2/best.safetensors"));
}

TEST_CASE("all wrong flags of a command line are named at once; odd bytes are shown as codes") {
  const ProcessResult r = run_camo("train --epoch 3 --batchsize 4");
  CHECK(r.code == 2);
  CHECK(contains(r.error, "--epochs?]"));
  CHECK(contains(r.error, "--batch-size?]"));
  TempFolder folder;
  write_png(folder / "photo.png", full({20, 20, 3}, 90, DType::u8));
  CHECK(contains(run_camo("train --out x --data " + (folder / "photo.png")).error, "is a picture"));
  write_file(folder / "list.txt", std::string_view("\x1b[31mred\n"));
  const ProcessResult list = run_camo("train --out x --data " + (folder / "list.txt"));
  CHECK(contains(list.error, "\\x1b[31mred"));
  CHECK(!contains(list.error, "\x1b"));
}

TEST_CASE("the mean of no step is no number, and JSON says null") {
  EpochSums sums;
  StepReport rejected;
  rejected.accepted = false;
  sums.add(rejected);
  CHECK(std::isnan(sums.mean_loss()));
  JsonObject line;
  line.set("loss", sums.mean_loss());
  CHECK(contains(to_json(line), "null"));
  CHECK(std::isnan(parse_json(to_json(line), "test").number("loss")));
}

TEST_CASE("outputs are checked before work") {
  TempFolder folder;
  REQUIRE(run_camo(kTrain + (folder / "run")).code == 0);
  const std::string eval = "eval --threads 1 --data synthetic --count 2 --weights " + (folder / "run");
  for (const std::string& flags :
       {eval + " --out " + (folder / "no/such/r.json"), eval + " --csv " + (folder / "no/a.csv"),
        "export --weights " + (folder / "run") + " --out " + (folder / "no/x.safetensors")}) {
    CAPTURE(flags);
    const ProcessResult r = run_camo(flags);
    CHECK(r.code == 2);
    CHECK(r.out == "");  // nothing was done
    CHECK(contains(r.error, "there is no folder"));
  }
}

TEST_CASE("weights that hold NaN are refused by the name of the tensor, and half a file is called truncated") {
  TempFolder folder;
  REQUIRE(run_camo(kTrain + (folder / "run")).code == 0);
  const std::string net = folder / "net.safetensors";
  REQUIRE(run_camo("export --weights " + (folder / "run") + " --out " + net).code == 0);
  SafeTensors file = read_safetensors(net);
  for (auto& [name, t] : file.tensors)
    if (name == "backbone.stages.1.norm.weight") t.write<float>()[3] = NAN;
  write_safetensors(folder / "nan.safetensors", file.tensors, file.metadata);
  for (const std::string& command : {std::string("predict "), std::string("route ")}) {
    write_png(folder / "x.png", full({20, 20, 3}, 90, DType::u8));
    const ProcessResult r = run_camo(command + (folder / "x.png") + " --threads 1 --weights " +
                                     (folder / "nan.safetensors") + " --out " + (folder / "out"));
    CHECK(r.code == 4);
    CHECK(contains(r.error, "backbone.stages.1.norm.weight (64) holds NaN or infinity"));
  }
  fs::resize_file(net, fs::file_size(net) / 2);
  const ProcessResult half = run_camo("inspect " + net);
  CHECK(half.code == 4);
  CHECK(contains(half.error, "truncated"));
}
