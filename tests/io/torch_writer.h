// Writes zips and pickles as torch.save does, and malformed ones, for tests and for the seeds of tests/fuzz.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "tensor/io/checksum.h"

namespace camo::torch_writer {

using namespace std::literals;

template <class T> std::string raw(T x) { return {reinterpret_cast<const char*>(&x), sizeof x}; }

// ---- zip -----------------------------------------------------------------------------------------------

struct Record {
  std::string name, data;
  uint16_t flags = 0x808, method = 0;  // as PyTorch: checksum and sizes follow the data
  uint32_t crc_flip = 0;               // XORed into the checksum
  uint64_t local_size = 0;             // if not 0, the local header states it in a zip64 field
};

struct ZipOptions {
  bool sums = true;        // false: all checksums are 0, as after torch.serialization.set_crc32_options(False)
  bool wide = true;        // also write a zip64 end record, as PyTorch does
  bool sentinels = false;  // set the 32-bit numbers to all ones, so that the zip64 numbers count
  std::string comment = {};
};

inline std::string zip(const std::vector<Record>& records, const ZipOptions& options = {}) {
  std::string out, directory;
  for (const Record& r : records) {
    const uint32_t crc = options.sums ? crc32(r.data.data(), int64_t(r.data.size())) ^ r.crc_flip : 0;
    const uint32_t size = uint32_t(r.data.size()), local = r.local_size ? ~0u : size;
    const std::string field =
        r.local_size ? raw<uint16_t>(1) + raw<uint16_t>(16) + raw(r.local_size) + raw(r.local_size) : "FB\x02\0ZZ"s;
    const bool later = r.flags & 8, huge = options.sentinels;
    const uint32_t at = uint32_t(out.size());
    const std::string extra =
        huge ? raw<uint16_t>(1) + raw<uint16_t>(24) + raw<uint64_t>(size) + raw<uint64_t>(size) + raw<uint64_t>(at)
             : "";
    out += "PK\x03\x04"s + raw<uint16_t>(20) + raw(r.flags) + raw(r.method) + raw<uint32_t>(0) +
           raw<uint32_t>(later ? 0 : crc) + raw<uint32_t>(later ? 0 : local) + raw<uint32_t>(later ? 0 : local) +
           raw<uint16_t>(uint16_t(r.name.size())) + raw(uint16_t(field.size())) + r.name + field + r.data;
    if (later) out += "PK\x07\x08"s + raw(crc) + raw(size) + raw(size);
    directory += "PK\x01\x02"s + raw<uint32_t>(0) + raw(r.flags) + raw(r.method) + raw<uint32_t>(0) + raw(crc) +
                 raw(huge ? ~0u : size) + raw(huge ? ~0u : size) + raw<uint16_t>(uint16_t(r.name.size())) +
                 raw<uint16_t>(uint16_t(extra.size())) + raw<uint16_t>(0) + raw<uint16_t>(0) + raw<uint16_t>(0) +
                 raw<uint32_t>(0) + raw(huge ? ~0u : at) + r.name + extra;
  }
  const uint64_t begin = out.size(), size = directory.size(), n = records.size();
  out += directory;
  if (options.wide)
    out += "PK\x06\x06"s + raw<uint64_t>(44) + raw<uint32_t>(0x2d001e) + raw<uint64_t>(0) + raw(n) + raw(n) +
           raw(size) + raw(begin) + "PK\x06\x07"s + raw<uint32_t>(0) + raw(begin + size) + raw<uint32_t>(1);
  const bool all = options.sentinels;
  return out + "PK\x05\x06"s + raw<uint32_t>(0) + raw<uint16_t>(all ? 0xffff : uint16_t(n)) +
         raw<uint16_t>(all ? 0xffff : uint16_t(n)) + raw<uint32_t>(all ? ~0u : uint32_t(size)) +
         raw<uint32_t>(all ? ~0u : uint32_t(begin)) + raw<uint16_t>(uint16_t(options.comment.size())) + options.comment;
}

/// Corrects in place the checksum of every record that the directory names, as far as the zip can still be parsed.
inline void repair_sums(char* zip, size_t size) {
  auto number = [&]<class T>(size_t at, T) {
    T x;
    std::memcpy(&x, zip + at, sizeof x);
    return x;
  };
  for (size_t at = 0; at + 46 <= size; ++at) {
    if (std::memcmp(zip + at, "PK\x01\x02", 4) != 0) continue;
    const size_t n = number(at + 20, uint32_t()), header = number(at + 42, uint32_t());
    if (header > size || size - header < 30) continue;
    const size_t data = header + 30 + number(header + 26, uint16_t()) + number(header + 28, uint16_t());
    if (data > size || n > size - data || size - data - n < 16) continue;
    const uint32_t sum = crc32(zip + data, int64_t(n));
    std::memcpy(zip + at + 16, &sum, 4);
    const bool later = number(at + 8, uint16_t()) & 8;
    std::memcpy(zip + (later ? data + n + 4 : header + 14), &sum, 4);
  }
}

// ---- pickle --------------------------------------------------------------------------------------------

inline std::string str(const std::string& s) { return "X"s + raw<uint32_t>(uint32_t(s.size())) + s; }
inline std::string integer(int64_t x) {
  if (x >= 0 && x < 256) return "K"s + char(x);
  return x == int32_t(x) ? "J"s + raw(int32_t(x)) : "\x8a\x08"s + raw(x);
}
inline std::string tuple(const std::vector<int64_t>& values) {
  std::string out = "(";
  for (int64_t x : values) out += integer(x);
  return out + "t";
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c"s + module + "\n" + name + "\n";
}
inline std::string storage(const std::string& type, const std::string& key, int64_t numel) {
  return "("s + str("storage") + global("torch", type) + str(key) + str("cpu") + integer(numel) + "tQ";
}
inline std::string ordered_dict() { return global("collections", "OrderedDict") + ")R"; }

struct View {
  std::string type, key;
  int64_t numel, offset;
  std::vector<int64_t> shape, strides;
};
inline std::string tensor(const View& v) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage(v.type, v.key, v.numel) + integer(v.offset) +
         tuple(v.shape) + tuple(v.strides) + "\x89" + ordered_dict() + "tR";
}
/// Instructions for a dict; `items` is key, value, key, value, ...
inline std::string dict(const std::string& items) { return "}("s + items + "u"; }
inline std::string pickle(const std::string& value) { return "\x80\x02"s + value + "."; }

