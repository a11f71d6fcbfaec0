#include "tensor/io/zip.h"

#include <algorithm>
#include <cstring>

#include "tensor/io/safetensors_read.h"

namespace camo::detail {
namespace {

constexpr int64_t kMaxFiles = 200'000;
constexpr uint32_t kAll32 = 0xffffffff;
constexpr uint16_t kAll16 = 0xffff, kHasDescriptor = 1 << 3, kUtf8 = 1 << 11;

template <class T> T number(std::string_view bytes, size_t at) {
  T x;
  std::memcpy(&x, bytes.data() + at, sizeof x);
  return x;
}

struct Directory {
  uint64_t begin, size, entries;
};

/// One entry of the zip's directory.
struct Record {
  std::string name;
  uint16_t flags;
  uint32_t crc;
  uint64_t size, header;  // size of the data; offset of the local header
};

class Reader {
 public:
  Reader(const InputFile& file, const std::string& who) : file_(file), who_(who) {}

  template <class... Parts> void require(bool ok, const Parts&... parts) const {
    check<WeightsError>(ok, who_, ": zip: ", parts...);
  }

  std::string bytes(uint64_t at, uint64_t n, const char* what) const {
    const uint64_t size = uint64_t(file_.size());
    require(at <= size && n <= size - at, what, " at byte ", at, " lies outside of the file's ", size);
    std::string out(n, '\0');
    require(file_.read(int64_t(at), out.data(), int64_t(n)), what, " cannot be read");
    return out;
  }

  /// Reads the end record, and the zip64 end record if there is one.  Both must agree.
  Directory find_directory() const {
    const int64_t size = file_.size();
    require(size >= 22, "has ", size, " bytes, its end record alone needs 22 [truncated?]");
    std::string end = bytes(uint64_t(size - 22), 22, "end record");
    require(end.starts_with("PK\x05\x06") && number<uint16_t>(end, 20) == 0,
            "does not end with an end record [truncated, or with a comment, which torch.save never writes]");
    require(number<uint32_t>(end, 4) == 0 && number<uint16_t>(end, 8) == number<uint16_t>(end, 10),
            "is one of several disks");
    Directory d{number<uint32_t>(end, 16), number<uint32_t>(end, 12), number<uint16_t>(end, 10)};
    uint64_t stop = uint64_t(size - 22);
    std::string locator = size >= 42 ? bytes(uint64_t(size - 42), 20, "zip64 locator") : "";
    if (locator.starts_with("PK\x06\x07")) {
      stop = number<uint64_t>(locator, 8);
      std::string wide = bytes(stop, 56, "zip64 end record");
      require(wide.starts_with("PK\x06\x06") && number<uint64_t>(wide, 4) == 44 && stop + 56 == uint64_t(size - 42),
              "its zip64 end record is damaged or out of place");
      require(number<uint64_t>(wide, 16) == 0 && number<uint64_t>(wide, 24) == number<uint64_t>(wide, 32) &&
                  number<uint32_t>(locator, 4) == 0 && number<uint32_t>(locator, 16) == 1,
              "is one of several disks");
      Directory w{number<uint64_t>(wide, 48), number<uint64_t>(wide, 40), number<uint64_t>(wide, 32)};
      require((d.begin == kAll32 || d.begin == w.begin) && (d.size == kAll32 || d.size == w.size) &&
                  (d.entries == kAll16 || d.entries == w.entries),
              "its two end records differ");
      d = w;
    }
    require(d.begin <= stop && d.size == stop - d.begin, "its directory, ", d.size, " bytes at ", d.begin,
            ", does not end where the end record begins, at ", stop);
    return d;
  }

  /// Replaces the numbers that do not fit 32 bits by those of the zip64 extra field.
  void widen(Record& r, uint64_t& packed, std::string_view extra) const {
    bool seen = false;
    for (size_t at = 0; at < extra.size();) {
      require(extra.size() - at >= 4, shown(r.name), " has a damaged extra field");
      uint16_t id = number<uint16_t>(extra, at), n = number<uint16_t>(extra, at + 2);
      at += 4;
      require(n <= extra.size() - at, shown(r.name), " has a damaged extra field");
      if (id == 1) {
        require(!std::exchange(seen, true), shown(r.name), " has two zip64 fields");
        std::string_view wide = extra.substr(at, n);
        for (uint64_t* x : {&r.size, &packed, &r.header}) {
          if (*x != kAll32) continue;
          require(wide.size() >= 8, shown(r.name), " has a zip64 field that is too short");
          *x = number<uint64_t>(wide, 0), wide.remove_prefix(8);
        }
      }
      at += n;
    }
  }

