#include "examples/camo/serve/http_head.h"

#include <algorithm>

#include "tensor/error.h"

namespace camo::program {
namespace {

constexpr size_t kMostTarget = 2048;

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
/// What a method and the name of a header may consist of (RFC 9110, 5.6.2).
bool is_token(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}
bool is_visible(char c) { return c > 32 && c < 127; }
bool is_control(char c) { return (static_cast<unsigned char>(c) < 32 && c != '\t') || c == 127; }

[[noreturn]] void refuse(int status, const std::string& why) { throw HttpError{status, "camo serve: " + why}; }

std::string small_letters(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return out;
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

std::pair<std::string, std::string> parse_header(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == line.npos || !is_token(line.substr(0, colon))) refuse(400, "a header is NAME: VALUE, a line each");
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (std::any_of(value.begin(), value.end(), is_control)) refuse(400, "a header holds control characters");
  return {small_letters(line.substr(0, colon)), std::string(value)};
}

void check_body(const RequestHead& head) {
  const std::string length = head.header("content-length"), coding = small_letters(head.header("transfer-encoding"));
  if (!std::all_of(length.begin(), length.end(), is_digit) || length.size() > 18)
    refuse(400, "Content-Length must be a number of bytes, got '" + one_line(length, 40) + "'");
  if (!coding.empty() && coding != "chunked") refuse(501, "Transfer-Encoding may be chunked alone");
  if (!coding.empty() && !length.empty()) refuse(400, "Content-Length and Transfer-Encoding exclude one another");
  const std::string content = small_letters(head.header("content-encoding"));
  if (!content.empty() && content != "identity") refuse(415, "a photograph is sent as it is, without Content-Encoding");
}

}  // namespace

std::string RequestHead::header(std::string_view name) const {
  const std::string* out = nullptr;
  for (const auto& [key, value] : headers)
    if (key == name) {
      if (out) refuse(400, "the header " + key + " is given twice");
      out = &value;
    }
  return out ? *out : "";
}

RequestHead parse_request_line(std::string_view line) {
  const size_t first = line.find(' '), second = line.find(' ', first == line.npos ? first : first + 1);
  if (second == line.npos) refuse(400, "a request begins with METHOD PATH HTTP/1.1");
  const std::string_view method = line.substr(0, first), version = line.substr(second + 1);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  if (!is_token(method) || method.size() > 20) refuse(400, "a request begins with METHOD PATH HTTP/1.1");
  if (target.size() > kMostTarget) refuse(414, text("a path has at most ", kMostTarget, " bytes"));
  if (target.empty() || target[0] != '/' || !std::all_of(target.begin(), target.end(), is_visible))
    refuse(400, "a path begins with / and holds no spaces or control characters");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    refuse(version.starts_with("HTTP/") ? 505 : 400, "speaks HTTP/1.1 and HTTP/1.0");
  return {std::string(method), std::string(target), {}};
}

RequestHead parse_head(std::string_view words) {
  size_t end = words.find("\r\n");
  RequestHead out = parse_request_line(words.substr(0, end));
  while (end != words.npos) {
    const size_t begin = end + 2;
    end = words.find("\r\n", begin);
    const std::string_view line = words.substr(begin, end - begin);
    if (line.empty()) break;
    if (out.headers.size() == kMostHeaders) refuse(431, text("at most ", kMostHeaders, " headers"));
    out.headers.push_back(parse_header(line));
  }
  check_body(out);
  return out;
}

std::string one_line(std::string_view words, size_t most) {
  std::string out(words.substr(0, most));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }, '?');
  return out;
}

}  // namespace camo::program
