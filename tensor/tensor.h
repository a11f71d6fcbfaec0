// Tensor: numbers in memory, dense and row-major.
//
// Copying a Tensor ALIASES the storage; clone() copies the numbers.  There are no strides: the only views are reshape
// and slice (of the leading axis), everything else is an op that copies.  Nothing converts dtype or device implicitly:
// an op with mixed dtypes or devices throws and names both.
// Gradients live in autograd/; a Tensor knows nothing of graphs.
#pragma once

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/memory/allocator.h"
#include "tensor/shape.h"

namespace camo {

/// A block of device memory that tensors share.
struct Storage {
  Storage(Device device, int64_t bytes) : device(device), bytes(bytes), data(allocate(device, bytes)) {}
  ~Storage() { release(device, data); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Device device;
  int64_t bytes;
  void* data;
  uint64_t version = 0;  // counts writes, so that a saved tensor can detect a change
};

class Tensor {
 public:
  Tensor() = default;                                    // undefined: no storage
  Tensor(Shape shape, DType dtype, Device device = {});  // memory not initialised; use empty()

  bool defined() const { return bool(storage_); }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  int64_t dim(int axis) const { return shape_[axis]; }
  int64_t numel() const { return shape_.numel(); }
  DType dtype() const { return dtype_; }
  Device device() const { return defined() ? storage_->device : Device{}; }
  int64_t bytes() const { return numel() * size_of(dtype_); }

  /// Pointers to the first element, in the device's memory; only kernels and CPU code may dereference them.  T must
  /// match the dtype (DTypeError).  write() increments the version.
  template <class T> const T* read() const { return static_cast<const T*>(pointer(dtype_of<T>)); }
  template <class T> T* write() {
    T* p = static_cast<T*>(pointer(dtype_of<T>));
    ++storage_->version;
    return p;
  }
  /// Untyped versions, for copies and files.
  const void* raw() const { return pointer(dtype_); }
  void* raw_write() {
    ++storage_->version;
    return pointer(dtype_);
  }

  /// A view with another shape and the same number of elements; one axis may be -1.
  Tensor reshape(std::vector<int64_t> dims) const;
  Tensor reshape(std::initializer_list<int64_t> dims) const { return reshape(std::vector<int64_t>(dims)); }
  Tensor reshape(const Shape& shape) const { return reshape(std::vector<int64_t>(shape.begin(), shape.end())); }
  /// A view of rows [begin, end) of the leading axis.
  Tensor slice(int64_t begin, int64_t end) const;
  /// A copy with storage of its own.
  Tensor clone() const;
  /// The same numbers on another device; the tensor itself if it is already there.  Copying from a GPU waits for it.
  Tensor to(Device device) const;

  uint64_t version() const { return storage_ ? storage_->version : 0; }
  /// Identifies the storage: equal for all views of one block.
  const Storage* storage() const { return storage_.get(); }
  /// True if no other tensor shares the storage, so that writing in place is safe.
  bool unique() const { return storage_.use_count() == 1; }

 private:
  friend void move_into(Tensor dst, Tensor&& src);
  void* pointer(DType wanted) const;

  std::shared_ptr<Storage> storage_;
  int64_t offset_ = 0;  // in elements
  Shape shape_;
  DType dtype_ = DType::f32;
};

Tensor empty(const Shape& shape, DType dtype, Device device = {});
inline Tensor empty_like(const Tensor& x) { return empty(x.shape(), x.dtype(), x.device()); }
Tensor full(const Shape& shape, double value, DType dtype = DType::f32, Device device = {});
inline Tensor zeros(const Shape& shape, DType dtype = DType::f32, Device device = {}) {
  return full(shape, 0, dtype, device);
}
inline Tensor ones(const Shape& shape, DType dtype = DType::f32, Device device = {}) {
  return full(shape, 1, dtype, device);
}
inline Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), x.dtype(), x.device()); }
/// 0, 1, ..., n-1.
Tensor arange(int64_t n, DType dtype = DType::i64);

/// A tensor whose dtype is that of the values:  from<float>({1, 2, 3, 4}, {2, 2}).
template <class T> Tensor from(const std::vector<T>& values, const Shape& shape);
/// All numbers in row-major order, converted to T (bf16 to float, ...), from any device.
template <class T> std::vector<T> to_vector(const Tensor& x);
/// The only element, as double.
double item(const Tensor& x);

/// Writes src into dst (same shape and dtype).
void copy_into(Tensor dst, const Tensor& src);
/// Like copy_into, but src may be given up: if src alone owns its storage, the storage moves to dst without a copy.
/// All views of dst see the new numbers.
void move_into(Tensor dst, Tensor&& src);
void fill(Tensor x, double value);
/// Compares shape, dtype and bits: NaN equals the same NaN, and 0 differs from -0.
bool equal_bits(const Tensor& a, const Tensor& b);

/// Checks the rank and returns the axis lengths:  auto [B, N, C] = dims<3>(x, "attention: x (B, N, C)");
template <int N> std::array<int64_t, N> dims(const Tensor& x, const char* what) {
  check(x.rank() == N, what, " expects ", N, " axes, got ", x.shape());
  std::array<int64_t, N> out;
  for (int i = 0; i < N; ++i) out[i] = x.dim(i);
  return out;
}

/// Throws DTypeError unless both have the same dtype, DeviceError unless both are on the same device.
void check_same(const char* op, const Tensor& a, const Tensor& b);

}  // namespace camo
