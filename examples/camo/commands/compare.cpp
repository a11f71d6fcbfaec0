// camo compare: do two models differ on the same images by more than the choice of images explains?
//
// Each side is one or several .csv files of `camo eval`, from one model trained with several seeds.  The result of an
// image is its mean over the seeds.  The differences of the two sides, image by image, are resampled (bootstrap.h).
// The interval covers the choice of images, not of seeds; the spread of the seeds is printed beside it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "examples/camo/commands/commands.h"
#include "examples/camo/metrics/bootstrap.h"
#include "examples/camo/metrics/image_table.h"
#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"

namespace camo::program {
namespace {

using Files = std::vector<std::string>;

/// One measure of one side: the mean over the seeds for each image, and the mean of each seed.
struct Side {
  std::vector<double> image, seed;

  double mean() const {
    double sum = 0;
    for (double x : seed) sum += x;
    return sum / double(seed.size());
  }
  /// Standard deviation of the seeds' means; NaN for one seed.
  double deviation() const {
    double sum = 0;
    for (double x : seed) sum += (x - mean()) * (x - mean());
    return std::sqrt(sum / double(seed.size() - 1));
  }
};

/// The rows of a table in the order of `like`, which must have the same names.
ImageTable ordered(const ImageTable& table, const ImageTable& like, const std::string& file, const std::string& first) {
  std::map<std::string, size_t> place;
  for (size_t i = 0; i < table.names.size(); ++i) place[table.names[i]] = i;
  ImageTable out{table.columns, like.names, {}};
  for (const std::string& name : like.names) {
    check<DataError>(place.count(name), "compare: both sides must be of the same images: ", file, " lacks '", name,
                     "' of ", first);
    out.rows.push_back(table.rows[place[name]]);
  }
  check<DataError>(table.names.size() == like.names.size(), "compare: both sides must be of the same images: ", file,
                   " has ", table.names.size(), ", ", first, " ", like.names.size());
  return out;
}

std::string shown(double deviation) { return std::isnan(deviation) ? "-" : fixed(deviation, 4); }

Side side_of(const std::vector<ImageTable>& tables, const Files& files, const char* measure) {
  Side out;
  out.image.resize(tables[0].rows.size());
  for (size_t t = 0; t < tables.size(); ++t) {
    const auto& columns = tables[t].columns;
    const auto c = size_t(std::find(columns.begin(), columns.end(), measure) - columns.begin());
    check<DataError>(c < columns.size(), files[t], ": has no column ", measure, " [camo eval --csv]");
    double sum = 0;
    for (size_t i = 0; i < out.image.size(); ++i) {
      out.image[i] += tables[t].rows[i][c] / double(tables.size());
      sum += tables[t].rows[i][c];
    }
    out.seed.push_back(sum / double(out.image.size()));
  }
  return out;
}

/// The words before and after "vs"; two words need no "vs".
std::pair<Files, Files> sides(const Files& words) {
  auto vs = std::find(words.begin(), words.end(), "vs");
  if (vs == words.end() && words.size() == 2) return {{words[0]}, {words[1]}};
  check<ConfigError>(vs != words.end() && vs != words.begin() && vs + 1 != words.end() &&
                         std::count(words.begin(), words.end(), "vs") == 1,
                     "camo compare: needs A.csv B.csv, or A.csv... vs B.csv...");
  return {{words.begin(), vs}, {vs + 1, words.end()}};
}

}  // namespace

int compare_command(const Arguments& words) {
  std::string out;
  Command command{
      .name = "compare",
      .summary =
          "Compares two models on the same images and shows means and differences with 95 % intervals (paired "
          "bootstrap over images).  It reads the files that camo eval --csv wrote.  Several files on one side are "
          "seeds of one model.",
      .usage = "camo compare A.csv B.csv   or   camo compare A1.csv A2.csv ... vs B1.csv B2.csv ...",
      .options = {{"out", &out,
                   "also write the table to this .json file, as MEASURE: [A, B, A - B, low, high, seeds of A, of B]"}},
      .rest = "FILES",
      .notes =
          "*: the interval excludes 0.\n"
          "seeds: standard deviation of the means of the seeds.  The interval does not include it.\n"
          "E_max and F_max are left out: they are not means over images."};
  const CommandLine line = read(command, words);
  const auto [a_files, b_files] = sides(line.rest);
  check<ConfigError>(out.empty() || out.ends_with(".json"), "camo compare --out: must end in .json, got '", out, "'");
  if (!out.empty()) check_writable(out, "camo compare --out");

  std::vector<ImageTable> a, b;
  for (auto [files, tables] : {std::pair(&a_files, &a), std::pair(&b_files, &b)})
    for (const std::string& file : *files) {
      ImageTable table = parse_csv(read_file<DataError>(file, "compare"), file);
      tables->push_back(a.empty() ? table : ordered(table, a[0], file, a_files[0]));
    }

  std::printf("%zu images, %zu against %zu files; 95 %% intervals over images (paired, %lld resamples)\n",
              a[0].names.size(), a.size(), b.size(), (long long)kResamples);
  std::printf("  %-*s  %7s  %7s  %8s   %-19s   %s\n", kMeasureWidth, "", "A", "B", "A - B", "95 % of A - B",
              "seeds of A, of B");
  JsonObject object;
  for (const MeasureInfo& m : kMeasures) {
    if (m.of_curve) continue;
    const Side x = side_of(a, a_files, m.name), y = side_of(b, b_files, m.name);
    std::vector<double> difference(x.image.size());
    for (size_t i = 0; i < difference.size(); ++i) difference[i] = x.image[i] - y.image[i];
    const Interval spread = interval_of_mean(difference);
    std::printf("  %-*s  %7.4f  %7.4f  %+8.4f   %+.4f to %+.4f %c   %s  %s\n", kMeasureWidth, m.name, x.mean(),
                y.mean(), x.mean() - y.mean(), spread.low, spread.high, spread.low > 0 || spread.high < 0 ? '*' : ' ',
                shown(x.deviation()).c_str(), shown(y.deviation()).c_str());
    object.set(m.name, std::vector{x.mean(), y.mean(), x.mean() - y.mean(), spread.low, spread.high, x.deviation(),
                                   y.deviation()});
  }
  if (!out.empty()) write_file(out, to_json(object, false));
  return 0;
}

}  // namespace camo::program
