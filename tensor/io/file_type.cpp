#include "tensor/io/file_type.h"

#include <algorithm>
#include <cstring>

namespace camo {
namespace {

/// IEEE 754 half to float, exact.  Selections instead of branches let the compiler vectorise a loop over it.
float half_to_float(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000) << 16, rest = h & 0x7fff;
  const uint32_t small = std::bit_cast<uint32_t>(float(int(rest)) * 0x1p-24f);  // zero and subnormal
  const uint32_t normal = (rest << 13) + (112u << 23), special = 0x7f800000u | rest << 13;
  return std::bit_cast<float>(sign | (rest < 0x400 ? small : rest < 0x7c00 ? normal : special));
}
template <class T> int64_t integer(T x) { return x; }

/// Converts from the last number to the first through a small buffer, so that no narrow number is overwritten
/// before it is read.
template <class From, class To, To (*convert)(From)> void widen(void* data, int64_t n) {
  constexpr int64_t kChunk = 4096;
  From from[kChunk];
  for (int64_t end = n; end > 0;) {
    const int64_t begin = (end - 1) / kChunk * kChunk;
    std::memcpy(from, static_cast<char*>(data) + begin * int64_t(sizeof(From)), size_t(end - begin) * sizeof(From));
    To* to = static_cast<To*>(data) + begin;
    for (int64_t i = 0; i < end - begin; ++i) to[i] = convert(from[i]);
    end = begin;
  }
}
template <class T> constexpr auto as_i64 = widen<T, int64_t, integer<T>>;

constexpr std::nullopt_t kNone = std::nullopt;
constexpr FileType kTypes[] = {{"F32", 32, DType::f32},
                               {"F64", 64, DType::f64},
                               {"BF16", 16, DType::bf16},
                               {"I64", 64, DType::i64},
                               {"U8", 8, DType::u8},  // the rows up to here are in the order of DType
                               {"F16", 16, DType::f32, widen<uint16_t, float, half_to_float>},
                               {"BOOL", 8, DType::u8},
                               {"I8", 8, DType::i64, as_i64<int8_t>},
                               {"I16", 16, DType::i64, as_i64<int16_t>},
                               {"U16", 16, DType::i64, as_i64<uint16_t>},
                               {"I32", 32, DType::i64, as_i64<int32_t>},
                               {"U32", 32, DType::i64, as_i64<uint32_t>},
                               {"U64", 64, kNone},
                               {"C64", 64, kNone},
                               {"F8_E4M3", 8, kNone},
                               {"F8_E5M2", 8, kNone},
                               {"F8_E8M0", 8, kNone},
                               {"F8_E4M3FNUZ", 8, kNone},
                               {"F8_E5M2FNUZ", 8, kNone},
                               {"F6_E2M3", 6, kNone},
                               {"F6_E3M2", 6, kNone},
                               {"F4", 4, kNone}};
static_assert(kTypes[int(DType::u8)].read_as == DType::u8 && kTypes[int(DType::bf16)].read_as == DType::bf16);

}  // namespace

const FileType* find_file_type(std::string_view name) {
  auto row = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const FileType& t) { return t.name == name; });
  return row == std::end(kTypes) ? nullptr : row;
}

const FileType& file_type(DType t) { return kTypes[int(t)]; }

}  // namespace camo
