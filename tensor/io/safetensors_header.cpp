// The rules for weight files, by number.  R: the reference implementation refuses the same; +: it does not.
//
//    1 R the header length is 8 bytes and at most 100 000 000; + at most ReadOptions::max_header
//    2 R the header fits the file
//    3 R the header is UTF-8 and an object
//    4 R it is JSON with nothing after it; + no key occurs twice
//    5 R each tensor has dtype, shape and data_offsets, and the dtype is known; + it has no other key
//    6 R numbers are unsigned integers that fit 64 bits
//    7 R the size of a tensor in bits fits 64 bits (+ 63); + at most 8 axes, each at most 2^48
//    8 R data_offsets are two numbers with begin <= end <= size of the data
//    9 R the tensors lie side by side: no hole, no overlap, nothing after the last
//   10 R end - begin is what shape and dtype need, in whole bytes; an axis of 0 skips no check
//   11 R metadata values are strings; + at most 1 MiB in 4096 entries
//   12 + at most 100 000 tensors, names of at most 512 bytes without control characters
//   13 + memory stays within the bound in io.h
//   14 + to read data (not to list it): Camo has the dtype, and there are at most kMaxRank axes
//   15 + the path is a regular file, or a link to one, that does not change while it is read
//   16 + checksums: both metadata entries or neither; they cover every tensor and match
//   17   the index of a sharded set has metadata and weight_map (tensor name to file name), no other key
//   18 + the index names at most 512 files, by plain names, and no file under two names
//   19 + each shard lies in the folder of the index, or in the folder that the index links to
//   20 + the map names exactly the tensors of the shards
// Rules 1, 2, 13 to 16 are checked in io.cpp, 17 to 20 in safetensors_shards.cpp.
#include "tensor/io/safetensors_header.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "tensor/io/checksum.h"

