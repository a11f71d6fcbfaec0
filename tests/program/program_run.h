// Tools for tests of the program: temporary folders, a tiny configuration, the binary as a process.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "examples/camo/options/config.h"

namespace camo::test {

/// A new empty folder that is removed with its contents at the end of the scope.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::string path;
};

/// Synthetic pictures of 32 pixels; 2 epochs of 3 optimizer steps, each of 2 micro-batches of 2 pictures.
program::TrainConfig tiny_config(const std::string& out);

struct ProcessResult {
  int code = 0;            // exit status, or -signal
  std::string out, error;  // what it printed
};
/// Runs build/camo with these arguments (separated by spaces) and waits for it.
ProcessResult run_camo(const std::string& arguments, const std::string& environment = "");
/// The same for any program.
ProcessResult run_program(const std::string& program, const std::string& arguments,
                          const std::string& environment = "");

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

/// Writes a grey photograph and a mask that is all object, as PNG; creates the folders.
void write_pair_files(const std::filesystem::path& image, const std::filesystem::path& mask, int64_t height,
                      int64_t width, int64_t mask_width);

/// CAMO_DATA/camo, the real photographs.  If absent, prints that and returns "".
std::string real_photographs();

/// A hash of all tensors of a safetensors file: names, dtypes, shapes, bits.
uint64_t weights_hash(const std::string& file);

/// All results of a run except its location and its timings.
struct Ending {
  uint64_t last, best;
  std::vector<std::string> metrics;
  bool operator==(const Ending&) const = default;
};
Ending ending(const std::string& run);

}  // namespace camo::test
