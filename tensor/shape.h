// Shape: up to six axis lengths, stored inline.  Sizes are int64 and every product is checked for overflow.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <vector>

#include "tensor/error.h"

namespace camo {

constexpr int kMaxRank = 6;

class Shape {
 public:
  Shape() = default;  // rank 0: one element
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int64_t> dims);
  explicit Shape(const std::vector<int64_t>& dims) : Shape(std::span(dims)) {}

  int rank() const { return rank_; }
  int64_t numel() const { return numel_; }
  /// Length of an axis; negative axes count from the end.  Throws ShapeError outside [-rank, rank).
  int64_t operator[](int axis) const { return dims_[this->axis(axis)]; }
  /// The axis as a number in [0, rank).
  int axis(int axis) const;
  /// Product of the lengths of axes [begin, end).
  int64_t product(int begin, int end) const;
  /// A copy with one axis replaced, removed or inserted.
  Shape with(int axis, int64_t length) const;
  Shape without(int axis) const;
  Shape inserted(int axis, int64_t length) const;

  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }
  bool operator==(const Shape& other) const;

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int64_t numel_ = 1;
  int rank_ = 0;
};

/// "(2, 3, 4)"
std::ostream& operator<<(std::ostream& out, const Shape& shape);

/// a * b; throws ShapeError if it does not fit int64.
int64_t checked_product(int64_t a, int64_t b);

/// Broadcasts two shapes by numpy's rules.  ShapeError names the op and both shapes.
Shape broadcast(const Shape& a, const Shape& b, const char* op);

}  // namespace camo
