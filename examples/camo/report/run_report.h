// The report of a run: one page with its state, curves, pictures, routing, times, configuration and machine; and the same
// for several runs side by side.  Everything is read from the files of the run folders; what a run does not have, its
// report does not have.
#pragma once

#include <string>
#include <vector>

namespace camo::program {

/// The page as HTML.  ConfigError, beginning with `label`, for a folder that holds no run.
std::string report_html(const std::vector<std::string>& runs, const std::string& label);

/// Writes it; returns its bytes.
size_t write_report(const std::vector<std::string>& runs, const std::string& file, const std::string& label);

}  // namespace camo::program
