#include "examples/camo/trained/named_data.h"

#include "examples/camo/data/check.h"
#include "examples/camo/data/splits.h"

namespace camo::program {

constexpr int64_t kSynthetic = 64;  // pictures to choose by

Options options(DataFlags& flags) {
  Options out{
      {"data", &flags.data, "folder of photographs and masks, a list file, or 'synthetic'"},
      choice("split", &flags.split, "part of the data folder; without it Test, or the whole folder if it has no parts",
             {"Test", "Val", "Train"})};
  return out.add(options(flags.reading));
}

Dataset named_data(const DataFlags& flags, const TrainConfig& run, const CommandLine& line, const std::string& name,
                   std::vector<std::string>& refused) {
  Dataset out;
  out.reading = run.reading;
  out.reading.images.clear(), out.reading.masks.clear();  // the folders of its training
  line.apply({.name = name, .summary = {}, .usage = {}, .options = options(out.reading)});
  const std::vector<std::string> splits =
      flags.split.empty() ? std::vector<std::string>{"Test", ""} : std::vector{flags.split};
  out.pairs = search_pairs(flags.data, splits, out.reading).checked(&refused);
  std::vector<std::string> masks;
  for (const Pair& p : out.pairs) masks.push_back(p.mask);
  const std::string problem = mask_problem(look_at_masks(masks, out.reading), out.reading);
  check<DataError>(problem.empty(), flags.data.empty() ? out.reading.images : flags.data, ": ", problem);
  return out;
}

Dataset named_or_held_out(const DataFlags& flags, const std::vector<TrainConfig>& runs, const CommandLine& line,
                          const std::string& name, std::vector<std::string>& refused) {
  validate(flags.reading, "camo " + name);
  if (flags.data == "synthetic") return synthetic_test(runs[0], kSynthetic);
  if (flags.given()) return named_data(flags, runs[0], line, name, refused);
  const TrainConfig& first = runs[0];
  for (const TrainConfig& run : runs)
    check<ConfigError>(run.data == first.data && run.reading.images == first.reading.images && run.seed == first.seed &&
                           run.hold_out == first.hold_out,
                       "camo ", name,
                       ": the runs held different photographs out, so each may have trained on those of ",
                       "the other [--data DIR]");
  TrainConfig c = first;
  c.cache = "off", c.check = false;  // the run has looked at its data
  Dataset out = find_splits(c).validation;
  check<DataError>(out.size() > 0, "camo ", name, ": the run held no photographs out [--data DIR]");
  return out;
}

}  // namespace camo::program
