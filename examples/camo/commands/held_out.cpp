#include "examples/camo/commands/held_out.h"

#include "examples/camo/data/splits.h"

namespace camo::program {

Dataset held_out(const TrainConfig& config, const std::string& data, const std::string& command) {
  if (!data.empty() && data != "synthetic") {
    Dataset out{.pairs = search_pairs(data, {"Val", ""}, config.reading).checked(), .reading = config.reading};
    return out;
  }
  TrainConfig c = config;
  if (!data.empty()) c.data = data;
  c.cache = "off", c.check = false;  // the run has looked at its data
  Dataset out = find_splits(c).validation;
  check<DataError>(out.size() > 0, command, ": the run held no photographs out [--data DIR]");
  return out;
}

}  // namespace camo::program
