// A strict JSON reader for weight files: safetensors headers and the index of a sharded set.
//
// A scanner of our own is smaller and stricter here than a general parser.  The caller states the grammar, so no tree
// is built; numbers are never converted to double; and the only memory taken is for the current string.  Anything
// unexpected throws WeightsError: `who: rule N: what, at byte B`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/error.h"

namespace camo::detail {

/// Quotes and escapes a string as JSON.
std::string json_string(std::string_view s);
/// Quotes at most the first 80 bytes of a string, for messages.  If they are not UTF-8, question marks replace all
/// bytes that are not ASCII.
std::string shown(std::string_view s);
bool valid_utf8(std::string_view s);
/// True if UTF-8 text contains a control character that a terminal would act upon: U+0000 to U+001F, U+007F to U+009F.
bool has_control(std::string_view s);

/// Scans JSON text from left to right.  The text must be UTF-8, which begin() checks.
class JsonScanner {
 public:
  JsonScanner(std::string_view text, const std::string& who) : text_(text), who_(who) {}

  template <class... Parts> [[noreturn]] void refuse(int rule, const Parts&... parts) const {
    throw WeightsError(camo::text(who_, ": rule ", rule, ": ", parts..., ", at byte ", at_));
  }
  /// Rule 3: the text is UTF-8 and begins an object.
  void begin();
  size_t at() const { return at_; }
  /// Rule 4: nothing follows the object.
  void end() {
    if (peek() || at_ != text_.size()) refuse(4, "text after the object");
  }
  /// The next character other than white space, or 0 at the end.
  char peek() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void expect(char c, int rule = 4) {
    if (peek() != c) refuse(rule, "'", c, "' expected");
    ++at_;
  }

  /// Parses an object; calls f(key) where each member's value begins.
  template <class F> void object(int rule, const F& f) {
    expect('{', rule);
    for (bool first = true; first ? peek() != '}' : more('}'); first = false) {
      const std::string key = string(4);
      expect(':');
      f(key);
    }
    ++at_;
  }
  /// Parses an array; calls f() where each element begins.
  template <class F> void array(int rule, const F& f) {
    expect('[', rule);
    for (bool first = true; first ? peek() != ']' : more(']'); first = false) f();
    ++at_;
  }
  std::string string(int rule);
  /// Rule 6: an unsigned integer of digits alone that fits 64 bits.
  uint64_t number();
  /// Any value nested at most `depth` levels deep: strings are decoded, everything else is returned as it stands.
  std::string value(int rule, int depth);
  void skip(int rule, int depth);

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  bool digit() const { return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; }
  bool more(char close) {
    if (peek() == close) return false;
    expect(',');
    return true;
  }
  void any_number(int rule);
  void escape(std::string& out);
  void unicode(std::string& out);
  uint32_t hex4();

  std::string_view text_;
  const std::string& who_;
  size_t at_ = 0;
};

}  // namespace camo::detail
