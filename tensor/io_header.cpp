// What a safetensors file must satisfy, by number; 1, 2 and 13 are checked in io.cpp.
//   1 length: 8 bytes, within the limit      8 data_offsets: begin <= end <= data
//   2 the header fits the file               9 no hole between tensors, no overlap, no tail
//   3 the header is UTF-8 and an object     10 end - begin is what shape and dtype need
//   4 it is JSON, no key twice              11 metadata: strings, at most 1 MiB
//   5 dtype, shape, data_offsets, no more   12 at most 100 000 tensors, names of 512 bytes, no control
//   characters 6 numbers are plain unsigned integers   13 no memory beyond 3 headers and 16 MiB before 10 has
//   passed 7 rank <= 8, axes <= 2^48, size fits
// A reader of our own is shorter, stricter and leaner here than a general one: it never recurses, never turns
// a number into a double, and sees a key twice where a map would keep the last.
#include "tensor/io_header.h"

#include <algorithm>
#include <cstring>

namespace camo::detail {
namespace {

constexpr size_t kMaxTensors = 100'000, kMaxName = 512, kMaxMetadata = 1 << 20;

struct TypeRow { std::string_view name; int64_t size; DType read_as; };
constexpr TypeRow kTypes[] = {{"F64", 8, DType::f64}, {"F32", 4, DType::f32}, {"BF16", 2, DType::bf16},
                              {"F16", 2, DType::f32}, {"I64", 8, DType::i64}, {"U8", 1, DType::u8}};

const TypeRow* find_type(std::string_view name) {
  for (const TypeRow& row : kTypes)
    if (row.name == name) return &row;
  return nullptr;
}

/// Walks over JSON text from left to right.
class Scanner {
 public:
  Scanner(std::string_view text, const std::string& who) : text_(text), who_(who) {}

  template <class... Parts>
  [[noreturn]] void refuse(int rule, const Parts&... parts) const {
    throw WeightsError(text(who_, ": rule ", rule, ": ", parts..., ", at byte ", at_, " of the header"));
  }
  size_t at() const { return at_; }
  bool done() { return space(), at_ == text_.size(); }
  /// The next character that is no space, 0 at the end.
  char peek() { return space(), at_ < text_.size() ? text_[at_] : '\0'; }
  void expect(char c, int rule = 4) {
    if (peek() != c) refuse(rule, "'", c, "' expected");
    ++at_;
  }

  /// Calls f(key) at each member's value.
  template <class F>
  void object(int rule, const F& f) {
    expect('{', rule);
    for (bool first = true; peek() != '}'; first = false) {
      if (!first) expect(',');
      std::string key = string(4);
      expect(':');
      f(key);
    }
    ++at_;
  }
  /// Calls f() at each element.
  template <class F>
  void array(int rule, const F& f) {
    expect('[', rule);
    for (bool first = true; peek() != ']'; first = false) {
      if (!first) expect(',');
      f();
    }
    ++at_;
  }

  std::string string(int rule) {
    expect('"', rule);
    std::string out;
    for (;;) {
      if (at_ == text_.size()) refuse(4, "string without end");
      unsigned char c = text_[at_++];
      if (c == '"') return out;
      if (c < 0x20) refuse(4, "control character in a string");
      if (c == '\\') escape(out);
      else out += char(c);
    }
  }

  uint64_t number() {
    uint64_t x = 0;
    peek();
    size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (__builtin_mul_overflow(x, uint64_t(10), &x) ||
          __builtin_add_overflow(x, uint64_t(text_[at_] - '0'), &x))
        refuse(6, "number does not fit 64 bits");
    bool more = at_ < text_.size() && std::strchr(".eE+-", text_[at_]);
    if (at_ == begin || more || (text_[begin] == '0' && at_ > begin + 1))
      refuse(6, "plain unsigned integer expected");
    return x;
  }

 private:
  void space() {
    while (at_ < text_.size() && std::strchr(" \t\n\r", text_[at_]) && text_[at_]) ++at_;
  }

