// Errors: one small family, one text form, one exit code each.
//
//   op: rule, got facts [remedy]          e.g.  matmul: inner sizes differ: a (2, 3) x b (4, 5)
//
// Shape checks live in the public Tensor functions and go through check<>(); kernels trust their inputs.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace camo {

/// Base of everything Camo throws.  exit_code() is what the program `camo` returns for it.
class Error : public std::runtime_error {
 public:
  Error(const std::string& what, int exit_code) : std::runtime_error(what), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

template <int Code> struct ErrorOf : Error {
  explicit ErrorOf(const std::string& what) : Error(what, Code) {}
};

// Exit codes: 1 bug, 2 usage or configuration, 3 data, 4 weights, 5 numerics, 6 resources.
struct ShapeError : ErrorOf<1> {
  using ErrorOf::ErrorOf;
};  // axes or sizes do not fit the op
struct DTypeError : ErrorOf<1> {
  using ErrorOf::ErrorOf;
};  // an op got a type it does not take
struct GraphError : ErrorOf<1> {
  using ErrorOf::ErrorOf;
};  // misuse of the autograd graph
struct DeviceError : ErrorOf<6> {
  using ErrorOf::ErrorOf;
};  // wrong or absent device
struct MemoryError : ErrorOf<6> {
  using ErrorOf::ErrorOf;
};  // memory or disk is not enough
struct ConfigError : ErrorOf<2> {
  using ErrorOf::ErrorOf;
};  // flags, configuration keys and values
struct DataError : ErrorOf<3> {
  using ErrorOf::ErrorOf;
};  // images, masks, folders
struct WeightsError : ErrorOf<4> {
  using ErrorOf::ErrorOf;
};  // weight files and checkpoints
struct NumericError : ErrorOf<5> {
  using ErrorOf::ErrorOf;
};  // NaN or infinity where none may be

/// Concatenates everything printable: text("got ", shape, ", axis ", 3).
template <class... Parts> std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Throws E with the concatenated parts unless ok.  The text is built only on failure.
template <class E = ShapeError, class... Parts> inline void check(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    throw E(text(parts...));
}

}  // namespace camo
