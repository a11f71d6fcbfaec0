// A mistake on the command line, in a configuration file or in a data folder stops the program before any work, with
// one message that names the place, the rule and the nearest valid word, and with the right exit code.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>

#include "examples/camo/options/config.h"
#include "examples/camo/options/other_flags.h"
#include "examples/camo/trained/run_folder.h"
#include "tensor/io/file.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using namespace camo::test;
namespace fs = std::filesystem;

namespace {

int64_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

void expect(const std::string& arguments, int code, const std::vector<std::string>& says) {
  CAPTURE(arguments);
  ProcessResult f = run_camo(arguments);
  CAPTURE(f.error);
  CHECK(f.code == code);
  CHECK(f.out == "");
  CHECK(f.error.rfind("camo", 0) == 0);
  for (const std::string& word : says) CHECK(f.error.find(word) != std::string::npos);
}

void expect_line(const std::string& arguments, int code, const std::vector<std::string>& says) {
  expect(arguments, code, says);
  CHECK(lines(run_camo(arguments).error) == 1);
}

void write_pair(const fs::path& root, const std::string& name, int64_t h = 8, int64_t w = 8, int64_t mask_w = 8) {
  write_pair_files(root / "Image" / (name + ".png"), root / "GT" / (name + ".png"), h, w, mask_w);
}

}  // namespace

TEST_CASE("commands, flags and values") {
  expect_line("trian", 2, {"'trian'", "did you mean train?"});
  expect_line("--verison", 2, {"--verison"});
  expect_line("train --epoch 5", 2, {"--epoch", "did you mean --epochs?"});
  expect_line("train --acc 5", 2, {"did you mean --accumulate?"});
  expect_line("train --zzz", 2, {"no such flag --zzz", "--help"});
  expect_line("train --epochs", 2, {"--epochs"});
  expect_line("train --epochs 0", 2, {"--epochs", "from 1 to", "got 0"});
  expect_line("train --epochs ten", 2, {"--epochs", "an integer", "'ten'"});
  expect_line("train --lr fast", 2, {"--lr", "a number", "'fast'"});
  expect_line("train --lr nan", 2, {"--lr", "0 to 10"});
  expect_line("train --size 100y", 2, {"--size", "HEIGHTxWIDTH", "100y"});
  expect_line("train --size 8", 2, {"--size", "from 32 to 4096", "got 8"});
  expect_line("train --backbone pvt_v2_b9", 2, {"--backbone", "'pvt_v2_b9'", "did you mean pvt_v2_b"});
  expect_line("train --device gpu", 2, {"--device", "'gpu'", "cpu"});
  expect_line("train --precision fp16", 2, {"--precision", "did you mean fp32?"});
  expect_line("train --epochs 2 --epochs 3", 2, {"--epochs"});
  expect_line("train stray", 2, {"'stray'"});
  expect_line("train", 2, {"--data"});
  expect_line("train --data synthetic", 2, {"--out"});
  expect_line("eval", 2, {"--weights", "--pred"});
  expect_line("eval --weights a --data b --out scores.txt", 2, {"--out", ".json"});
  expect_line("predict --out x", 2, {"--weights"});
  expect_line("inspect", 2, {"FILE"});
  expect_line("synth", 2, {"--out"});
  expect_line("bench convolution", 2, {"convolution", "did you mean conv?"});
}

TEST_CASE("flags of other programs get the right word at once, all in one message") {
  const std::pair<const char*, const char*> brought[] = {
      {"--dataset-path COD10K", "--dataset-path [--data DIR]"},
      {"--checkpoint-dir c", "--checkpoint-dir [--out DIR]"},
      {"--num-experts 6", "--num-experts [--experts N]"},
      {"--moe-num-experts 6", "--moe-num-experts [--experts N]"},
      {"--moe-top-k 2", "--moe-top-k [--chosen K]"},
      {"--accumulation-steps 4", "--accumulation-steps [--accumulate N]"},
      {"--use-ema", "--use-ema [--ema-decay X"},
      {"--deep-supervision", "--deep-supervision [--loss"},
      {"--use-sparse-moe", "--use-sparse-moe [--model camoxpert-sparse]"},
      {"--use-cod-specialized", "--use-cod-specialized [--model camoxpert-cod]"},
      {"--img_size=352", "--img_size [--size N]"},
      {"--scheduler cosine", "--scheduler [--schedule cosine"},
      {"--AMP", "--AMP [--precision bf16]"},
      {"--num_workers 4", "--num_workers [--workers N]"},
      {"--use-ddp", "--use-ddp [a run is one process]"},
  };
  std::string line = "train", words;
  for (const auto& [typed, said] : brought) line += text(" ", typed), words += text("no such flag ", said, "|");
  const ProcessResult result = run_camo(line + " --epochs 3");
  CHECK(result.code == 2);
  for (const auto& [typed, said] : brought) {
    CAPTURE(typed);
    CHECK(test::contains(result.error, text("no such flag ", said)));
  }
  CHECK(!test::contains(result.error, "--epochs"));
  expect_line("predict --num-experts 4", 2, {"no such flag --num-experts [camo predict --help]"});
}

