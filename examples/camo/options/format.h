// Formatting numbers for people.
#pragma once

#include <cstdint>
#include <string>

namespace camo::program {

/// x in printf's format: formatted("%.2e", 0.5) is "5.00e-01".
std::string formatted(const char* form, double x);
/// fixed(0.123, 4) is "0.1230".
std::string fixed(double x, int digits);
/// Seconds as "1:02:03".
std::string clock_text(double seconds);
/// Bytes as "1.5 GB".
std::string bytes_text(double bytes);

}  // namespace camo::program
