// Tensors as bytes, for messages between processes of one program.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tensor/tensor.h"

namespace camo {

/// Appends dtype, shape and numbers, from any device.
void pack(std::string& bytes, const Tensor& x);
/// Takes a tensor off the front of what pack() has written.  It is on the host.  DataError if the bytes end too early.
Tensor unpack(std::string_view& bytes);

/// The same for a number and for a text.
void pack(std::string& bytes, int64_t number);
void pack(std::string& bytes, double number);
void pack(std::string& bytes, std::string_view text);
int64_t unpack_integer(std::string_view& bytes);
double unpack_number(std::string_view& bytes);
std::string unpack_text(std::string_view& bytes);

namespace detail {
/// The first n bytes, which it takes off.  DataError if there are fewer.
std::string_view take(std::string_view& bytes, size_t n);
}  // namespace detail

/// The same for a struct of numbers, as it lies in memory: all processes run one program.
template <class T> void pack_struct(std::string& bytes, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T> T unpack_struct(std::string_view& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  T out;
  std::memcpy(static_cast<void*>(&out), detail::take(bytes, sizeof out).data(), sizeof out);
  return out;
}

}  // namespace camo