namespace camo::detail {
namespace {

constexpr size_t kMaxTensors = 100'000, kMaxName = 512, kMaxMetadata = 1 << 20, kMaxEntries = 4096;

void parse_shape(JsonScanner& s, FileShape& shape) {
  s.array(7, [&] {
    const uint64_t n = s.number();
    if (shape.rank == 8 || n > uint64_t(1) << 48) s.refuse(7, "more than 8 axes or 2^48 on one");
    shape.dims[shape.rank++] = int64_t(n);
  });
}

/// Rules 7, 8 and 10: compares the bytes of a tensor with its shape and type.
void check_size(JsonScanner& s, const TensorInfo& t, const uint64_t (&offsets)[2], uint64_t buffer) {
  if (offsets[0] <= offsets[1] && offsets[1] > buffer)
    s.refuse(8, "truncated, or data_offsets wrong: ", shown(t.name), " ends at byte ", offsets[1], ", there are ",
             buffer);
  if (offsets[0] > offsets[1]) s.refuse(8, "data_offsets of ", shown(t.name), " must be begin <= end <= ", buffer);
  int64_t bits = 1;  // signed, as in Shape; a later axis of 0 does not undo an overflow
  bool fits = true;
  for (int64_t n : t.shape) fits = fits && !__builtin_mul_overflow(bits, n, &bits);
  if (!fits || __builtin_mul_overflow(bits, int64_t(t.type->bits), &bits))
    s.refuse(7, "size of ", shown(t.name), " overflows");
  if (bits % 8 != 0 || uint64_t(bits / 8) != offsets[1] - offsets[0])
    s.refuse(10, shown(t.name), " has ", offsets[1] - offsets[0], " bytes, its shape and type need ", bits / 8,
             bits % 8 ? " and a part" : "");
}

/// Rules 5 to 8 and 10 for one tensor.
TensorInfo parse_tensor(JsonScanner& s, const std::string& name, int64_t buffer) {
  TensorInfo out;
  out.name = name;
  uint64_t offsets[2];
  int count = 0, seen = 0;
  s.object(5, [&](const std::string& key) {
    const int bit = key == "dtype" ? 1 : key == "shape" ? 2 : key == "data_offsets" ? 4 : 0;
    if (!bit) s.refuse(5, "key ", shown(key), " in ", shown(name), "; legal are dtype, shape, data_offsets");
    if (seen & bit) s.refuse(4, "key ", shown(key), " twice in ", shown(name));
    seen |= bit;
    if (bit == 2) return parse_shape(s, out.shape);
    if (bit == 1) {
      const std::string type = s.string(5);
      if (!(out.type = find_file_type(type))) s.refuse(5, "dtype ", shown(type), " of ", shown(name), " is unknown");
      return;
    }
    s.array(8, [&] {
      if (count == 2) s.refuse(8, "data_offsets has two numbers");
      offsets[count++] = s.number();
    });
  });
  if (seen != 7) s.refuse(5, shown(name), " needs dtype, shape and data_offsets");
  if (count != 2) s.refuse(8, "data_offsets has two numbers");
  check_size(s, out, offsets, uint64_t(buffer));
  out.begin = int64_t(offsets[0]), out.end = int64_t(offsets[1]);
  return out;
}

/// Parses a whole header.  f receives each tensor; metadata goes to `out`, or is skipped when `out` is null.
template <class F>
void walk(std::string_view header, int64_t buffer, const std::string& who, ParsedHeader* out, const F& f) {
  JsonScanner s(header, who);
  if (out) s.begin();
  bool metadata_seen = false;
  s.object(3, [&](const std::string& key) {
    if (key == "__metadata__") {
      if (std::exchange(metadata_seen, true)) s.refuse(4, "key \"__metadata__\" twice");
      return out ? parse_metadata(s, out->metadata, 0, &out->header_sum_at) : s.skip(11, 2);
    }
    if (const char* why = bad_name(key)) s.refuse(12, "the name ", shown(key), " ", why);
    f(s, parse_tensor(s, key, buffer));
  });
  s.end();
}

/// Rule 16: reads the checksums, one for each tensor.  The tensors are sorted by name here.
void take_sums(ParsedHeader& header, const std::string& who) {
  const std::string& json = header.metadata.at(kSumsKey);
  const std::string place = who + ": checksums";
  JsonScanner s(json, place);
  std::vector<bool> seen(header.tensors.size());
  size_t count = 0;
  s.object(16, [&](const std::string& name) {
    const auto sum = parse_hex8(s.string(16));
    auto t = std::lower_bound(header.tensors.begin(), header.tensors.end(), name,
                              [](const TensorInfo& a, const std::string& b) { return a.name < b; });
    if (!sum || t == header.tensors.end() || t->name != name || seen[size_t(t - header.tensors.begin())])
      s.refuse(16, "damaged: no sum of 8 hex digits, or of no tensor, or the second of one: ", shown(name));
    seen[size_t(t - header.tensors.begin())] = true, t->crc = *sum, ++count;
  });
  s.end();
  if (count != seen.size()) s.refuse(16, "damaged: ", count, " checksums for ", seen.size(), " tensors");
}

}  // namespace

const char* bad_name(std::string_view name) {
  if (name.size() > kMaxName) return "is longer than 512 bytes";
  if (name == "__metadata__") return "is the metadata's";
  if (has_control(name)) return "has a control character";
  return valid_utf8(name) ? nullptr : "is not UTF-8";
}

void parse_metadata(JsonScanner& s, Metadata& out, int depth, size_t* header_sum_at) {
  size_t bytes = 0;
  s.object(11, [&](const std::string& key) {
    s.peek();
    if (header_sum_at && key == kHeaderSumKey) *header_sum_at = s.at() + 1;
    std::string value = depth ? s.value(11, depth) : s.string(11);
    bytes += key.size() + value.size();
    if (bytes > kMaxMetadata || out.size() == kMaxEntries)
      s.refuse(11, "metadata is larger than 1 MiB or ", kMaxEntries, " entries");
    if (!out.emplace(key, std::move(value)).second) s.refuse(4, "key ", shown(key), " twice");
  });
}

ParsedHeader parse_header(std::string_view header, int64_t buffer, const std::string& who) {
  // Two passes: the first checks everything and counts, so the second allocates once, and only for a valid header.
  ParsedHeader out;
  size_t count = 0;
  walk(header, buffer, who, &out, [&](const JsonScanner& s, TensorInfo&&) {
    if (count++ == kMaxTensors) s.refuse(12, "more than 100 000 tensors");
  });
  out.tensors.reserve(count);
  walk(header, buffer, who, nullptr, [&](const JsonScanner&, TensorInfo&& t) { out.tensors.push_back(std::move(t)); });

  auto refuse = [&](int rule, const auto&... parts) { throw WeightsError(text(who, ": rule ", rule, ": ", parts...)); };
  std::sort(out.tensors.begin(), out.tensors.end(),
            [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
  for (size_t i = 1; i < count; ++i)
    if (out.tensors[i].name == out.tensors[i - 1].name) refuse(4, "key ", shown(out.tensors[i].name), " twice");
  const bool sums = out.metadata.contains(kSumsKey), own = out.header_sum_at > 0;
  if (sums != own) refuse(16, "damaged: one of the two checksum entries without the other");
  if (sums) take_sums(out, who);

  std::sort(out.tensors.begin(), out.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  int64_t covered = 0;
  for (const TensorInfo& t : out.tensors) {
    if (t.begin != covered)
      refuse(9, shown(t.name), " begins at ", t.begin, ", the tensor before it ends at ", covered);
    covered = t.end;
  }
  if (covered > buffer)
    refuse(9, "truncated: the header promises ", covered, " bytes of tensors, the file has ", buffer);
  if (covered != buffer) refuse(9, "tensors cover ", covered, " bytes, the file has ", buffer);
  return out;
}

}  // namespace camo::detail