  void escape(std::string& out) {
    constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    char c = at_ < text_.size() ? text_[at_++] : '\0';
    if (c == 'u') return unicode(out);
    size_t i = from.find(c);
    if (i == from.npos) refuse(4, "unknown escape");
    out += to[i];
  }
  void unicode(std::string& out) {
    uint32_t u = hex4();
    if (u >= 0xd800 && u < 0xdc00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      uint32_t low = hex4();
      if (low < 0xdc00 || low > 0xdfff) refuse(4, "half a surrogate pair");
      u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
    }
    if (u >= 0xd800 && u <= 0xdfff) refuse(4, "half a surrogate pair");
    if (u < 0x80) out += char(u);
    else if (u < 0x800) out += {char(0xc0 | u >> 6), char(0x80 | (u & 63))};
    else if (u < 0x10000) out += {char(0xe0 | u >> 12), char(0x80 | (u >> 6 & 63)), char(0x80 | (u & 63))};
    else
      out += {char(0xf0 | u >> 18), char(0x80 | (u >> 12 & 63)), char(0x80 | (u >> 6 & 63)),
              char(0x80 | (u & 63))};
  }
  uint32_t hex4() {
    uint32_t u = 0;
    for (int i = 0; i < 4; ++i) {
      char c = at_ < text_.size() ? text_[at_++] : '\0';
      bool digit = c >= '0' && c <= '9', lower = c >= 'a' && c <= 'f', upper = c >= 'A' && c <= 'F';
      if (!digit && !lower && !upper) refuse(4, "four hex digits expected");
      u = u << 4 | uint32_t(digit ? c - '0' : (c | 32) - 'a' + 10);
    }
    return u;
  }

  std::string_view text_;
  const std::string& who_;
  size_t at_ = 0;
};

void parse_metadata(Scanner& s, ParsedHeader& out) {
  size_t bytes = 0;
  s.object(11, [&](const std::string& key) {
    s.peek();
    size_t value_at = s.at() + 1;
    std::string value = s.string(11);
    bytes += key.size() + value.size();
    if (bytes > kMaxMetadata) s.refuse(11, "metadata is larger than 1 MiB");
    if (key == kHeaderSumKey) out.header_sum_at = value_at;
    if (!out.metadata.emplace(key, std::move(value)).second) s.refuse(4, "key ", quoted(key), " twice");
  });
}

/// Rules 5 to 8 and 10, in one tensor.
TensorInfo parse_tensor(Scanner& s, const std::string& name, int64_t buffer) {
  TensorInfo out;
  out.name = name;
  std::vector<uint64_t> shape, offsets;
  unsigned seen = 0;
  auto once = [&](unsigned bit, const std::string& key) {
    if (seen & bit) s.refuse(4, "key ", quoted(key), " twice in ", quoted(name));
    seen |= bit;
  };
  s.object(5, [&](const std::string& key) {
    if (key == "dtype") {
      once(1, key);
      out.dtype = s.string(5);
    } else if (key == "shape") {
      once(2, key);
      s.array(7, [&] {
        shape.push_back(s.number());
        if (shape.size() > 8 || shape.back() > uint64_t(1) << 48)
          s.refuse(7, "more than 8 axes or 2^48 on one");
      });
    } else if (key == "data_offsets") {
      once(4, key);
      s.array(8, [&] {
        offsets.push_back(s.number());
        if (offsets.size() > 2) s.refuse(8, "data_offsets has two numbers");
      });
    } else {
      s.refuse(5, "key ", quoted(key), " in ", quoted(name), "; legal are dtype, shape, data_offsets");
    }
  });
  if (seen != 7) s.refuse(5, quoted(name), " needs dtype, shape and data_offsets");
  const TypeRow* type = find_type(out.dtype);
  if (!type)
    s.refuse(5, "dtype must be F64, F32, BF16, F16, I64 or U8, got ", quoted(out.dtype), " in ",
             quoted(name));
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > uint64_t(buffer))
    s.refuse(8, "data_offsets of ", quoted(name), " must be begin <= end <= ", buffer);
  uint64_t bytes = 1;
  bool fits = true;
  for (uint64_t n : shape) fits = fits && !__builtin_mul_overflow(bytes, n, &bytes);
  if (!fits || __builtin_mul_overflow(bytes, uint64_t(type->size), &bytes))
    s.refuse(7, "size of ", quoted(name), " overflows");
  if (bytes != offsets[1] - offsets[0])
    s.refuse(10, quoted(name), " has ", offsets[1] - offsets[0], " bytes, its shape and type need ", bytes);
  if (shape.size() > size_t(kMaxRank))
    s.refuse(7, quoted(name), " has ", shape.size(), " axes, Camo's tensors at most ", kMaxRank);
  out.shape = Shape(std::vector<int64_t>(shape.begin(), shape.end()));
  out.begin = int64_t(offsets[0]), out.end = int64_t(offsets[1]);
  return out;
}

}  // namespace

