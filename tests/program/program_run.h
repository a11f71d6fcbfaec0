// Tools for tests of the program: folders that vanish, a tiny configuration, the binary as a process.
#pragma once

#include <filesystem>
#include <string>

#include "examples/camo/options/config.h"

namespace camo::test {

/// A new empty folder, removed with everything in it at the end.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::string path;
};

/// Synthetic pictures of 32 pixels; 2 epochs of 3 optimizer steps of 2 passes of 2 pictures.
program::TrainConfig tiny_config(const std::string& out);

struct ProcessResult {
  int code = 0;            // exit status, or -signal
  std::string out, error;  // what it printed
};
/// Runs build/camo with these arguments (cut at spaces) and waits for its end.
ProcessResult run_camo(const std::string& arguments, const std::string& environment = "");

/// Writes a grey photograph and its mask, all of it object, as PNG; the folders are made.
void write_pair_files(const std::filesystem::path& image, const std::filesystem::path& mask, int64_t height,
                      int64_t width, int64_t mask_width);

/// CAMO_DATA/camo, the real photographs; "" where they are absent, which is said aloud.
std::string real_photographs();

/// One number for all tensors of a safetensors file: names, types, shapes, bits.
uint64_t weights_hash(const std::string& file);

}  // namespace camo::test
