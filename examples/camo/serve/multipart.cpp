#include "examples/camo/serve/multipart.h"

#include <algorithm>
#include <string_view>

#include "examples/camo/serve/http_head.h"

namespace camo::program {
namespace {

constexpr size_t kMostParts = 32, kMostPartHead = 4096;

[[noreturn]] void refuse_form(const char* why) { throw HttpError{400, std::string("camo serve: the form ") + why}; }

/// Whether a begins with b; capital letters do not count.
bool begins_with(std::string_view a, std::string_view b) {
  return a.size() >= b.size() && std::equal(b.begin(), b.end(), a.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

/// The value of key="value" or key=value in a header; "" without it.
std::string parameter(std::string_view header, std::string_view key) {
  for (size_t at = header.find(';'); at != header.npos; at = header.find(';', at + 1)) {
    std::string_view rest = header.substr(at + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (!begins_with(rest, key) || rest.size() <= key.size() || rest[key.size()] != '=') continue;
    rest.remove_prefix(key.size() + 1);
    if (!rest.starts_with('"')) return std::string(rest.substr(0, rest.find_first_of("; \t")));
    rest.remove_prefix(1);
    return std::string(rest.substr(0, rest.find('"')));
  }
  return {};
}

/// The Content-Disposition among the headers of a part; "" without one.
std::string_view disposition(std::string_view head) {
  constexpr std::string_view kName = "content-disposition:";
  for (size_t at = 0; at < head.size();) {
    const size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line = head.substr(at, end - at);
    if (begins_with(line, kName)) return line.substr(kName.size());
    at = end + 2;
  }
  return {};
}

}  // namespace

bool is_multipart(const std::string& content_type) { return begins_with(content_type, "multipart/form-data"); }

UploadedFile uploaded_photograph(std::span<const uint8_t> body, const std::string& content_type) {
  const std::string boundary = parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > 70) refuse_form("has no boundary of 1 to 70 bytes");
  const std::string_view all(reinterpret_cast<const char*>(body.data()), body.size());
  const std::string line = "--" + boundary, next = "\r\n" + line;
  size_t at = all.starts_with(line) ? line.size() : all.find(next);
  if (at == all.npos) refuse_form("does not hold its boundary");
  if (!all.starts_with(line)) at += next.size();
  UploadedFile found;
  for (size_t parts = 0; !all.substr(at).starts_with("--"); ++parts) {
    if (parts == kMostParts) refuse_form("has more than 32 parts");
    const size_t head = at + 2, blank = all.substr(0, std::min(all.size(), head + kMostPartHead)).find("\r\n\r\n", at);
    if (all.substr(at, 2) != "\r\n" || blank == all.npos) refuse_form("has a part without an end of its headers");
    const size_t begin = blank + 4, end = all.find(next, begin);
    if (end == all.npos) refuse_form("ends within a part");
    const std::string_view what = disposition(all.substr(head, std::max(blank, head) - head));
    const std::string file = parameter(what, "filename"), name = parameter(what, "name");
    if (name == "photograph" || (!file.empty() && found.bytes.data() == nullptr))
      found = {shown_name(file), body.subspan(begin, end - begin)};
    if (name == "photograph") return found;
    at = end + next.size();
  }
  if (found.bytes.data() == nullptr) refuse_form("has no part named photograph");
  return found;
}

std::string shown_name(const std::string& name) {
  const std::string out = one_line(name.substr(name.find_last_of("/\\") + 1), 200);
  return out.empty() ? "photograph" : out;
}

}  // namespace camo::program
