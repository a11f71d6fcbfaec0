// Reads event files with nothing of what writes them: checksums bit by bit, messages field by field.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "examples/camo/options/files.h"

namespace camo::test {

/// CRC-32C as long division, one bit at a time.
inline uint32_t slow_crc32c(const std::string& bytes) {
  uint32_t rest = 0xffffffff;
  for (unsigned char byte : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool one = (rest ^ byte >> bit) & 1;
      rest >>= 1;
      if (one) rest ^= 0x82f63b78;
    }
  return ~rest;
}

template <class T> T number_at(const std::string& bytes, size_t at) {
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof out);  // the tests run on little-endian machines
  return out;
}

/// The data of all whole records; `cut` tells whether something follows them.  Throws std::string for a wrong checksum.
inline std::vector<std::string> records_of(const std::string& bytes, bool& cut) {
  auto check_sum = [&](size_t at, size_t n) {
    const uint32_t sum = slow_crc32c(bytes.substr(at, n)), masked = (sum >> 15 | sum << 17) + 0xa282ead8u;
    if (number_at<uint32_t>(bytes, at + n) != masked) throw std::string("wrong checksum");
  };
  std::vector<std::string> out;
  size_t at = 0;
  for (;;) {
    cut = at < bytes.size();
    if (at + 12 > bytes.size()) return out;
    check_sum(at, 8);
    const size_t n = number_at<uint64_t>(bytes, at);
    if (at + 16 + n > bytes.size()) return out;
    check_sum(at + 12, n);
    out.push_back(bytes.substr(at + 12, n));
    at += 16 + n;
  }
}

/// The fields of a protocol buffer message: numbers as their bits, parts as their bytes.
struct Fields {
  std::multimap<int, uint64_t> numbers;
  std::multimap<int, std::string> parts;

  explicit Fields(const std::string& bytes) {
    size_t at = 0;
    auto varying = [&] {
      uint64_t x = 0;
      for (int shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.at(at++));
        x |= uint64_t(byte & 127) << shift;
        if (byte < 128) return x;
      }
    };
    while (at < bytes.size()) {
      const uint64_t head = varying();
      const int field = int(head >> 3), wire = int(head & 7);
      if (wire == 0) numbers.emplace(field, varying());
      else if (wire == 1) numbers.emplace(field, number_at<uint64_t>(bytes, at)), at += 8;
      else if (wire == 5) numbers.emplace(field, number_at<uint32_t>(bytes, at)), at += 4;
      else if (wire == 2) {
        const uint64_t n = varying();
        parts.emplace(field, bytes.substr(at, n)), at += n;
      } else {
        throw std::string("unknown wire type");
      }
    }
    if (at != bytes.size()) throw std::string("a field ends outside");
  }
  bool has(int field) const { return numbers.count(field) + parts.count(field) > 0; }
  const std::string& part(int field) const { return parts.find(field)->second; }
  uint64_t integer(int field) const { return numbers.find(field)->second; }
  double real(int field) const {
    return number_at<double>(std::string((const char*)&numbers.find(field)->second, 8), 0);
  }
  float single(int field) const {
    return number_at<float>(std::string((const char*)&numbers.find(field)->second, 4), 0);
  }
  std::vector<double> reals(int field) const {
    std::vector<double> out;
    for (size_t at = 0; at < part(field).size(); at += 8) out.push_back(number_at<double>(part(field), at));
    return out;
  }
};

struct ReadEvent {
  int64_t step = 0;
  double wall_time = 0;
  bool start = false;
  std::string version{}, tag{}, image{}, histogram{};
  float scalar = 0;
};

inline ReadEvent event_of(const std::string& record) {
  const Fields event(record);
  ReadEvent out{.wall_time = event.real(1)};
  if (event.has(2)) out.step = int64_t(event.integer(2));
  if (event.has(3)) out.version = event.part(3);
  if (event.has(7)) out.start = Fields(event.part(7)).integer(1) == 1;
  if (!event.has(5)) return out;
  const Fields value(Fields(event.part(5)).part(1));
  out.tag = value.part(1);
  if (value.has(2)) out.scalar = value.single(2);
  if (value.has(4)) out.image = value.part(4);
  if (value.has(5)) out.histogram = value.part(5);
  return out;
}

inline std::vector<ReadEvent> events_of(const std::string& file) {
  bool cut = false;
  std::vector<ReadEvent> out;
  for (const std::string& record : records_of(program::read_file<DataError>(file), cut))
    out.push_back(event_of(record));
  return out;
}

/// What TensorBoard shows of a folder: files in the order of their names; a session's start removes older events of its
/// step and later ones.
inline std::vector<ReadEvent> shown_events(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  std::vector<ReadEvent> out;
  for (const std::string& file : files)
    for (const ReadEvent& e : events_of(file)) {
      if (e.start) std::erase_if(out, [&](const ReadEvent& old) { return old.step >= e.step; });
      if (!e.tag.empty()) out.push_back(e);
    }
  return out;
}

}  // namespace camo::test
