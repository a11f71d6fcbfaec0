#include "examples/camo/serve/listening.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tensor/error.h"

namespace camo::program {

ListeningSocket::ListeningSocket(const std::string& host, int64_t port) {
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_socktype = SOCK_STREAM, wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const int unknown = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  int error = 0;
  for (addrinfo* a = found; a && socket_ < 0 && !unknown; a = a->ai_next) {
    socket_ = ::socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;  // the port may be taken again at once after a server has ended, but never from one that runs
    if (socket_ >= 0 && ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        ::bind(socket_, a->ai_addr, a->ai_addrlen) == 0 && ::listen(socket_, 128) == 0)
      break;
    error = errno;
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  if (!unknown) ::freeaddrinfo(found);
  check<ConfigError>(socket_ >= 0, "camo serve: cannot listen on --host ", host, " --port ", port, ": ",
                     unknown ? ::gai_strerror(unknown) : std::strerror(error));
}

ListeningSocket::~ListeningSocket() { ::close(socket_); }

int64_t ListeningSocket::port() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char port[NI_MAXSERV] = "0";
  ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
  ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, nullptr, 0, port, sizeof port, NI_NUMERICSERV);
  return std::atoll(port);
}

int ListeningSocket::accept() {
  constexpr int kTenth = 100;
  pollfd file{socket_, POLLIN, 0};
  if (::poll(&file, 1, kTenth) <= 0) return -1;
  const int out = ::accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (out < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
    ::poll(nullptr, 0, kTenth);  // no descriptors or memory: others will close theirs
  return out;
}

}  // namespace camo::program