TEST_CASE("no word for another program's flag is one of Camo's own, and each advice is a flag of camo train") {
  TrainConfig config;
  std::vector<std::string> known = options(config).names();
  known.push_back("resume"), known.push_back("plan");
  for (const OtherFlag& row : other_flags())
    for (const std::string& name : row.names) {
      CAPTURE(name);
      CHECK(std::find(known.begin(), known.end(), name) == known.end());
      CHECK(other_flag(name, known) == row.advice);
    }
}

TEST_CASE("each subject of bench in its help runs; lists of sizes are checked") {
  const ProcessResult attention =
      run_camo("bench attention --sizes 16,25 --batch 1 --heads 2 --dim 8 --rounds 1 --threads 1");
  CHECK(attention.code == 0);
  CHECK(test::contains(attention.out, "tokens"));
  CHECK(lines(attention.out) == 4);
  const ProcessResult predict = run_camo("bench predict --size 32 --count 2 --batch 1,2 --threads 1");
  CHECK(predict.code == 0);
  CHECK(test::contains(predict.out, "p95 ms"));
  const ProcessResult recompute =
      run_camo("bench recompute --backbone pvt_v2_b0 --size 64 --batch-size 2 --steps 2 --rounds 1 --threads 1");
  CHECK(recompute.code == 0);
  CHECK(lines(recompute.out) == 6);
  CHECK(run_camo("bench attention --sizes 16 --rounds 1", "CAMO_ATTENTION=fast").code == 2);
  expect_line("bench attention --sizes 16,x", 2, {"--sizes", "at least 1", "'16,x'"});
  expect_line("bench predict --batch 0 --size 32", 2, {"--batch", "'0'"});
  const std::string help = run_camo("bench --help").out;
  std::istringstream subjects(help.substr(help.find("\n  all ")));
  for (std::string row, name; std::getline(subjects, row) && std::istringstream(row) >> name;)
    CHECK_MESSAGE(run_camo("bench " + name + " --help").code == 0, name);
}

TEST_CASE("configuration files") {
  TempFolder folder;
  auto config = [&](const std::string& bytes) {
    write_file(folder / "c.json", bytes, false);
    return "train --config " + folder / "c.json";
  };
  expect_line("train --config " + folder / "none.json", 2, {"none.json", "No such file"});
  expect_line(config("{\"learning-rate\": 1}"), 2, {"c.json", "'learning-rate'"});
  expect_line(config("{\"epoch\": 1}"), 2, {"c.json", "'epoch'", "did you mean 'epochs'?"});
  expect_line(config("{\"epochs\": 1.5}"), 2, {"c.json", "epochs", "wrong kind"});
  expect_line(config("{\"epochs\": \"3\"}"), 2, {"epochs", "a number"});
  expect_line(config("{\"epochs\": 0}"), 2, {"epochs", "from 1 to", "got 0"});
  expect_line(config("{\"epochs\": 1, \"epochs\": 2}"), 2, {"'epochs' occurs twice"});
  expect_line(config("{\"epochs\": {}}"), 2, {"epochs", "object"});
  expect_line(config("{\"epochs\": 1"), 2, {"c.json", "JSON"});
  expect_line(config("[1]"), 2, {"JSON object"});
  expect_line(config("{} {}"), 2, {"JSON"});
}

