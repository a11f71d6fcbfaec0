#include "examples/camo/run/shared_signals.h"

#include <algorithm>
#include <sstream>

namespace camo::program {

void SharedSignals::read(const std::vector<std::string>& notes) {
  for (const std::string& words : notes) {
    int caught = 0, save = 0;
    std::istringstream(words) >> caught >> save;
    caught_ = std::max(caught_, caught), save_ = save_ || save != 0;
  }
}

}  // namespace camo::program
