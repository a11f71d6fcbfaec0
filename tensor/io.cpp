#include "tensor/io.h"

#ifndef CAMO_NO_ZLIB
#include <zlib.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "tensor/file.h"
#include "tensor/io_header.h"

namespace camo {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");
using namespace detail;
using namespace std::literals;

constexpr int64_t kAlign = 64;
constexpr std::string_view kZeros = "00000000";

/// CRC-32 (ISO 3309, polynomial edb88320 reflected) of `before`'s bytes followed by these.
#ifndef CAMO_NO_ZLIB
uint32_t crc(const void* data, int64_t n, uint32_t before = 0) {
  return uint32_t(crc32_z(before, static_cast<const Bytef*>(data), size_t(n)));
}
#else
uint32_t crc(const void* data, int64_t n, uint32_t before = 0) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> t;
    for (uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = t[i] >> 1 ^ (t[i] & 1 ? 0xedb88320u : 0);
    }
    return t;
  }();
  uint32_t sum = ~before;
  for (const auto *p = static_cast<const uint8_t*>(data), *end = p + n; p != end; ++p) sum = sum >> 8 ^ table[(sum ^ *p) & 255];
  return ~sum;
}
#endif

std::string hex(uint32_t x) {
  std::string out(8, '0');
  for (int i = 7; i >= 0; --i, x >>= 4) out[i] = "0123456789abcdef"[x & 15];
  return out;
}

/// The sum of length and header, its own eight digits taken as zeros.
std::string header_sum(uint64_t length, std::string header, size_t digits_at) {
  header.replace(digits_at, 8, kZeros);
  return hex(crc(header.data(), int64_t(header.size()), crc(&length, 8)));
}

/// What a file that is no safetensors is, and what to do about it.
const char* other_format(std::string_view head) {
  constexpr std::pair<std::string_view, const char*> known[] = {
      {"PK\x03\x04"sv,
       "a zip, as torch.save writes [in Python: safetensors.torch.save_file(torch.load(F), G)]"},
      {"\x80"sv, "a pickle [in Python: safetensors.torch.save_file(torch.load(F), G)]"},
      {"version https://git-lfs"sv, "a Git LFS pointer, not the file [git lfs pull]"},
      {"<"sv, "a web page [download the file itself]"},
      {"\x1f\x8b"sv, "compressed by gzip [gunzip it first]"},
      {"\x89HDF"sv, "HDF5 [convert it to safetensors]"},
      {"\x93NUMPY"sv, "a numpy array [convert it to safetensors]"},
      {"\x89PNG"sv, "a PNG picture"},
      {"\xff\xd8\xff"sv, "a JPEG picture"},
      {"GGUF"sv, "GGUF [convert it to safetensors]"},
      {"\x08"sv, "perhaps ONNX [convert it to safetensors]"}};
  for (auto [magic, what] : known)
    if (head.substr(0, magic.size()) == magic) return what;
  return nullptr;
}

struct OpenFile {
  InputFile file;
  std::string who;  // "read_safetensors: PATH"
  ParsedHeader header;
  int64_t data_at;
  bool verified = false;
};

/// Rules 1 and 2, then the header and its sum.
OpenFile open(const std::string& path, const ReadOptions& options) {
  const char* op = "read_safetensors";
  auto file = InputFile::open<WeightsError>(path, op);
  std::string who = text(op, ": ", path);
  char head[24] = {};
  int64_t size = file.size();
  bool read = file.read(0, head, std::min<int64_t>(size, 24));
  uint64_t n = 0;
  std::memcpy(&n, head, 8);
  const bool fits = size >= 8 && n <= uint64_t(size - 8);
  if (read && (!fits || n > uint64_t(options.max_header)))
    if (const char* what = other_format({head, size_t(std::min<int64_t>(size, 24))}))
      throw WeightsError(text(who, ": is no safetensors file but ", what));
  check<WeightsError>(read && size >= 8, who, ": rule 1: 8 bytes of header length expected, the file has ",
                      size);
  check<WeightsError>(fits, who, ": rule 2: header of ", n, " bytes does not fit a file of ", size,
                      " bytes [truncated, or no safetensors file]");
  check<WeightsError>(n <= uint64_t(options.max_header), who, ": rule 1: header of ", n,
                      " bytes, the limit is ", options.max_header);
  std::string header(n, '\0');
  check<WeightsError>(file.read(8, header.data(), int64_t(n)), who, ": cannot be read");
  OpenFile out{std::move(file), who, parse_header(header, size - 8 - int64_t(n), who), 8 + int64_t(n)};

  auto& meta = out.header.metadata;
  bool sums = meta.contains(kSumsKey), own = out.header.header_sum_at > 0;
  check<WeightsError>(sums == own, who, ": damaged: has one of its two checksum entries, not the other");
  check<WeightsError>(own || !options.require_checksums, who,
                      ": has no checksums, which every checkpoint has [damaged?]");
  if (own) {
    std::string stored = meta[kHeaderSumKey], raw = header.substr(out.header.header_sum_at, 8);
    check<WeightsError>(stored == raw && raw == header_sum(n, header, out.header.header_sum_at), who,
                        ": damaged: the header does not have its checksum");
    out.verified = true;
  }
  return out;
}

float half_to_float(uint16_t h) {
  uint32_t sign = uint32_t(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent == 0) return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(float(fraction) * 0x1p-24f));
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

