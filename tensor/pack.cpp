#include "tensor/pack.h"

namespace camo {

std::string_view detail::take(std::string_view& bytes, size_t n) {
  check<DataError>(bytes.size() >= n, "unpack: the message ends too early: ", bytes.size(), " bytes left of ", n);
  const std::string_view out = bytes.substr(0, n);
  bytes.remove_prefix(n);
  return out;
}

void pack(std::string& bytes, int64_t number) { pack_struct(bytes, number); }
void pack(std::string& bytes, double number) { pack_struct(bytes, number); }
void pack(std::string& bytes, std::string_view text) {
  pack_struct(bytes, int64_t(text.size()));
  bytes.append(text);
}
int64_t unpack_integer(std::string_view& bytes) { return unpack_struct<int64_t>(bytes); }
double unpack_number(std::string_view& bytes) { return unpack_struct<double>(bytes); }
std::string unpack_text(std::string_view& bytes) {
  const int64_t n = unpack_integer(bytes);
  return std::string(detail::take(bytes, size_t(n)));
}

void pack(std::string& bytes, const Tensor& x) {
  const Tensor here = x.to(Device{});
  pack_struct(bytes, int64_t(here.dtype()));
  pack_struct(bytes, int64_t(here.rank()));
  for (int64_t length : here.shape()) pack_struct(bytes, length);
  if (here.numel() > 0) bytes.append(static_cast<const char*>(here.raw()), size_t(here.bytes()));
}

Tensor unpack(std::string_view& bytes) {
  const DType dtype = DType(unpack_integer(bytes));
  std::vector<int64_t> dims(size_t(unpack_integer(bytes)));
  for (int64_t& length : dims) length = unpack_integer(bytes);
  Tensor out = empty(Shape(dims), dtype);
  const std::string_view numbers = detail::take(bytes, size_t(out.bytes()));
  if (out.numel() > 0) std::memcpy(out.raw_write(), numbers.data(), numbers.size());
  return out;
}

}  // namespace camo