  std::vector<Record> read_directory(const Directory& d, uint64_t max_directory) const {
    require(d.size <= max_directory && d.entries <= kMaxFiles, "its directory has ", d.size, " bytes and ", d.entries,
            " entries, the limits are ", max_directory, " and ", kMaxFiles);
    const std::string all = bytes(d.begin, d.size, "directory");
    std::string_view rest = all;
    std::vector<Record> out;
    while (!rest.empty()) {
      require(rest.size() >= 46 && rest.starts_with("PK\x01\x02"), "directory entry ", out.size(), " is damaged");
      const size_t name = number<uint16_t>(rest, 28), extra = number<uint16_t>(rest, 30);
      require(name + extra <= rest.size() - 46, "directory entry ", out.size(), " is damaged");
      Record r{std::string(rest.substr(46, name)), number<uint16_t>(rest, 8), number<uint32_t>(rest, 16),
               number<uint32_t>(rest, 24), number<uint32_t>(rest, 42)};
      const char* bad = name == 0 ? "is empty" : bad_name(r.name);
      require(!bad, "the name ", shown(r.name), " ", bad ? bad : "");
      const int method = number<uint16_t>(rest, 10);
      require(method == 0, shown(r.name), " is compressed (", method == 8 ? "deflate" : text("method ", method),
              "), torch.save's records are not",
              " [a TorchScript program? torch.save(torch.jit.load(F).state_dict(), G); else unzip it, then zip -0]");
      require((r.flags & ~(kHasDescriptor | kUtf8)) == 0, shown(r.name), " is ",
              r.flags & 1 ? "encrypted" : text("of an unknown kind, flags ", r.flags));
      require(number<uint16_t>(rest, 32) == 0 && number<uint16_t>(rest, 34) == 0, shown(r.name),
              " has a comment or lies on another disk");
      uint64_t packed = number<uint32_t>(rest, 20);
      widen(r, packed, rest.substr(46 + name, extra));
      require(packed == r.size, shown(r.name), " is stored, but ", r.size, " bytes take ", packed);
      out.push_back(std::move(r));
      rest.remove_prefix(46 + name + extra);
    }
    require(out.size() == d.entries, "the directory has ", out.size(), " entries, the end record says ", d.entries);
    return out;
  }

  /// Compares the local header with the directory.  Returns the offset of the data.
  uint64_t check_header(const Record& r) const {
    const uint64_t name_end = r.header + 30 + r.name.size();
    std::string h = bytes(r.header, 30 + r.name.size(), "local header");
    require(h.starts_with("PK\x03\x04") && number<uint16_t>(h, 6) == r.flags && number<uint16_t>(h, 8) == 0 &&
                number<uint16_t>(h, 26) == r.name.size() && h.substr(30) == r.name,
            "the local header of ", shown(r.name), " differs from the directory");
    const uint16_t extra = number<uint16_t>(h, 28);
    Record local{r.name, r.flags, number<uint32_t>(h, 14), number<uint32_t>(h, 22), 0};
    uint64_t packed = number<uint32_t>(h, 18);
    const bool later = r.flags & kHasDescriptor && local.crc == 0 && packed == 0 && local.size == 0;
    if (packed == kAll32 || local.size == kAll32) widen(local, packed, bytes(name_end, extra, "extra field"));
    require(later || (local.crc == r.crc && packed == r.size && local.size == r.size), "the local header of ",
            shown(r.name), " differs from the directory");
    return name_end + extra;
  }

  /// Returns where the record ends: after its data, or after a data descriptor, which must repeat sizes and checksum.
  uint64_t check_descriptor(const Record& r, uint64_t data) const {
    const uint64_t end = data + r.size;
    if (!(r.flags & kHasDescriptor)) return end;
    const bool wide = r.size >= kAll32 || r.header >= kAll32;
    std::string d = bytes(end, wide ? 24 : 16, "data descriptor");
    const uint64_t packed = wide ? number<uint64_t>(d, 8) : number<uint32_t>(d, 8);
    const uint64_t size = wide ? number<uint64_t>(d, 16) : number<uint32_t>(d, 12);
    require(d.starts_with("PK\x07\x08") && number<uint32_t>(d, 4) == r.crc && packed == r.size && size == r.size,
            "the data descriptor of ", shown(r.name), " differs from the directory");
    return end + d.size();
  }

 private:
  const InputFile& file_;
  const std::string& who_;
};

}  // namespace

ZipFile::ZipFile(const InputFile& file, std::string who, int64_t max_directory) : file_(file), who_(std::move(who)) {
  Reader in(file, who_);
  const Directory directory = in.find_directory();
  std::vector<Record> records = in.read_directory(directory, uint64_t(max_directory));
  std::sort(records.begin(), records.end(), [](auto& a, auto& b) { return a.header < b.header; });
  uint64_t covered = 0;
  for (Record& r : records) {
    in.require(r.header == covered, shown(r.name), " begins at ", r.header, ", the record before it ends at ", covered);
    const uint64_t data = in.check_header(r);
    in.require(data <= directory.begin && r.size <= directory.begin - data, shown(r.name), ", ", r.size, " bytes at ",
               data, ", reaches into the directory at ", directory.begin);
    covered = in.check_descriptor(r, data);
    has_sums_ |= r.crc != 0;
    entries_.push_back({std::move(r.name), int64_t(data), int64_t(r.size), r.crc});
  }
  in.require(covered == directory.begin, "the records end at ", covered, ", the directory begins at ", directory.begin);
  std::sort(entries_.begin(), entries_.end(), [](auto& a, auto& b) { return a.name < b.name; });
  auto twice = std::adjacent_find(entries_.begin(), entries_.end(), [](auto& a, auto& b) { return a.name == b.name; });
  in.require(twice == entries_.end(), "two records have the name ", shown(twice == entries_.end() ? "" : twice->name));
}

const ZipEntry* ZipFile::find(std::string_view name) const {
  auto at = std::lower_bound(entries_.begin(), entries_.end(), name, [](auto& e, auto n) { return e.name < n; });
  return at != entries_.end() && at->name == name ? &*at : nullptr;
}

void ZipFile::read(const ZipEntry& entry, void* to) const {
  uint32_t sum = 0;
  check<WeightsError>(read_summed(file_, entry.begin, to, entry.size, sum), who_, ": ", shown(entry.name),
                      " cannot be read");
  check<WeightsError>(!has_sums_ || sum == entry.crc, who_, ": damaged: ", shown(entry.name),
                      " does not have its checksum");
}

}  // namespace camo::detail
