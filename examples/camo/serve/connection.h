// One connection, with one deadline for all that arrives on it and one for the answer.
//
// The time limits of cpp-httplib count from byte to byte: a client that sends one every four seconds keeps a thread for
// hours.  Here a request must be complete `limit` after the connection was taken, and its answer must be fetched `limit`
// after it was begun; the time in which a map is predicted counts for neither.
#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>

#include "examples/camo/serve/http_head.h"

namespace camo::program {

class Connection : public httplib::Stream {
 public:
  /// Takes the socket over, which must not block.  `age`: seconds since the connection was taken, `budget`: bytes that are
  /// read at most, `stopping`: set when the server ends, which cuts what waits.
  Connection(int socket, double limit, double age, int64_t budget, const std::atomic<bool>& stopping);
  ~Connection() override;
  Connection(const Connection&) = delete;

  /// The head of the request.  HttpError: 408 after the deadline, 431 if it is too long, all of parse_head; status 0 if
  /// the client has left.
  RequestHead read_head();
  /// Makes these bytes the next that are read, before those behind the head.
  void read_first(const std::string& bytes) { ahead_.insert(0, bytes); }
  /// Sends an answer without cpp-httplib.
  void send(const HttpError& answer, const std::string& headers);
  /// Reads on for so long, or until the client closes.  Without this a client that is still sending would lose the answer.
  void leave(double seconds);

  bool late() const { return late_; }  // a deadline has passed
  bool over_budget() const { return budget_ == 0; }
  int status() const { return status_; }  // of the answer; 0 before it

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  void get_local_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  socket_t socket() const override { return socket_; }

 private:
  using Clock = std::chrono::steady_clock;
  bool wait(short events);
  ssize_t receive(char* to, size_t size);

  const int socket_;
  const Clock::duration limit_;
  Clock::time_point until_;
  int64_t budget_;
  const std::atomic<bool>& stopping_;
  std::string ahead_;  // received or to be read first, from ahead_at_ on
  size_t ahead_at_ = 0;
  int status_ = 0;
  bool late_ = false;
};

}  // namespace camo::program
