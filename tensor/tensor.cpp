#include "tensor/tensor.h"

#include <cstring>

#include "tensor/parallel.h"

namespace camo {
namespace kernel {

void copy(Cpu, const void* src, void* dst, int64_t bytes) {
  if (bytes) std::memcpy(dst, src, size_t(bytes));
}
void copy(Cuda, const void* src, void* dst, int64_t bytes);
// Copies from host to device and back.  download() waits until the numbers have arrived.
void upload(Cpu, const void* host, void* dst, int64_t bytes) { copy(Cpu{}, host, dst, bytes); }
void upload(Cuda, const void* host, void* dst, int64_t bytes);
void download(Cpu, const void* src, void* host, int64_t bytes) { copy(Cpu{}, src, host, bytes); }
void download(Cuda, const void* src, void* host, int64_t bytes);

void fill(Cpu, Tensor x, double value) {
  with_any(x.dtype(), [&]<class T>() {
    T* p = x.write<T>();
    T v;
    if constexpr (std::is_same_v<T, bf16>) v = bf16(float(value));
    else v = T(value);
    parallel_chunks(x.numel(), kGrain, [=](int64_t begin, int64_t end) { std::fill(p + begin, p + end, v); });
  });
}
void fill(Cuda, Tensor x, double value);

}  // namespace kernel

Tensor::Tensor(Shape shape, DType dtype, Device device) : shape_(shape), dtype_(dtype) {
  storage_ = std::make_shared<Storage>(device, checked_product(shape.numel(), size_of(dtype)));
}

void* Tensor::pointer(DType wanted) const {
  check<GraphError>(defined(), "tensor: undefined tensor has no numbers");
  check<DTypeError>(wanted == dtype_, "tensor: read or written as ", wanted, ", but tensor ", shape_, " is ", dtype_);
  return static_cast<char*>(storage_->data) + offset_ * size_of(dtype_);
}

Tensor Tensor::reshape(std::vector<int64_t> dims) const {
  int64_t known = 1, unknown = -1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != -1) {
      known = checked_product(known, dims[i]);
      continue;
    }
    check(unknown < 0, "reshape: only one axis may be -1");
    unknown = int64_t(i);
  }
  if (unknown >= 0) {
    check(known > 0 && numel() % known == 0, "reshape: ", numel(), " elements of ", shape_, " do not divide by ", known,
          " for the axis -1");
    dims[unknown] = numel() / known;
  }
  Tensor out = *this;
  out.shape_ = Shape(dims);
  check(out.numel() == numel(), "reshape: ", shape_, " has ", numel(), " elements, ", out.shape_, " has ", out.numel());
  return out;
}

Tensor Tensor::slice(int64_t begin, int64_t end) const {
  check(rank() > 0 && 0 <= begin && begin <= end && end <= dim(0), "slice: rows [", begin, ", ", end, ") of ", shape_);
  Tensor out = *this;
  out.shape_ = shape_.with(0, end - begin);
  out.offset_ += begin * shape_.product(1, rank());
  return out;
}

Tensor Tensor::clone() const {
  Tensor out = empty_like(*this);
  copy_into(out, *this);
  return out;
}

Tensor Tensor::to(Device device) const {
  if (!defined() || device == this->device()) return *this;
  if (device.kind == Device::cuda && this->device().kind == Device::cuda) return to(Device{}).to(device);
  Tensor out = empty(shape_, dtype_, device);
  if (device.kind == Device::cuda)
    on(device, [&](auto where) { kernel::upload(where, raw(), out.raw_write(), bytes()); });
  else on(this->device(), [&](auto where) { kernel::download(where, raw(), out.raw_write(), bytes()); });
  return out;
}

Tensor empty(const Shape& shape, DType dtype, Device device) { return Tensor(shape, dtype, device); }

Tensor full(const Shape& shape, double value, DType dtype, Device device) {
  Tensor out = empty(shape, dtype, device);
  fill(out, value);
  return out;
}

Tensor arange(int64_t n, DType dtype) {
  Tensor out = empty({n}, dtype);
  with_any(dtype, [&]<class T>() {
    T* p = out.write<T>();
    for (int64_t i = 0; i < n; ++i) {
      if constexpr (std::is_same_v<T, bf16>) p[i] = bf16(float(i));
      else p[i] = T(i);
    }
  });
  return out;
}

template <class T> Tensor from(const std::vector<T>& values, const Shape& shape) {
  check(int64_t(values.size()) == shape.numel(), "from: ", values.size(), " values for shape ", shape);
  Tensor out = empty(shape, dtype_of<T>);
  if (!values.empty()) std::memcpy(out.raw_write(), values.data(), size_t(out.bytes()));
  return out;
}

template <class T> std::vector<T> to_vector(const Tensor& x) {
  std::vector<T> out(x.numel());
  const Tensor host = x.to(Device{});
  with_any(x.dtype(), [&]<class S>() {
    const S* p = host.read<S>();
    for (size_t i = 0; i < out.size(); ++i) {
      if constexpr (std::is_same_v<S, bf16>) out[i] = T(float(p[i]));
      else out[i] = T(p[i]);
    }
  });
  return out;
}

template Tensor from(const std::vector<float>&, const Shape&);
template Tensor from(const std::vector<double>&, const Shape&);
template Tensor from(const std::vector<int64_t>&, const Shape&);
template Tensor from(const std::vector<uint8_t>&, const Shape&);
template std::vector<float> to_vector(const Tensor&);
template std::vector<double> to_vector(const Tensor&);
template std::vector<int64_t> to_vector(const Tensor&);
template std::vector<uint8_t> to_vector(const Tensor&);

double item(const Tensor& x) {
  check(x.numel() == 1, "item: expects one element, got ", x.shape());
  return to_vector<double>(x)[0];
}

void copy_into(Tensor dst, const Tensor& src) {
  check_same("copy_into", dst, src);
  check(dst.shape() == src.shape(), "copy_into: shapes differ: ", dst.shape(), " and ", src.shape());
  on(src.device(), [&](auto where) { kernel::copy(where, src.raw(), dst.raw_write(), src.bytes()); });
}

void move_into(Tensor dst, Tensor&& src) {
  const Tensor spent = std::move(src);
  const bool whole = dst.defined() && spent.unique() && spent.storage_ != dst.storage_ &&
                     dst.storage_->bytes == spent.storage_->bytes && dst.bytes() == dst.storage_->bytes;
  if (!whole || dst.shape() != spent.shape() || dst.dtype() != spent.dtype() || dst.device() != spent.device())
    return copy_into(dst, spent);
  std::swap(dst.storage_->data, spent.storage_->data);
  ++dst.storage_->version;
}

void fill(Tensor x, double value) {
  on(x.device(), [&](auto where) { kernel::fill(where, x, value); });
}

bool equal_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  return a.numel() == 0 || std::memcmp(a.to(Device{}).raw(), b.to(Device{}).raw(), size_t(a.bytes())) == 0;
}

void check_same(const char* op, const Tensor& a, const Tensor& b) {
  check<DTypeError>(a.dtype() == b.dtype(), op, ": types differ: ", a.dtype(), " ", a.shape(), " and ", b.dtype(), " ",
                    b.shape(), " [cast one of them]");
  check<DeviceError>(a.device() == b.device(), op, ": devices differ: ", a.device(), " and ", b.device());
}

}  // namespace camo
