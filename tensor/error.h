// Errors: a few types with one text form, each with an exit code.
//
//   op: rule, got facts [remedy]          e.g.  matmul: inner sizes differ: a (2, 3) x b (4, 5)
//
// The public Tensor functions check shapes with check<>(); kernels do not check their inputs.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace camo {

/// Base class of everything Camo throws.  exit_code() is the exit code of the program `camo`.
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

/// Axes or sizes do not fit the op.
struct ShapeError : ErrorOf<1> {
  using ErrorOf::ErrorOf;
};
/// An op does not take this dtype.
struct DTypeError : ErrorOf<1> {
  using ErrorOf::ErrorOf;
};
/// The autograd graph is misused.
struct GraphError : ErrorOf<1> {
  using ErrorOf::ErrorOf;
};
/// The device is absent, or the wrong one.
struct DeviceError : ErrorOf<6> {
  using ErrorOf::ErrorOf;
};
/// Memory or disk is full.
struct MemoryError : ErrorOf<6> {
  using ErrorOf::ErrorOf;
};
/// A flag, configuration key or value is wrong.
struct ConfigError : ErrorOf<2> {
  using ErrorOf::ErrorOf;
};
/// An image, mask or folder is wrong.
struct DataError : ErrorOf<3> {
  using ErrorOf::ErrorOf;
};
/// A weight file or checkpoint is wrong.
struct WeightsError : ErrorOf<4> {
  using ErrorOf::ErrorOf;
};
/// NaN or infinity where none may be.
struct NumericError : ErrorOf<5> {
  using ErrorOf::ErrorOf;
};

/// Concatenates anything printable: text("got ", shape, ", axis ", 3).
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
