// Reading small files whole, and making folders.  write_file of tensor/io/file.h writes files: a crash leaves the old
// bytes or the new ones.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "tensor/io/file.h"

namespace camo::program {

/// The bytes of a file; E names it and the system's reason.
template <class E> std::string read_file(const std::string& path, const char* op = "read") {
  InputFile file = InputFile::open<E>(path, op);
  std::string out(size_t(file.size()), '\0');
  check<E>(file.read(0, out.data(), file.size()), op, ": ", path, ": ends early");
  return out;
}

/// Tells before the work whether a file can be written after it: ConfigError if its folder is missing or may not be written
/// to, or if the path is a folder.  Begins with `label` ("camo eval --out").
inline void check_writable(const std::string& file, const std::string& label) {
  const std::filesystem::path parent = std::filesystem::absolute(file).parent_path();
  check<ConfigError>(std::filesystem::is_directory(parent), label, ": ", file, ": there is no folder ",
                     parent.string());
  check<ConfigError>(!std::filesystem::is_directory(file), label, ": ", file, " is a folder, expects a file");
  check<ConfigError>(::access(parent.c_str(), W_OK) == 0, label, ": ", file, ": ", parent.string(),
                     " may not be written to");
}

/// Creates a folder and its parents where they are missing.  ConfigError begins with `label` ("camo eval --report").
inline void make_folder(const std::filesystem::path& path, const std::string& label) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  check<ConfigError>(!error, label, " ", path.string(), ": cannot be made: ", error.message());
}

}  // namespace camo::program
