#include "examples/camo/serve/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tensor/error.h"

namespace camo::program {
namespace {

using namespace std::chrono_literals;

constexpr auto kLooksUp = 100ms;  // how often a wait looks whether the server ends
constexpr size_t kPiece = 65536;

std::chrono::steady_clock::duration duration(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
}

const char* reason(int status) {
  constexpr std::pair<int, const char*> kReasons[] = {
      {400, "Bad Request"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {421, "Misdirected Request"},
      {431, "Request Header Fields Too Large"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [code, words] : kReasons)
    if (code == status) return words;
  return "";
}

}  // namespace

Connection::Connection(int socket, double limit, double age, int64_t budget, const std::atomic<bool>& stopping)
    : socket_(socket),
      limit_(duration(limit)),
      until_(Clock::now() + duration(limit - age)),
      budget_(budget),
      stopping_(stopping) {}

Connection::~Connection() { ::close(socket_); }

/// False when the deadline has passed or the server ends.
bool Connection::wait(short events) {
  while (!stopping_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Clock::now());
    if (left <= 0ms) return late_ = true, false;
    pollfd file{socket_, events, 0};
    const int found = ::poll(&file, 1, int(std::min<std::chrono::milliseconds>(left, kLooksUp).count()));
    if (found > 0) return true;
    if (found < 0 && errno != EINTR) return false;
  }
  return false;
}

/// As recv(): 0 at the end of what the client sends, -1 on failure.
ssize_t Connection::receive(char* to, size_t size) {
  size = size_t(std::min<int64_t>(int64_t(size), budget_));
  if (size == 0) return -1;
  while (wait(POLLIN)) {
    const ssize_t n = ::recv(socket_, to, size, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) continue;
    if (n > 0) budget_ -= n;
    return n;
  }
  return -1;
}

ssize_t Connection::read(char* to, size_t size) {
  if (ahead_at_ == ahead_.size()) {  // cpp-httplib asks for lines byte by byte
    ahead_.resize(kPiece), ahead_at_ = 0;
    const ssize_t n = receive(ahead_.data(), kPiece);
    ahead_.resize(size_t(std::max<ssize_t>(n, 0)));
    if (n <= 0) return n;
  }
  size = std::min(size, ahead_.size() - ahead_at_);
  std::memcpy(to, ahead_.data() + ahead_at_, size);
  ahead_at_ += size;
  return ssize_t(size);
}

ssize_t Connection::write(const char* from, size_t size) {
  const std::string_view words(from, size);
  if (!status_ && words.starts_with("HTTP/1.1 ") && !words.starts_with("HTTP/1.1 100"))
    status_ = std::atoi(std::string(words.substr(9, 3)).c_str()), until_ = Clock::now() + limit_;
  while (wait(POLLOUT)) {
    const ssize_t n = ::send(socket_, from, size, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) continue;
    return n;
  }
  return -1;
}

RequestHead Connection::read_head() {
  std::string got;
  bool line_read = false;
  size_t end = got.npos;
  while ((end = got.find("\r\n\r\n")) == got.npos) {
    if (got.size() >= kMostHeadBytes)
      throw HttpError{431, text("camo serve: a head has at most ", kMostHeadBytes, " bytes")};
    char piece[4096];
    const ssize_t n = receive(piece, sizeof piece);
    if (n <= 0) throw HttpError{late_ ? 408 : got.empty() ? 0 : 400, "camo serve: the request ends within its head"};
    got.append(piece, size_t(n));
    if (const size_t line = got.find('\n'); line != got.npos && !line_read) {  // an old or other protocol sends no more
      if (line == 0 || got[line - 1] != '\r') throw HttpError{400, "camo serve: lines end with CR LF"};
      parse_request_line(std::string_view(got).substr(0, line - 1));
      line_read = true;
    }
    if (got[0] < 'A' || got[0] > 'z') throw HttpError{400, "camo serve: this is no HTTP"};
  }
  if (end + 4 > kMostHeadBytes) throw HttpError{431, text("camo serve: a head has at most ", kMostHeadBytes, " bytes")};
  ahead_ = got.substr(end + 4);
  return parse_head(std::string_view(got).substr(0, end + 4));
}

void Connection::send(const HttpError& answer, const std::string& headers) {
  const std::string body = one_line(answer.why) + "\n";
  const std::string all =
      text("HTTP/1.1 ", answer.status, " ", reason(answer.status), "\r\n", headers,
           "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ", body.size(), "\r\n\r\n",
           body);
  for (size_t at = 0; at < all.size();) {
    const ssize_t n = write(all.data() + at, all.size() - at);
    if (n <= 0) return;
    at += size_t(n);
  }
}

void Connection::leave(double seconds) {
  ::shutdown(socket_, SHUT_WR);
  until_ = Clock::now() + duration(seconds);
  budget_ = int64_t(1) << 40;
  std::string dropped(kPiece, '\0');
  while (receive(dropped.data(), dropped.size()) > 0) continue;
}

}  // namespace camo::program
