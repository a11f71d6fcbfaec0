// Helpers for tests of weight files: a folder in memory, files from raw bytes, and what a reader says about them.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "tensor/io/io.h"

namespace camo::test {

struct Folder {  // in a memory file system if there is one: these tests sync hundreds of times
  std::string path = (std::filesystem::exists("/dev/shm") ? std::filesystem::path("/dev/shm")
                                                          : std::filesystem::temp_directory_path()) /
                     text("camo_io_", getpid());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return path + "/" + name; }
  int count() const {
    int n = 0;
    for ([[maybe_unused]] auto& entry : std::filesystem::directory_iterator(path)) ++n;
    return n;
  }
};

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}
inline std::string put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

/// A file with this header and `data` bytes of data.
inline std::string raw_file(const std::string& header, size_t data) {
  const uint64_t n = header.size();
  return std::string(reinterpret_cast<const char*>(&n), 8) + header + std::string(data, '\x01');
}

inline bool same(const NamedTensors& a, const SafeTensors& b) {
  if (a.size() != b.tensors.size()) return false;
  for (const auto& [name, x] : a)
    if (!b.find(name) || !equal_bits(x, *b.find(name))) return false;
  return true;
}

/// "accepted", or the error of read_tensors, which must name the file or a shard beside it.
inline std::string verdict(const std::string& path, const ReadOptions& options = {}) {
  try {
    read_tensors(path, options);
  } catch (const WeightsError& e) {
    CHECK(std::string(e.what()).find(std::filesystem::path(path).parent_path()) != std::string::npos);
    return e.what();
  }
  return "accepted";
}

}  // namespace camo::test
