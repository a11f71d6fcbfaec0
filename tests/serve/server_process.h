// camo serve as a process, and bytes sent to it as they are.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/program/program_run.h"

namespace camo::test {

/// A run of one epoch with experts, in `run`, and six photographs of 48 x 40, in `data/Image`; made once for a process.
const TempFolder& served();
/// Photograph number i of them, and the bytes of its file.
std::string photograph_path(int i);
std::string file_bytes(const std::string& path);

/// The answer to one connection.
struct Reply {
  int status = 0;  // 0: none
  std::string head, body;
  double seconds = 0;  // from the connection to its end
};

/// A new connection to this machine: its descriptor, -1 if nothing listens.
int connect_to(int port);
/// Sends these pieces with a pause of so many seconds between them, reads to the end, closes.  `half`: says after the
/// last piece that nothing more comes.
Reply send_to(int port, const std::vector<std::string>& pieces, double pause = 0, bool half = false);

class ServerProcess {
 public:
  /// Starts camo serve on a free port and waits until it listens.
  explicit ServerProcess(const std::vector<std::string>& flags);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;

  int port() const { return port_; }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  /// What it has printed so far, errors too.
  std::string log() const;
  /// Sends a signal and waits; the exit status, or -signal.
  int end(int signal);

  /// A new connection; its descriptor.
  int connect() const;
  Reply send(const std::vector<std::string>& pieces, double pause = 0, bool half = false) const {
    return send_to(port_, pieces, pause, half);
  }
  /// POST of a photograph.  `headers`: further lines, each with its end.
  Reply post(const std::string& target, const std::string& body, const std::string& headers = "") const;
  Reply get(const std::string& target) const;

 private:
  TempFolder folder_;
  pid_t child_ = -1;
  int port_ = 0;
};

/// The rest of an answer whose descriptor is read to its end.
Reply read_reply(int socket);

/// RFC 4648.
std::string from_base64(const std::string& words);

}  // namespace camo::test
