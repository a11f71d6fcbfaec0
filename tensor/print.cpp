#include "tensor/print.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace camo {
namespace {

std::string number(double v, bool whole) {
  char out[32];
  std::snprintf(out, sizeof out, whole ? "%.0f" : "%.4g", v);
  return out;
}

/// Element i of x as double.
double element(const Tensor& x, int64_t i) {
  return with_any(x.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, bf16>) return double(float(x.read<T>()[i]));
    else return double(x.read<T>()[i]);
  });
}

/// The indices shown along an axis; -1 stands for a gap.
std::vector<int64_t> shown(int64_t length, int64_t edge) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < length; ++i) {
    if (length > 2 * edge && i == edge) out.push_back(-1), i = length - edge;
    out.push_back(i);
  }
  return out;
}

struct Printer {
  const Tensor& x;
  int64_t edge;
  bool whole;
  size_t width = 0;  // of the widest number printed
  std::string out;

  /// Visits the printed numbers from axis `axis` inwards; `first` is the index of their first element.
  void walk(int axis, int64_t first, bool measure) {
    if (axis == x.rank()) {
      std::string s = number(element(x, first), whole);
      if (measure) width = std::max(width, s.size());
      else out.append(width - s.size(), ' ') += s;
      return;
    }
    const int64_t stride = x.shape().product(axis + 1, x.rank());
    const bool rows = axis + 1 < x.rank();
    bool begun = false;
    if (!measure) out += "[";
    for (int64_t i : shown(x.dim(axis), edge)) {
      if (!measure && begun) out += rows ? "\n" : "  ", out.append(rows ? size_t(axis) + 1 : 0, ' ');
      if (i >= 0) walk(axis + 1, first + i * stride, measure);
      else if (!measure) out += "...";
      begun = true;
    }
    if (!measure) out += "]";
  }
};

}  // namespace

std::string to_string(const Tensor& anywhere, int edge) {
  if (!anywhere.defined()) return "undefined tensor";
  const Tensor x = anywhere.to(Device{});
  std::string out = text(x.dtype(), " ", x.shape());
  if (anywhere.device() != Device{}) out += text(" on ", anywhere.device());
  const bool whole = !is_float(x.dtype());
  double low = HUGE_VAL, high = -HUGE_VAL, sum = 0;
  int64_t finite = 0, nan = 0;
  with_any(x.dtype(), [&]<class T>() {
    const T* p = x.read<T>();
    for (int64_t i = 0; i < x.numel(); ++i) {
      double v;
      if constexpr (std::is_same_v<T, bf16>) v = double(float(p[i]));
      else v = double(p[i]);
      nan += std::isnan(v);
      if (!std::isfinite(v)) continue;
      low = std::min(low, v), high = std::max(high, v), sum += v, ++finite;
    }
  });
  if (finite)
    out += text(": min ", number(low, whole), ", mean ", number(sum / double(finite), false), ", max ",
                number(high, whole));
  if (nan) out += text(finite ? ", " : ": ", nan, " NaN");
  if (int64_t infinite = x.numel() - finite - nan) out += text(finite || nan ? ", " : ": ", infinite, " infinite");
  if (x.numel() == 0) return out;
  Printer printer{x, std::max(edge, 1), whole, 0, {}};
  printer.walk(0, 0, true);
  printer.walk(0, 0, false);
  return out + "\n" + printer.out;
}

std::ostream& operator<<(std::ostream& out, const Tensor& x) { return out << to_string(x); }

}  // namespace camo
