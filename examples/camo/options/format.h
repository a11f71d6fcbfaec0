// Formatting numbers for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace camo::program {

/// x in printf's format: formatted("%.2e", 0.5) is "5.00e-01".
std::string formatted(const char* form, double x);
/// fixed(0.123, 4) is "0.1230".
std::string fixed(double x, int digits);
/// Seconds as "1:02:03".
std::string clock_text(double seconds);
/// The parts of a text between separators: "a,b" gives a and b, "" nothing.
std::vector<std::string> split(const std::string& words, char separator);
/// A field of a CSV file, in quotes if it needs them (RFC 4180).
std::string csv_field(const std::string& field);
/// Bytes as "1.5 GB".
std::string bytes_text(double bytes);
/// The bytes of "6GB", "1.5 GB", "800MB" (powers of 1000) or "6GiB" (of 1024).  ConfigError names `label`.
double parse_bytes(const std::string& words, const std::string& label);

}  // namespace camo::program
