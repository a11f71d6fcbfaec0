#include "tensor/shape.h"

#include <algorithm>
#include <ostream>

namespace camo {

int64_t checked_product(int64_t a, int64_t b) {
  int64_t out;
  check(!__builtin_mul_overflow(a, b, &out), "shape: ", a, " x ", b, " does not fit 64 bits");
  return out;
}

Shape::Shape(std::span<const int64_t> dims) : rank_(int(dims.size())) {
  check(dims.size() <= size_t(kMaxRank), "shape: at most ", kMaxRank, " axes, got ", dims.size());
  for (int i = 0; i < rank_; ++i) {
    check(dims[i] >= 0, "shape: axis lengths are not negative, got ", dims[i], " for axis ", i);
    dims_[i] = dims[i];
  }
  // A zero must not hide an overflow of the other axes, because later products may leave the zero out.
  int64_t nonzero = 1;
  for (int64_t d : dims) nonzero = checked_product(nonzero, std::max<int64_t>(d, 1));
  for (int64_t d : dims) numel_ = d == 0 ? 0 : numel_;
  numel_ *= nonzero;
}

int Shape::axis(int axis) const {
  check(axis >= -rank_ && axis < rank_, "shape: axis ", axis, " is outside ", *this);
  return axis < 0 ? axis + rank_ : axis;
}

int64_t Shape::product(int begin, int end) const {
  int64_t out = 1;
  for (int i = begin; i < end; ++i) out *= dims_[i];
  return out;
}

Shape Shape::with(int axis, int64_t length) const {
  std::vector<int64_t> dims(begin(), end());
  dims[this->axis(axis)] = length;
  return Shape(dims);
}

Shape Shape::without(int axis) const {
  std::vector<int64_t> dims(begin(), end());
  dims.erase(dims.begin() + this->axis(axis));
  return Shape(dims);
}

Shape Shape::inserted(int axis, int64_t length) const {
  check(axis >= 0 && axis <= rank_, "shape: cannot insert an axis at ", axis, " of ", *this);
  std::vector<int64_t> dims(begin(), end());
  dims.insert(dims.begin() + axis, length);
  return Shape(dims);
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::equal(begin(), end(), other.begin());
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '(';
  for (int i = 0; i < shape.rank(); ++i) out << (i ? ", " : "") << shape[i];
  return out << ')';
}

Shape broadcast(const Shape& a, const Shape& b, const char* op) {
  int rank = std::max(a.rank(), b.rank());
  std::vector<int64_t> dims(rank);
  for (int i = 1; i <= rank; ++i) {
    int64_t da = i <= a.rank() ? a[-i] : 1, db = i <= b.rank() ? b[-i] : 1;
    check(da == db || da == 1 || db == 1, op, ": shapes do not broadcast: ", a, " and ", b);
    dims[rank - i] = da == 1 ? db : da;
  }
  return Shape(dims);
}

}  // namespace camo
