#include "tests/serve/server_process.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "examples/camo/options/files.h"

namespace camo::test {

const TempFolder& served() {
  static const TempFolder folder;
  static const bool done = [] {
    REQUIRE(run_camo("synth --out " + folder / "data --count 6 --size 48x40").code == 0);
    REQUIRE(
        run_camo("train --data synthetic --count 12 --size 32 --epochs 1 --threads 2 --out " + folder / "run").code ==
        0);
    return true;
  }();
  CHECK(done);
  return folder;
}

std::string photograph_path(int i) { return served() / ("data/Image/synthetic_00000" + std::to_string(i) + ".png"); }
std::string file_bytes(const std::string& path) { return program::read_file<DataError>(path); }

ServerProcess::ServerProcess(const std::vector<std::string>& flags) {
  std::vector<std::string> words = {CAMO_BINARY, "serve", "--weights", served() / "run",
                                    "--port",    "0",     "--threads", "2"};
  words.insert(words.end(), flags.begin(), flags.end());
  const std::string out = folder_ / "log";
  child_ = ::fork();
  if (child_ == 0) {
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    const int file = ::open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(file, 1), ::dup2(file, 2);
    ::execv(CAMO_BINARY, argv.data());
    ::_exit(127);
  }
  const std::string before = "open http://127.0.0.1:";
  for (int i = 0; i < 3000 && port_ == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (const size_t at = log().find(before); at != std::string::npos && log().find("/ ", at + 22) != std::string::npos)
      port_ = std::atoi(log().substr(at + before.size()).c_str());
  }
  REQUIRE_MESSAGE(port_ > 0, log());
}

ServerProcess::~ServerProcess() {
  if (child_ > 0) end(SIGKILL);
}

std::string ServerProcess::log() const {
  return std::filesystem::exists(folder_ / "log") ? file_bytes(folder_ / "log") : "";
}

int ServerProcess::end(int signal) {
  int status = 0;
  ::kill(child_, signal);
  ::waitpid(child_, &status, 0);
  child_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int ServerProcess::connect() const {
  const int out = connect_to(port_);
  REQUIRE(out >= 0);
  return out;
}

int connect_to(int port) {
  const int out = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(out, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return ::close(out), -1;
  const timeval most{20, 0};
  ::setsockopt(out, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  return out;
}

Reply read_reply(int socket) {
  std::string all(1 << 16, '\0'), got;
  for (ssize_t n; (n = ::recv(socket, all.data(), all.size(), 0)) > 0;) got.append(all, 0, size_t(n));
  ::close(socket);
  while (got.starts_with("HTTP/1.1 100")) got.erase(0, got.find("\r\n\r\n") + 4);
  Reply out;
  const size_t blank = got.find("\r\n\r\n");
  if (!got.starts_with("HTTP/1.1 ") || blank == got.npos) return out;
  out.status = std::atoi(got.c_str() + 9), out.head = got.substr(0, blank), out.body = got.substr(blank + 4);
  return out;
}

Reply send_to(int port, const std::vector<std::string>& pieces, double pause, bool half) {
  const auto begin = std::chrono::steady_clock::now();
  const int socket = connect_to(port);
  if (socket < 0) return {};
  bool first = true;
  for (const std::string& piece : pieces) {
    if (!std::exchange(first, false)) std::this_thread::sleep_for(std::chrono::duration<double>(pause));
    size_t at = 0;
    for (ssize_t n = 1; at < piece.size() && n > 0; at += size_t(std::max<ssize_t>(n, 0)))
      n = ::send(socket, piece.data() + at, piece.size() - at, MSG_NOSIGNAL);
    if (at < piece.size()) break;  // the server has closed
  }
  if (half) ::shutdown(socket, SHUT_WR);
  Reply out = read_reply(socket);
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return out;
}

Reply ServerProcess::post(const std::string& target, const std::string& body, const std::string& headers) const {
  return send({text("POST ", target, " HTTP/1.1\r\nHost: ", host(), "\r\n", headers, "Content-Length: ", body.size(),
                    "\r\n\r\n", body)});
}

Reply ServerProcess::get(const std::string& target) const {
  return send({text("GET ", target, " HTTP/1.1\r\nHost: ", host(), "\r\n\r\n")});
}

std::string from_base64(const std::string& words) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (char c : words) {
    if (c == '=') break;
    REQUIRE(digits.find(c) != digits.npos);
    bits = bits << 6 | uint32_t(digits.find(c)), count += 6;
    if (count >= 8) out += char(bits >> (count -= 8) & 255);
  }
  return out;
}

}  // namespace camo::test
