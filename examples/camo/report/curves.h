// The charts of a report: which numbers of metrics.jsonl are drawn, together or apart.
#pragma once

#include "examples/camo/draw/plot.h"
#include "examples/camo/report/run_reading.h"

namespace camo::program {

/// Of one run; what belongs together shares a chart.
std::vector<Chart> run_charts(const MetricColumns& metrics);

/// The names of several runs as a chart has room for them: without what all begin with and shortened from the left where
/// they are long; numbered where there are more runs than colours.
std::vector<std::string> line_names(const std::vector<RunReading>& runs);

/// Of several runs: a chart for each number, a line for each run.  details: the numbers that one looks at second.
std::vector<Chart> comparison_charts(const std::vector<RunReading>& runs, bool details);

}  // namespace camo::program
