// JSON as weight files have it, read strictly: the header of safetensors and the index of a sharded set.
//
// A reader of our own is shorter, stricter and leaner here than a general one: the grammar is the caller's, so it
// never builds a tree; it never turns a number into a double; and it takes no memory but for the string at hand.
// Whatever is not as expected raises WeightsError: `who: rule N: what, at byte B`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/error.h"

namespace camo::detail {

/// A JSON string with its quotes.
std::string quoted(std::string_view s);
/// The same for messages: the first 80 bytes of it; where they are no UTF-8, question marks for all that is not ASCII.
std::string shown(std::string_view s);
bool valid_utf8(std::string_view s);
/// Whether UTF-8 text has a character that terminals act upon: U+0000 to U+001F, U+007F to U+009F.
bool has_control(std::string_view s);

/// Walks over JSON text from left to right.  The text must be UTF-8: begin() checks it.
class JsonScanner {
 public:
  JsonScanner(std::string_view text, const std::string& who) : text_(text), who_(who) {}

  template <class... Parts> [[noreturn]] void refuse(int rule, const Parts&... parts) const {
    throw WeightsError(camo::text(who_, ": rule ", rule, ": ", parts..., ", at byte ", at_));
  }
  /// Rule 3: the text is UTF-8 and an object.
  void begin();
  size_t at() const { return at_; }
  /// Rule 4: nothing follows.
  void end() {
    if (peek() || at_ != text_.size()) refuse(4, "text after the object");
  }
  /// The next character that is no space, 0 at the end.
  char peek() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void expect(char c, int rule = 4) {
    if (peek() != c) refuse(rule, "'", c, "' expected");
    ++at_;
  }

  /// Calls f(key) at each member's value.
  template <class F> void object(int rule, const F& f) {
    expect('{', rule);
    for (bool first = true; first ? peek() != '}' : more('}'); first = false) {
      const std::string key = string(4);
      expect(':');
      f(key);
    }
    ++at_;
  }
  /// Calls f() at each element.
  template <class F> void array(int rule, const F& f) {
    expect('[', rule);
    for (bool first = true; first ? peek() != ']' : more(']'); first = false) f();
    ++at_;
  }
  std::string string(int rule);
  /// Rule 6: digits alone, of 64 bits.
  uint64_t number();
  /// Any value, of at most `depth` levels: a string decoded, all else as it stands.
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
