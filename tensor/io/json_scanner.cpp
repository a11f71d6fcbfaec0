#include "tensor/io/json_scanner.h"

#include <algorithm>

namespace camo::detail {

void JsonScanner::begin() {
  if (!valid_utf8(text_)) refuse(3, "not UTF-8");
  if (peek() != '{') refuse(3, "no JSON object");
}

std::string JsonScanner::string(int rule) {
  expect('"', rule);
  size_t length = 0;  // upper bound of the result's size, so that it is allocated once
  while (at_ + length < text_.size() && text_[at_ + length] != '"') length += text_[at_ + length] == '\\' ? 2 : 1;
  if (at_ + length >= text_.size()) refuse(4, "string without end");
  const size_t end = at_ + length;
  std::string out;
  out.reserve(length);
  while (at_ < end) {
    const char c = text_[at_++];
    if (static_cast<unsigned char>(c) < 0x20) refuse(4, "control character in a string");
    if (c == '\\') escape(out);
    else out += c;
  }
  ++at_;
  return out;
}

uint64_t JsonScanner::number() {
  peek();
  const size_t begin = at_;
  uint64_t x = 0;
  for (; digit(); ++at_)
    if (__builtin_mul_overflow(x, uint64_t(10), &x) || __builtin_add_overflow(x, uint64_t(text_[at_] - '0'), &x))
      refuse(6, "number does not fit 64 bits");
  const bool more = at_ < text_.size() && std::string_view(".eE+-").find(text_[at_]) != std::string_view::npos;
  if (at_ == begin || more || (text_[begin] == '0' && at_ > begin + 1)) refuse(6, "plain unsigned integer expected");
  return x;
}

std::string JsonScanner::value(int rule, int depth) {
  if (peek() == '"') return string(rule);
  const size_t begin = at_;
  skip(rule, depth);
  return std::string(text_.substr(begin, at_ - begin));
}

void JsonScanner::skip(int rule, int depth) {
  if (depth == 0) refuse(rule, "nested too deep");
  switch (peek()) {
    case '{': return object(rule, [&](const std::string&) { skip(rule, depth - 1); });
    case '[': return array(rule, [&] { skip(rule, depth - 1); });
    case '"': return void(string(rule));
  }
  for (std::string_view word : {"true", "false", "null"})
    if (text_.substr(at_, word.size()) == word) return void(at_ += word.size());
  any_number(rule);
}

void JsonScanner::any_number(int rule) {
  auto digits = [&] {
    const size_t begin = at_;
    while (digit()) ++at_;
    if (at_ == begin) refuse(rule, "value expected");
    return text_.substr(begin, at_ - begin);
  };
  auto take = [&](std::string_view any) {
    const bool there = at_ < text_.size() && any.find(text_[at_]) != any.npos;
    at_ += there;
    return there;
  };
  take("-");
  const std::string_view whole = digits();
  if (whole.size() > 1 && whole[0] == '0') refuse(rule, "number with a leading zero");
  if (take(".")) digits();
  if (take("eE")) take("+-"), digits();
}

void JsonScanner::escape(std::string& out) {
  constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
  const char c = text_[at_++];  // string() has checked that there is one
  if (c == 'u') return unicode(out);
  const size_t i = from.find(c);
  if (i == from.npos) refuse(4, "unknown escape");
  out += to[i];
}

void JsonScanner::unicode(std::string& out) {
  uint32_t u = hex4();
  if (u >= 0xd800 && u < 0xdc00 && text_.substr(at_, 2) == "\\u") {
    at_ += 2;
    const uint32_t low = hex4();
    if (low < 0xdc00 || low > 0xdfff) refuse(4, "half a surrogate pair");
    u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
  }
  if (u >= 0xd800 && u <= 0xdfff) refuse(4, "half a surrogate pair");
  if (u < 0x80) out += char(u);
  else if (u < 0x800) out += {char(0xc0 | u >> 6), char(0x80 | (u & 63))};
  else if (u < 0x10000) out += {char(0xe0 | u >> 12), char(0x80 | (u >> 6 & 63)), char(0x80 | (u & 63))};
  else out += {char(0xf0 | u >> 18), char(0x80 | (u >> 12 & 63)), char(0x80 | (u >> 6 & 63)), char(0x80 | (u & 63))};
}

uint32_t JsonScanner::hex4() {
  uint32_t u = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    const bool digit = c >= '0' && c <= '9', lower = c >= 'a' && c <= 'f', upper = c >= 'A' && c <= 'F';
    if (!digit && !lower && !upper) refuse(4, "four hex digits expected");
    u = u << 4 | uint32_t(digit ? c - '0' : (c | 32) - 'a' + 10);
  }
  return u;
}

namespace {

/// The number of bytes of the control character at i, or 0 if there is none.
size_t control_at(std::string_view s, size_t i) {
  const unsigned char c = s[i], next = i + 1 < s.size() ? s[i + 1] : 0;
  return c < 0x20 || c == 0x7f ? 1 : c == 0xc2 && next >= 0x80 && next < 0xa0 ? 2 : 0;
}

}  // namespace

std::string json_string(std::string_view s) {
  constexpr const char* hex = "0123456789abcdef";
  std::string out = "\"";
  out.reserve(s.size() + 2);
  for (size_t i = 0; i < s.size(); ++i) {
    if (const size_t n = control_at(s, i)) {
      i += n - 1;  // the last byte holds the character's code
      out += {'\\', 'u', '0', '0', hex[s[i] >> 4 & 15], hex[s[i] & 15]};
    } else {
      if (s[i] == '"' || s[i] == '\\') out += '\\';
      out += s[i];
    }
  }
  return out + '"';
}

bool has_control(std::string_view s) {
  for (size_t i = 0; i < s.size(); ++i)
    if (control_at(s, i)) return true;
  return false;
}

std::string shown(std::string_view s) {
  constexpr size_t kMost = 80;
  size_t n = std::min(s.size(), kMost);
  while (n < s.size() && n > kMost - 4 && (s[n] & 0xc0) == 0x80) --n;  // do not cut inside a character
  std::string out(s.substr(0, n));
  if (!valid_utf8(out))
    for (char& c : out) c = c & 0x80 ? '?' : c;
  return json_string(out) + (n < s.size() ? "..." : "");
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
