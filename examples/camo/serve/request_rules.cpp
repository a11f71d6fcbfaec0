#include "examples/camo/serve/request_rules.h"

#include <algorithm>
#include <array>

#include "examples/camo/serve/multipart.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

constexpr std::array kPages = {"/", "/page.css", "/page.js", "/about"};

std::string in_address(const std::string& host) { return host.find(':') == host.npos ? host : "[" + host + "]"; }
bool is_local(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

[[noreturn]] void turn_away(int status, const std::string& why) { throw HttpError{status, "camo serve: " + why}; }

/// Another page may make a browser send requests here: by a name of its own that it points to this machine (DNS
/// rebinding), or across origins.  Neither is answered.
void check_sender(const RequestHead& head, const RequestRules& rules) {
  const std::string host = head.header("host"), origin = head.header("origin");
  bool known = !is_local(rules.host);  // a server for others has names that it does not know
  for (const std::string& name : {rules.host, std::string("localhost"), std::string("127.0.0.1"), std::string("::1")})
    known = known || host == text(in_address(name), ":", rules.port) || (rules.port == 80 && host == in_address(name));
  if (!known) turn_away(421, "is " + rules.address() + ", the request is for '" + one_line(host, 100) + "'");
  if (!origin.empty() && origin != "http://" + host) turn_away(403, "answers no requests of other pages");
}

void check_photograph_request(const RequestHead& head, const RequestRules& rules) {
  if (head.method != "POST") turn_away(405, "POST /predict, got " + head.method);
  const std::string length = head.header("content-length"), type = head.header("content-type");
  if (length.empty() && head.header("transfer-encoding").empty()) turn_away(411, "POST needs a Content-Length");
  if (!length.empty() && std::stoll(length) > rules.max_bytes)
    turn_away(413, text("at most ", rules.max_bytes, " bytes, got ", length, " [--max-bytes]"));
  const std::string plain = type.substr(0, type.find_first_of("; "));
  if (!is_multipart(type) && plain != "" && plain != "image/png" && plain != "image/jpeg" &&
      plain != "application/octet-stream")
    turn_away(415, "takes image/png, image/jpeg, application/octet-stream or multipart/form-data, got '" +
                       one_line(plain, 100) + "'");
}

}  // namespace

std::string RequestRules::address() const { return text("http://", in_address(host), ":", port); }

void check_request(const RequestHead& head, const RequestRules& rules) {
  check_sender(head, rules);
  const std::string path = head.path();
  if (path == "/predict") return check_photograph_request(head, rules);
  if (std::find(kPages.begin(), kPages.end(), path) == kPages.end()) turn_away(404, "there are /, /about and /predict");
  if (head.method != "GET" && head.method != "HEAD") turn_away(405, "GET " + path + ", got " + head.method);
}

std::string passed_on(const RequestHead& head) {
  std::string out = text(head.method, " ", head.target, " HTTP/1.1\r\nConnection: close\r\n");
  for (const char* name : {"accept", "content-length", "transfer-encoding", "expect"})
    if (const std::string value = head.header(name); !value.empty()) out += text(name, ": ", value, "\r\n");
  return out + "\r\n";
}

}  // namespace camo::program
