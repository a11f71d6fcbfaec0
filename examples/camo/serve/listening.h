// A socket that listens.
#pragma once

#include <cstdint>
#include <string>

namespace camo::program {

class ListeningSocket {
 public:
  /// port 0: any that is free.  ConfigError names the address and the system's reason.
  ListeningSocket(const std::string& host, int64_t port);
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;

  int64_t port() const;
  /// The next connection as a socket that does not block; -1 if none came within a tenth of a second.
  int accept();

 private:
  int socket_ = -1;
};

}  // namespace camo::program
