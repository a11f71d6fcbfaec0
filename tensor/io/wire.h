// The wire format of protocol buffers, for writing: ONNX files and TensorBoard's events are messages in it.
//
// A message is a row of fields.  A field is a tag, 8 * number + kind, and a value:
//   kind 0   an integer, 7 bits a byte, the lowest first; the top bit says that more follow
//   kind 1   8 bytes, little-endian, as a double
//   kind 2   a length, then that many bytes: a text, or a message
//   kind 5   4 bytes, little-endian, as a float
// A repeated field is written once for each of its values, or (packed, reals64) once with all of them as one text.
// Source: protobuf.dev, "Encoding".
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace camo::wire {

static_assert(std::endian::native == std::endian::little);

class Message {
 public:
  /// int32, int64, bool or enum.
  Message& integer(int field, int64_t value) { return tag(field, 0), varint(uint64_t(value)), *this; }
  Message& real32(int field, float value) { return tag(field, 5), raw(&value, sizeof value), *this; }
  Message& real64(int field, double value) { return tag(field, 1), raw(&value, sizeof value), *this; }
  /// A text, or any bytes.
  Message& bytes(int field, std::string_view value) {
    tag(field, 2), varint(value.size()), raw(value.data(), value.size());
    return *this;
  }
  Message& message(int field, const Message& value) { return bytes(field, value.encoded_); }
  /// Doubles as one field (packed).
  Message& reals64(int field, const std::vector<double>& values) {
    return bytes(field, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)});
  }

  const std::string& encoded() const { return encoded_; }

 private:
  void tag(int field, int kind) { varint(uint64_t(field) << 3 | uint64_t(kind)); }
  void varint(uint64_t value) {
    for (; value >= 128; value >>= 7) encoded_.push_back(char(value | 128));
    encoded_.push_back(char(value));
  }
  void raw(const void* data, size_t n) { encoded_.append(static_cast<const char*>(data), n); }

  std::string encoded_;
};

}  // namespace camo::wire