std::optional<DType> read_type(std::string_view dtype) {
  const TypeRow* row = find_type(dtype);
  return row ? std::optional(row->read_as) : std::nullopt;
}

int64_t file_size_of(std::string_view dtype) { return find_type(dtype)->size; }

const char* bad_name(std::string_view name) {
  if (name.size() > kMaxName) return "is longer than 512 bytes";
  if (name == "__metadata__") return "is the metadata's";
  for (unsigned char c : name)
    if (c < 0x20 || c == 0x7f) return "has a control character";
  return valid_utf8(name) ? nullptr : "is not UTF-8";
}

ParsedHeader parse_header(std::string_view header, int64_t buffer, const std::string& who) {
  Scanner s(header, who);
  if (!valid_utf8(header)) s.refuse(3, "header is not UTF-8");
  if (s.peek() != '{') s.refuse(3, "header is no JSON object");
  ParsedHeader out;
  bool metadata_seen = false;
  s.object(3, [&](const std::string& key) {
    if (key == "__metadata__") {
      if (std::exchange(metadata_seen, true)) s.refuse(4, "key \"__metadata__\" twice");
      return parse_metadata(s, out);
    }
    if (const char* why = bad_name(key)) s.refuse(12, "the name ", quoted(key.substr(0, 80)), " ", why);
    if (out.tensors.size() == kMaxTensors) s.refuse(12, "more than 100 000 tensors");
    out.tensors.push_back(parse_tensor(s, key, buffer));
  });
  if (!s.done()) s.refuse(4, "text after the object");

  std::vector<const std::string*> names;
  for (const TensorInfo& t : out.tensors) names.push_back(&t.name);
  std::sort(names.begin(), names.end(), [](auto a, auto b) { return *a < *b; });
  auto twice = std::adjacent_find(names.begin(), names.end(), [](auto a, auto b) { return *a == *b; });
  if (twice != names.end()) s.refuse(4, "key ", quoted(**twice), " twice");

  std::stable_sort(out.tensors.begin(), out.tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  int64_t covered = 0;
  for (const TensorInfo& t : out.tensors) {
    if (t.begin != covered)
      s.refuse(9, quoted(t.name), " begins at ", t.begin, ", the tensor before it ends at ", covered);
    covered = t.end;
  }
  if (covered != buffer) s.refuse(9, "tensors cover ", covered, " bytes, the file has ", buffer);
  return out;
}

Metadata parse_strings(std::string_view json, const std::string& who) {
  Scanner s(json, who);
  Metadata out;
  s.object(11, [&](const std::string& key) {
    if (!out.emplace(key, s.string(11)).second) s.refuse(4, "key ", quoted(key), " twice");
  });
  if (!s.done()) s.refuse(4, "text after the object");
  return out;
}

std::string quoted(std::string_view s) {
  constexpr const char* hex = "0123456789abcdef";
  std::string out = "\"";
  for (unsigned char c : s) {
    if (c == '"' || c == '\\') out += {'\\', char(c)};
    else if (c < 0x20) out += {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    else out += char(c);
  }
  return out + '"';
}

bool valid_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    unsigned char c = s[i++];
    if (c < 0x80) continue;
    int more = c >= 0xf0 && c <= 0xf4 ? 3 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xc2 && c < 0xe0 ? 1 : 0;
    if (!more || s.size() - i < size_t(more)) return false;
    uint32_t u = c & (0x3f >> more);
    for (int k = 0; k < more; ++k, ++i) {
      if ((s[i] & 0xc0) != 0x80) return false;
      u = u << 6 | (s[i] & 0x3f);
    }
    constexpr uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    if (u < smallest[more] || u > 0x10ffff || (u >= 0xd800 && u <= 0xdfff)) return false;
  }
  return true;
}

}  // namespace camo::detail