TEST_CASE("data folders") {
  TempFolder folder;
  auto train = [&](const std::string& name) { return "train --out " + folder / "run" + " --data " + folder / name; };
  write_pair(folder / "good", "a");
  expect_line(train("godo"), 3, {"godo", "did you mean", "good"});
  fs::create_directories(folder / "empty");
  expect_line(train("empty"), 3, {"empty", "looked for", "Image", "GT"});

  for (const char* name : {"a", "b", "c"}) write_pair(folder / "bad", name);
  fs::remove(folder / "bad/GT/a.png");
  fs::remove(folder / "bad/Image/b.png");
  write_file(folder / "bad/Image/notes.png", std::string_view("hello"));
  write_pair(folder / "bad", "wide", 8, 9, 8);
  expect(train("bad"), 3,
         {"4 files do not fit", "Image/a.png: has no mask", "GT/b.png: has no image", "notes.png: has no mask",
          "wide.png", "8 x 9", "8 x 8"});
  for (int i = 0; i < 30; ++i) write_file(folder / text("bad/GT/lonely", i, ".png"), std::string_view("x"));
  expect(train("bad"), 3, {"34 files do not fit", "and 24 more"});

  write_pair(folder / "fake", "a");
  write_file(folder / "fake/Image/a.png", std::string_view("not an image"));
  expect(train("fake"), 3, {"a.png"});
  write_file(folder / "list.txt", std::string_view("good/Image/a.png\tgood/GT/a.png\nonly-one-word\n"));
  expect(train("list.txt"), 3, {"line 2", "only-one-word"});
  CHECK(!fs::exists(folder / "run"));  // nothing was started
}

TEST_CASE("weights and run folders") {
  TempFolder folder;
  write_file(folder / "w.safetensors", std::string_view("nonsense"));
  write_pair(folder / "good", "a");
  expect_line("eval --weights " + folder / "none" + " --data " + folder / "good", 4, {"none"});
  expect_line("eval --weights " + folder / "w.safetensors" + " --data " + folder / "good", 4, {"w.safetensors"});
  expect_line("inspect " + folder / "w.safetensors", 4, {"w.safetensors"});
  expect_line("predict --weights " + folder / "w.safetensors --out x " + folder / "none.jpg", 3, {"none.jpg"});
  expect_line("train --resume " + folder / "none", 2, {"no such folder"});
  expect_line("train --resume " + folder / "good", 2, {"holds no run"});
  expect_line("train --resume " + folder / "good --lr 1", 2, {"--lr", "--epochs"});
  fs::create_directories(folder / "run");
  write_file(folder / "run/config.json", std::string_view("{}"));
  expect_line("train --data synthetic --out " + folder / "run", 2, {"holds a run already", "--resume"});
}

TEST_CASE("help describes every option in about a line, and says little else") {
  CHECK(run_camo("--version").out.rfind("camo ", 0) == 0);
  CHECK(run_camo("--help").code == 0);
  CHECK(run_camo("").code == 2);
  const std::string overview = run_camo("--help").out, subjects = run_camo("bench --help").out;
  const std::regex riddle("\n +--[a-z0-9-]+( N| X| TEXT| WORD)?( N.HxW)? +(of|that|which) ");  // "--size N  of step"
  std::smatch found;
  for (const std::string command :
       {"train",          "demo",         "check-data",    "eval",      "compare",    "report",
        "verify",         "route",        "predict",       "serve",     "soup",       "calibrate",
        "tune-crf",       "models",       "backbones",     "features",  "import",     "export",
        "inspect",        "synth",        "bench",         "ops",       "bench gemm", "bench step",
        "bench train",    "bench load",   "bench metrics", "bench moe", "bench ops",  "bench recompute",
        "bench parallel", "bench ladder", "manual"}) {
    CAPTURE(command);
    const bool subject = command.starts_with("bench ");
    CHECK((subject ? subjects : overview).find("\n  " + command.substr(subject ? 6 : 0) + " ") != std::string::npos);
    ProcessResult f = run_camo(command + " --help");
    CHECK(f.code == 0);
    CHECK(f.error == "");
    int64_t flags = 0, subjects_listed = 0;
    for (size_t at = 0; (at = f.out.find("\n  --", at)) != std::string::npos; ++at) ++flags;
    if (command == "bench")
      for (size_t at = 0; (at = f.out.find("\n  ", at)) != std::string::npos; ++at) ++subjects_listed;
    const int64_t files = command == std::string("train") ? int64_t(std::size(program::kRunFiles)) : 0;
    // One option in seven may need a second line.
    CHECK(lines(f.out) <= flags + flags / 7 + files + std::max<int64_t>(17, subjects_listed + 4));
    CHECK(f.out.find(" camo " + command, f.out.find("\nusage: ")) != std::string::npos);
    CHECK_MESSAGE(!std::regex_search(f.out, found, riddle), found.str());
  }
}
