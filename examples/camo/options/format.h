// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace camo::program {

/// x as printf writes it: formatted("%.2e", 0.5) is "5.00e-01".
std::string formatted(const char* form, double x);
/// "0.1230" of (0.123, 4).
std::string fixed(double x, int digits);
/// "1:02:03" of seconds.
std::string clock_text(double seconds);
/// "1.5 GB" of bytes.
std::string bytes_text(double bytes);

}  // namespace camo::program
