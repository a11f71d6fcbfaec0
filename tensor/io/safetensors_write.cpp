#include <algorithm>

#include "tensor/io/checksum.h"
#include "tensor/io/file.h"
#include "tensor/io/safetensors_header.h"

namespace camo {
namespace {

using namespace detail;

constexpr int64_t kDataAlign = 64;
constexpr const char* kZeros = "00000000";
using Order = std::vector<const std::pair<std::string, Tensor>*>;

std::string object_of(const Metadata& entries) {
  std::string out = "{";
  for (const auto& [key, value] : entries)
    out += text(out.size() > 1 ? "," : "", json_string(key), ":", json_string(value));
  return out + "}";
}

/// The header for tensors in this order, padded so that the data begins at a multiple of 64 bytes.
std::string make_header(const Order& order, const Metadata& metadata) {
  std::string out = text("{\"__metadata__\":", object_of(metadata));
  int64_t at = 0;
  for (auto* item : order) {
    const Tensor& x = item->second;
    out += text(",", json_string(item->first), ":{\"dtype\":\"", file_type(x.dtype()).name, "\",\"shape\":[");
    for (int i = 0; i < x.rank(); ++i) out += text(i ? "," : "", x.dim(i));
    out += text("],\"data_offsets\":[", at, ",", at + x.bytes(), "]}");
    at += x.bytes();
  }
  out += "}";
  out.append((kDataAlign - int64_t(out.size() + 8) % kDataAlign) % kDataAlign, ' ');
  return out;
}

}  // namespace

void write_safetensors(const std::string& path, const NamedTensors& anywhere, const Metadata& metadata,
                       bool checksums) {
  const std::string who = "write_safetensors: " + path;
  NamedTensors tensors;
  for (const auto& [name, x] : anywhere) tensors.emplace_back(name, x.to(Device{}));
  Order order;
  Metadata entries = metadata, sums;
  for (const auto& item : tensors) {
    const auto& [name, x] = item;
    const char* why = bad_name(name);
    check<WeightsError>(!why, who, ": the name ", shown(name), " ", why ? why : "");
    check<WeightsError>(sums.emplace(name, checksums ? hex8(crc32(x.raw(), x.bytes())) : "").second, who, ": the name ",
                        shown(name), " is there twice");
    order.push_back(&item);
  }
  for (const auto& [key, value] : metadata)
    check<WeightsError>(valid_utf8(key) && valid_utf8(value), who, ": metadata ", shown(key), " is not UTF-8");
  // Wide types come first, so every tensor is aligned to its type.
  auto wider = [](auto* a, auto* b) { return size_of(a->second.dtype()) > size_of(b->second.dtype()); };
  std::stable_sort(order.begin(), order.end(), wider);
  if (checksums) entries[kSumsKey] = object_of(sums), entries[kHeaderSumKey] = kZeros;
  std::string header = make_header(order, entries);
  const uint64_t length = header.size();
  int64_t data = 0;
  for (auto* item : order) data += item->second.bytes();
  const ParsedHeader parsed = parse_header(header, data, who);  // check that readers will accept it
  if (checksums)
    header.replace(parsed.header_sum_at, 8, hex8(crc32(header.data(), int64_t(length), crc32(&length, 8))));

  OutputFile file(path, 8 + int64_t(length) + data);
  file.write(&length, 8);
  file.write(header.data(), int64_t(length));
  for (auto* item : order) file.write(item->second.raw(), item->second.bytes());
  file.commit();
}

}  // namespace camo
