// Whole small files.  Writing is tensor/io/file.h's write_file: the old bytes or the new ones, never half of
// them.
#pragma once

#include <string>

#include "tensor/io/file.h"

namespace camo::program {

/// The bytes of a file; E names it and what the system said.
template <class E> std::string read_file(const std::string& path, const char* op = "read") {
  InputFile file = InputFile::open<E>(path, op);
  std::string out(size_t(file.size()), '\0');
  check<E>(file.read(0, out.data(), file.size()), op, ": ", path, ": ends early");
  return out;
}

}  // namespace camo::program
