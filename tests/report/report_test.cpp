// The report of a run says what the files of its folder say, whatever they hold.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "examples/camo/options/files.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/report/page.h"
#include "examples/camo/report/run_report.h"
#include "examples/camo/run/trainer.h"
#include "examples/camo/trained/run_folder.h"
#include "tensor/image/image.h"
#include "tests/program/program_run.h"
#include "tests/report/markup.h"

using namespace camo;
using namespace camo::program;
namespace fs = std::filesystem;
using test::contains;
using test::Element;
using test::elements;
using test::run_camo;
using test::TempFolder;

namespace {

/// All text of a page that a reader sees: without styles and scripts.
std::string read_aloud(const std::string& page) {
  std::string out;
  for (const Element& e : elements(page))
    if (e.name != "style" && e.name != "script") out += e.text + "\n";
  return out;
}

/// The values of a line of a chart as its titles show them: epoch and value.
std::vector<std::pair<double, double>> shown_line(const std::string& page, const std::string& chart,
                                                  const std::string& line) {
  const std::vector<Element> all = elements(page);
  std::vector<std::pair<double, double>> out;
  for (const Element& e : all) {
    if (e.name != "title" || e.parent < 0) continue;
    int svg = e.parent;
    while (svg >= 0 && all[size_t(svg)].name != "svg") svg = all[size_t(svg)].parent;
    if (svg < 0 || all[size_t(svg)]["aria-label"] != chart) continue;
    const size_t at = e.text.find("\n" + line + " ");
    if (at != std::string::npos)
      out.emplace_back(std::stod(e.text.substr(6)), std::stod(e.text.substr(at + line.size() + 2)));
  }
  return out;
}

void write_text(const std::string& file, const std::string& words) {
  fs::create_directories(fs::path(file).parent_path());
  write_file(file, std::string_view(words), false);
}

/// What a shell makes of a word: quotes of three kinds.
std::string unquoted(const std::string& s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    const bool escapes = s.compare(i, 2, "$'") == 0;
    if (s[i] == '\\') out += s[++i];
    else if (!escapes && s[i] != '\'') out += s[i];
    else
      for (i += escapes ? 2 : 1; s.at(i) != '\''; ++i)
        if (escapes && s[i] == '\\') out += char(std::stoi(s.substr(i + 2, 2), nullptr, 16)), i += 3;
        else out += s[i];
  }
  return out;
}

}  // namespace

TEST_CASE("the report of a run shows the numbers of its metrics, its warnings and its machine") {
  TempFolder folder;
  TrainConfig config = test::tiny_config(folder / "my run");
  config.count = 40, config.epochs = 3;
  REQUIRE(train(config).exit_code == 0);
  const std::string page = read_file<DataError>(config.out + "/report.html");
  const std::vector<JsonObject> lines = read_metrics(config.out + "/metrics.jsonl");
  REQUIRE(lines.size() == 3);
  const std::tuple<const char*, const char*, const char*, double> shown[] = {
      {"loss", "loss", "loss", 1},
      {"terms of the loss", "structure", "loss_structure", 1},
      {"IoU, Dice", "Dice", "dice", 1},
      {"mean absolute error", "mean absolute error", "mae", 1},
      {"learning rate", "learning rate", "lr", 1},
      {"gradient norm", "mean", "grad_norm", 1},
      {"memory, GB", "in use", "memory", 1e9},
      {"images a second", "images a second", "images_per_second", 1}};
  for (const auto& [chart, line, key, unit] : shown) {
    CAPTURE(chart);
    const auto values = shown_line(page, chart, line);
    REQUIRE(values.size() == 3);
    for (size_t i = 0; i < 3; ++i) {
      CHECK(values[i].first == double(i + 1));
      CHECK(values[i].second == doctest::Approx(lines[i].number(key) / unit).epsilon(1e-4));
    }
  }
  const std::string said = read_aloud(page);
  CHECK(contains(said, "finished: 3 epochs"));
  double best = 0;
  for (const JsonObject& line : lines) best = std::max(best, line.number("iou"));
  CHECK(contains(said, text("\n", std::to_string(best).substr(0, 5))));  // to rounding in the fourth digit
  CHECK(contains(said, "camo train --resume '" + config.out + "' --epochs 4"));
  const JsonObject machine = parse_json(read_file<DataError>(config.out + "/environment.json"), "environment");
  CHECK(contains(said, machine.string("processor")));
  CHECK(elements(page, "img").size() >= 2);  // grid and worst, at least
  for (const Element& e : elements(page, "img")) CHECK(e["src"].starts_with("data:image/"));
  // A line of warnings.txt is text.  (going_on_test.cpp says which lines a run keeps.)
  std::ofstream(config.out + "/warnings.txt", std::ios::app) << "epoch 2: <b>first</b>\n";
  CHECK(contains(read_aloud(report_html({config.out}, "report")), "epoch 2: <b>first</b>\n"));
}