/// A whole file with this pickle and these storages, named "0", "1", ...
inline std::string file(const std::string& pickle, const std::vector<std::string>& storages = {},
                        const ZipOptions& options = {}) {
  std::vector<Record> records = {{"archive/data.pkl", pickle}, {"archive/byteorder", "little"}};
  for (size_t i = 0; i < storages.size(); ++i) records.push_back({"archive/data/" + std::to_string(i), storages[i]});
  records.push_back({"archive/version", "3\n"});
  return zip(records, options);
}
/// A file as PyTorch wrote before 1.6, whose object is this pickle; the storages have the keys "0", "1", ...
inline std::string legacy_file(const std::string& pickle, const std::vector<std::pair<int64_t, std::string>>& storages,
                               const std::string& after = "") {
  std::string out = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s + "\x80\x02M\xe9\x03."s;
  out += torch_writer::pickle(dict(str("protocol_version") + "M\xe9\x03" + str("little_endian") + "\x88" +
                                   str("type_sizes") + dict(str("short") + integer(2) + str("int") + integer(4))));
  out += pickle;
  std::string keys = "]q\0("s;
  for (size_t i = 0; i < storages.size(); ++i) keys += str(std::to_string(i));
  out += torch_writer::pickle(keys + "e");
  for (const auto& [numel, data] : storages) out += raw(numel) + data;
  return out + after;
}
/// A tensor of such a file: its storage has a sixth part, which says of which other storage it is a part.
inline std::string legacy_tensor(const View& v, const std::string& part_of = "N") {
  std::string out = tensor(v);
  return out.insert(out.find("tQ"), part_of);
}
/// Storages for a pickle that names "0" to "9": 24 bytes each, the last one empty.
inline std::vector<std::string> ten_storages() {
  std::vector<std::string> out(10, std::string(24, '\1'));
  out.back().clear();
  return out;
}
template <class T> std::string numbers(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace camo::torch_writer
