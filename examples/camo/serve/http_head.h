// The head of an HTTP request, its request line and headers, read strictly (RFC 9112): what is unusual is refused before
// anything else looks at it.
//
// cpp-httplib 0.11 is kinder: it takes negative lengths, lines without an end and header values of any bytes, and gives
// some of them to std::regex, which ends the process on long lines.  So it sees a head only after this file has.
// Read next: connection.h, server.cpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace camo::program {

/// What is wrong with a request: the status that says so, and the text.
struct HttpError {
  int status;
  std::string why;
};

constexpr size_t kMostHeadBytes = 16384, kMostHeaders = 64;

struct RequestHead {
  std::string method, target;                                // "GET", "/about?x=1"
  std::vector<std::pair<std::string, std::string>> headers;  // names in small letters

  /// The target before the question mark.
  std::string path() const { return target.substr(0, target.find('?')); }
  /// The value of a header that occurs at most once; "" if it does not.  HttpError for a second one.
  std::string header(std::string_view name) const;
};

/// The words of a request line without its line end.  HttpError 400, 414 or 505.
RequestHead parse_request_line(std::string_view line);
/// A whole head, with the empty line at its end.  HttpError also for what its headers say of the body: a length that is
/// no number, a length and chunks at once, another transfer coding than chunked (501), compressed content (415).
RequestHead parse_head(std::string_view words);

/// Text for one line of an answer or a log: at most `most` bytes, control characters as question marks.
std::string one_line(std::string_view words, size_t most = 1000);

}  // namespace camo::program