TEST_CASE("words of files are text: no name, key or value becomes markup") {
  TempFolder folder;
  const std::string bad = "<script>alert('x')</script>&\"\x01\xff", run = folder.path + "/<i>run' \"&";
  JsonObject config, line;
  config.items = {{"model", bad}, {bad, bad}, {"data", bad}, {"epochs", int64_t(9)}, {"monitor", bad}};
  line.items = {{"epoch", int64_t(1)},
                {"loss", 2.0},
                {"loss_" + bad, 1.0},
                {"load_0", std::vector<double>{1, 3}},
                {"load_error", std::vector<double>{NAN, 1e308, -1e308}}};
  write_text(run + "/config.json", to_json(config));
  write_text(run + "/metrics.jsonl",
             to_json(line) + "\n{}\n{\"epoch\": \"x\"}\nnonsense\n[1]\n" + to_json(line) + "\n{\"epoch\": 3, \"lo");
  write_text(run + "/warnings.txt", "warning: " + bad + "\n");
  JsonObject names;
  names.items = {{"scale", bad}, {"names", bad + "," + bad}};
  JsonObject environment;
  environment.items = {{"processor", bad}, {"experts", std::vector<JsonObject>{names}}};
  write_text(run + "/environment.json", to_json(environment));
  write_text(run + "/grid.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>");
  for (const std::vector<std::string>& runs : {std::vector{run}, {run, run}}) {
    const std::string page = report_html(runs, "report");
    CHECK(elements(page, "script").size() == 1);  // the page's own
    CHECK(elements(page, "i").empty());
    CHECK(page.find("alert('x')") == std::string::npos);
    for (const Element& e : elements(page))
      for (const auto& [key, value] : e.attributes) {
        CHECK(!key.starts_with("on"));
        if (key == "src" || key == "href")
          CHECK((value.starts_with("data:image/") && value.find('<') == std::string::npos));
      }
    CHECK(contains(read_aloud(page), "5 of 7 lines of metrics.jsonl are no epochs"));
  }
  CHECK(contains(read_aloud(report_html({run}, "report")), "camo predict --weights " + shell_quoted(run) + " "));
}

TEST_CASE("a word for the shell comes back as it was") {
  for (const std::string word :
       {"runs/first", "a b", "it's", "$HOME `x` \"y\" \\", "é", "line\nline", "\xff\x01'", "*?[]{}~!#&;|<>()", "''"}) {
    CAPTURE(word);
    CHECK(unquoted(shell_quoted(word)) == word);
    CHECK(shell_quoted(word).find_first_of("\n\x01") == std::string::npos);
  }
  CHECK(shell_quoted("runs/first") == "runs/first");
  CHECK(shell_quoted("it's") == "'it'\\''s'");
  CHECK(shell_quoted("-x y") == "'./-x y'");
  CHECK(shell_quoted("") == "''");
}

TEST_CASE("a run that was stopped or killed has a report of what it has; a folder without a run is an error") {
  TempFolder folder;
  TrainConfig config = test::tiny_config(folder / "run");
  config.count = 40, config.epochs = 3;
  REQUIRE(train(config).exit_code == 0);
  // As after SIGKILL in the third epoch: no report, no drawing of the end, half a line.
  for (const char* name : {"report.html", "worst.svg", "groups.svg", "environment.json", "warnings.txt"})
    fs::remove(config.out + "/" + name);
  std::string metrics = read_file<DataError>(config.out + "/metrics.jsonl");
  metrics.resize(metrics.rfind("{\"epoch\": 3") + 40);
  write_text(config.out + "/metrics.jsonl", metrics);
  const test::ProcessResult r = run_camo("report " + config.out);
  CHECK(r.code == 0);
  CHECK(contains(r.out, config.out + "/report.html ("));
  const std::string said = read_aloud(read_file<DataError>(config.out + "/report.html"));
  CHECK(contains(said, "not finished: 2 of 3 epochs are complete"));
  CHECK(contains(said, "camo train --resume " + config.out + "\n"));
  CHECK(!contains(said, "Warnings"));
  CHECK(!contains(said, "Environment"));
  fs::remove(config.out + "/metrics.jsonl");
  CHECK(contains(read_aloud(report_html({config.out}, "report")), "no epoch is complete"));

  CHECK(contains(run_camo("report " + folder.path).error, "camo report " + folder.path + ": holds no run"));
  CHECK(run_camo("report " + folder.path).code == 2);
  CHECK(contains(run_camo("report " + folder / "none").error, "no such folder"));
  CHECK(contains(run_camo("report").error, "needs a run folder"));
  CHECK(contains(run_camo("report a b").error, "need --out"));
  CHECK(contains(run_camo("report a --out b.txt").error, ".html"));
}