/// Widens n halves that lie in the front half of p, from the back.
void widen_halves(float* p, int64_t n) {
  const char* halves = reinterpret_cast<const char*>(p);
  for (int64_t i = n; i-- > 0;) {
    uint16_t h;
    std::memcpy(&h, halves + 2 * i, 2);
    float f = half_to_float(h);
    std::memcpy(reinterpret_cast<char*>(p) + 4 * i, &f, 4);
  }
}

const char* file_type(DType t) {
  constexpr const char* names[] = {"F32", "F64", "BF16", "I64", "U8"};  // in the order of DType
  return names[int(t)];
}

std::string object_of(const Metadata& entries) {
  std::string out = "{";
  for (const auto& [key, value] : entries)
    out += text(out.size() > 1 ? "," : "", quoted(key), ":", quoted(value));
  return out + "}";
}

/// The header for tensors in this order, padded so that the data begins at a multiple of 64.
std::string make_header(const std::vector<const std::pair<std::string, Tensor>*>& order,
                        const Metadata& metadata) {
  std::string out = text("{\"__metadata__\":", object_of(metadata));
  int64_t at = 0;
  for (auto* item : order) {
    const Tensor& x = item->second;
    out += text(",", quoted(item->first), ":{\"dtype\":\"", file_type(x.dtype()), "\",\"shape\":[");
    for (int i = 0; i < x.rank(); ++i) out += text(i ? "," : "", x.dim(i));
    out += text("],\"data_offsets\":[", at, ",", at + x.bytes(), "]}");
    at += x.bytes();
  }
  out += "}";
  out.append((kAlign - int64_t(out.size() + 8) % kAlign) % kAlign, ' ');
  return out;
}

}  // namespace

const Tensor* SafeTensors::find(std::string_view name) const {
  for (const auto& [key, tensor] : tensors)
    if (key == name) return &tensor;
  return nullptr;
}

SafeHeader read_safetensors_header(const std::string& path, const ReadOptions& options) {
  OpenFile in = open(path, options);
  in.header.metadata.erase(kSumsKey), in.header.metadata.erase(kHeaderSumKey);
  return {std::move(in.header.tensors), std::move(in.header.metadata), in.verified};
}

SafeTensors read_safetensors(const std::string& path, const ReadOptions& options) {
  OpenFile in = open(path, options);
  Metadata sums;
  if (in.verified) {
    sums = parse_strings(in.header.metadata[kSumsKey], in.who + ": checksums");
    check<WeightsError>(sums.size() == in.header.tensors.size(), in.who, ": damaged: ", sums.size(),
                        " checksums for ", in.header.tensors.size(), " tensors");
  }
  SafeTensors out;
  for (const TensorInfo& info : in.header.tensors) {
    Tensor x = empty(info.shape, *read_type(info.dtype));
    void* data = x.raw_write();
    int64_t bytes = info.end - info.begin;
    check<WeightsError>(in.file.read(in.data_at + info.begin, data, bytes), in.who, ": cannot be read at ",
                        info.name);
    if (in.verified) {
      auto sum = sums.find(info.name);
      check<WeightsError>(sum != sums.end() && sum->second == hex(crc(data, bytes)), in.who,
                          ": damaged: tensor ", quoted(info.name), " does not have its checksum");
    }
    if (info.dtype == "F16") widen_halves(static_cast<float*>(data), x.numel());
    out.tensors.emplace_back(info.name, std::move(x));
  }
  in.header.metadata.erase(kSumsKey), in.header.metadata.erase(kHeaderSumKey);
  out.metadata = std::move(in.header.metadata), out.verified = in.verified;
  return out;
}

void write_safetensors(const std::string& path, const NamedTensors& anywhere, const Metadata& metadata,
                       bool checksums) {
  NamedTensors tensors;
  for (const auto& [name, x] : anywhere) tensors.emplace_back(name, x.to(Device{}));
  std::vector<const std::pair<std::string, Tensor>*> order;
  Metadata entries = metadata, sums;
  for (const auto& item : tensors) {
    const auto& [name, x] = item;
    const char* why = bad_name(name);
    check<WeightsError>(!why, "write_safetensors: ", path, ": the name ", quoted(name), " ", why ? why : "");
    check<WeightsError>(sums.emplace(name, checksums ? hex(crc(x.raw(), x.bytes())) : "").second,
                        "write_safetensors: ", path, ": the name ", quoted(name), " is there twice");
    order.push_back(&item);
  }
  for (const auto& [key, value] : metadata)
    check<WeightsError>(valid_utf8(key) && valid_utf8(value), "write_safetensors: ", path, ": metadata ",
                        quoted(key), " is not UTF-8");
  // Wide types first: so every tensor is aligned to its type.
  auto wider = [](auto* a, auto* b) { return size_of(a->second.dtype()) > size_of(b->second.dtype()); };
  std::stable_sort(order.begin(), order.end(), wider);
  if (checksums) entries[kSumsKey] = object_of(sums), entries[kHeaderSumKey] = kZeros;
  std::string header = make_header(order, entries);
  uint64_t length = header.size();
  int64_t data = 0;
  for (auto* item : order) data += item->second.bytes();
  ParsedHeader parsed = parse_header(header, data, "write_safetensors: " + path);  // so it can be read
  if (checksums) header.replace(parsed.header_sum_at, 8, header_sum(length, header, parsed.header_sum_at));

  OutputFile file(path, 8 + int64_t(length) + data);
  file.write(&length, 8);
  file.write(header.data(), int64_t(length));
  for (auto* item : order) file.write(item->second.raw(), item->second.bytes());
  file.commit();
}

}  // namespace camo
