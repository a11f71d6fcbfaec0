// What the reader of PyTorch's files says about bytes, for tests.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tensor/io/torch_file.h"
#include "tests/io/torch_writer.h"

namespace camo::test {

using namespace std::literals;

/// A file that is reused for every case; in memory if there is a memory file system.
struct OneFile {
  std::string path = (std::filesystem::exists("/dev/shm") ? std::filesystem::path("/dev/shm")
                                                          : std::filesystem::temp_directory_path()) /
                     text("camo_torch_", getpid(), ".pth");
  ~OneFile() { std::filesystem::remove(path); }
  const std::string& operator()(const std::string& bytes) const {
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
};

/// What the reader says about these bytes.  Listing must say the same, unless only the data are wrong.
inline std::string judge(const std::string& bytes, const ReadOptions& options = {}) {
  OneFile file;
  auto said = [&](auto read) -> std::string {
    try {
      read(file(bytes), options);
    } catch (const WeightsError& e) {
      CHECK(std::string(e.what()).starts_with("read_torch: "s + file.path));
      return e.what();
    }
    return "accepted";
  };
  const std::string read = said(read_torch), listed = said(read_torch_header);
  const bool data = read.find("/data/") != read.npos && read.find("does not have its checksum") != read.npos;
  CHECK((data ? "accepted" : read) == listed);
  return read;
}
inline bool says(const std::string& bytes, const std::string& words) {
  std::string got = judge(bytes);
  bool found = got.find(words) != got.npos;
  if (!found) MESSAGE("wanted: ", words, "\ngot: ", got);
  return found;
}

inline const std::vector<float> kSix = {0, 1, 2, 3, 4, 5};
inline const std::string kStorage = torch_writer::numbers(kSix);

}  // namespace camo::test