TEST_CASE("two runs stand side by side: their lines, what differs, their best scores") {
  TempFolder folder;
  for (int r : {0, 1}) {
    std::string lines;
    for (int e = 1; e <= 3 + r; ++e)
      lines += text("{\"epoch\": ", e, ", \"loss\": ", 1.0 / (e + r), ", \"iou\": ", r ? 0.5 - 0.125 * e : 0.125 * e,
                    ", \"load_error\": [", 0.5, ", ", 0.25 * r, "]}\n");
    write_text(folder.path + text("/run", r, "/metrics.jsonl"), lines);
    write_text(folder.path + text("/run", r, "/config.json"),
               text("{\"epochs\": 4, \"lr\": ", r ? "0.5" : "0.25", ", \"seed\": 7}"));
  }
  const std::string page = report_html({folder / "run0", folder / "run1"}, "report");
  using Line = std::vector<std::pair<double, double>>;
  CHECK(shown_line(page, "loss", "run0") == Line{{1, 1}, {2, 0.5}, {3, 0.33333}});
  CHECK(shown_line(page, "loss", "run1") == Line{{1, 0.5}, {2, 0.33333}, {3, 0.25}, {4, 0.2}});
  CHECK(shown_line(page, "unevenness of the load (0: all experts get as much): H/8", "run1").size() == 4);
  std::vector<std::string> cells;
  for (const Element& e : elements(page, "td")) cells.push_back(e.text);
  const auto at = std::find(cells.begin(), cells.end(), "lr");
  REQUIRE(at != cells.end());
  CHECK(*(at + 1) == "0.25");
  CHECK(*(at + 2) == "0.5");
  CHECK(std::find(cells.begin(), cells.end(), "seed") == cells.end());
  CHECK(std::find(cells.begin(), cells.end(), "IoU 0.3750 (epoch 3)") != cells.end());
  CHECK(std::find(cells.begin(), cells.end(), "IoU 0.3750 (epoch 1)") != cells.end());
  CHECK(std::find(cells.begin(), cells.end(), "not finished: 3 of 4 epochs are complete") != cells.end());
}

TEST_CASE("a comparison of 32 runs of 1,000 epochs stays small, and their names can be told apart") {
  TempFolder folder;
  std::vector<std::string> runs;
  for (int r = 0; r < 32; ++r) {
    std::string lines;
    for (int e = 1; e <= 1000; ++e) {
      const double v = std::sin(e * (r + 1));
      lines += text("{\"epoch\": ", e, ", \"loss\": ", v + 3, ", \"grad_norm\": ", v + 2,
                    ", \"grad_norm_deviation\": ", v, ", \"lr\": ", 1.0 / e, ", \"skipped\": ", e % 3);
      for (const char* key :
           {"iou",        "dice",           "mae",       "S",           "E_mean",       "E_max",
            "E_adaptive", "F_weighted",     "F_mean",    "F_max",       "F_adaptive",   "precision",
            "recall",     "loss_structure", "loss_deep", "loss_search", "loss_reverse", "images_per_second",
            "seconds",    "memory",         "bytes_kept"})
        lines += text(", \"", key, "\": ", v * 0.5 + 0.3);
      lines += text(", \"load_error\": [", v, ", ", v, ", ", v, ", ", v, "], \"auxiliary\": [", v, ", ", v, ", ", v,
                    ", ", v, "]}\n");
    }
    runs.push_back(folder / text("camoxpert-sparse-on-pvt_v2_b0-seed-", r));
    write_text(runs.back() + "/metrics.jsonl", lines);
    write_text(runs.back() + "/config.json", text("{\"out\": \"", r, "\", \"stages\": [", r, "], \"seed\": ", r, "}"));
  }
  const std::string page = report_html(runs, "report");
  CHECK(page.size() <= 3'000'000);
  std::set<std::string> names;
  for (const Element& e : elements(page, "text"))
    for (int r = 0; r < 32; ++r)
      if (e.text == text(r + 1, " ", r)) names.insert(e.text);
  CHECK(names.size() == 32);
  std::vector<std::string> cells;
  for (const Element& e : elements(page, "td")) cells.push_back(e.text);
  CHECK(std::find(cells.begin(), cells.end(), "seed") != cells.end());
  for (const char* left_out : {"out", "stages"}) CHECK(std::find(cells.begin(), cells.end(), left_out) == cells.end());
  // Few long names keep their ends.
  const std::string two = report_html({runs[1], runs[2]}, "report");
  CHECK(shown_line(two, "loss", "1").size() > 100);
  CHECK(shown_line(two, "loss", "2").size() > 100);
}

TEST_CASE("a configuration's table holds what somebody set, not what the run filled in") {
  TempFolder folder;
  write_text(folder / "run/config.json",
             "{\"model\": \"camoxpert-sparse\", \"experts\": 6, \"normalisation\": \"imagenet\", "
             "\"bf16-units\": \"off\", \"seed\": 12345}");
  write_text(folder / "run/metrics.jsonl",
             "{\"epoch\": -1, \"loss\": 1}\n{\"epoch\": 1, \"loss\": 1, \"seconds\": 4}\n"
             "{\"epoch\": 2, \"loss\": 1, \"seconds\": 4, \"seconds_backward\": 3}\n");
  const std::string page = report_html({folder / "run"}, "report");
  const std::vector<Element> all = elements(page);
  std::vector<std::string> set, part;  // the keys of rows with three cells
  for (size_t i = 0; i + 2 < all.size(); ++i)
    if (all[i].name == "td" && all[i + 2].name == "td" && all[i].parent == all[i + 2].parent)
      set.push_back(all[i].text), part.push_back(all[i + 1].text);
  CHECK(set == std::vector<std::string>{"backward", "seed"});
  CHECK(part == std::vector<std::string>{"3.00", "12345"});
  CHECK(contains(read_aloud(page), "1 of 3 lines of metrics.jsonl are no epochs"));
  CHECK(contains(run_camo("report " + folder / "run/config.json").error, "is a file, expects the folder of a run"));
}

TEST_CASE("a page stays small: large photographs, many epochs, pictures from elsewhere") {
  TempFolder folder;
  // A photograph of noise, which no codec makes small.
  const Tensor noise = randn({1500, 2000, 3}, 1);
  Tensor photograph = empty({1500, 2000, 3}, DType::u8);
  for (int64_t k = 0; k < noise.numel(); ++k)
    photograph.write<uint8_t>()[k] = uint8_t(int64_t(128 + 40 * noise.read<float>()[k]));
  const std::vector<GridRow> rows(10, {{photograph, photograph, photograph}, "photograph"});
  const std::string run = folder / "run";
  write_text(run + "/config.json", "{}");
  write_grid(run + "/grid.svg", rows), write_grid(run + "/worst.svg", rows);
  CHECK(fs::file_size(run + "/grid.svg") < 1'400'000);
  write_text(run + "/groups.svg", std::string(5'000'000, ' '));
  std::string lines;
  for (int e = 1; e <= 20000; ++e)
    lines += text("{\"epoch\": ", e, ", \"loss\": ", std::sin(e) + 3, ", \"iou\": ", e == 12345 ? 0.9 : 0.5,
                  ", \"load_0\": [1, 2, ", e % 7, "], \"load_1\": [1, 2, 3], \"seconds\": 1}\n");
  write_text(run + "/metrics.jsonl", lines);
  const std::string page = report_html({run}, "report");
  CHECK(page.size() <= 3'000'000);
  CHECK(elements(page, "img").size() >= 1);
  const std::string said = read_aloud(page);
  CHECK(contains(said, "groups.svg (5.0 MB) is in the run folder"));
  CHECK(contains(said, "0.9000\nbest IoU, epoch 12345\n"));
}
