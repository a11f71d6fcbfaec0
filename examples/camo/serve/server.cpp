// Sockets, limits and the order of things are Camo's; cpp-httplib reads queries and bodies, finds the handler and writes
// the answer.
#include "examples/camo/serve/server.h"

#include <cstdio>
#include <exception>
#include <thread>

#include "examples/camo/options/stopwatch.h"
#include "examples/camo/serve/connection.h"
#include "examples/camo/serve/listening.h"
#include "examples/camo/serve/main_thread.h"
#include "examples/camo/serve/multipart.h"
#include "examples/camo/serve/request_rules.h"

namespace camo::program {

/// page.html, page.css and page.js, written into a source file by the build.
const std::vector<std::string_view>& page_texts();

namespace {

constexpr int64_t kQueue = 64;  // connections that wait for a thread; more are sent away

/// Of every answer.  The page loads nothing from elsewhere, and no other page may show it or read from it.
constexpr std::pair<const char*, const char*> kHeaders[] = {
    {"Content-Security-Policy",
     "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
     "frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"},
};
std::string header_lines() {
  std::string out;
  for (const auto& [name, value] : kHeaders) out += text(name, ": ", value, "\r\n");
  return out;
}

/// One request and its connection; cpp-httplib's handlers are called in the thread that answers it.
struct Exchange {
  Connection& connection;
  const RequestHead& head;
  bool whole = true;  // its body has been read
};
thread_local Exchange* t_exchange = nullptr;

/// What comes with a photograph.
struct Wish {
  double threshold = 0.5;
  bool png = false;
};

Wish wish_of(const httplib::Request& request) {
  Wish out;
  out.png = request.get_header_value("Accept").find("image/png") != std::string::npos;
  for (const auto& [key, value] : request.params) {
    check<ConfigError>(request.get_param_value_count(key) == 1, "camo serve: ", key, " is given twice");
    if (key == "threshold") set({"threshold", &out.threshold, "", 0, 0.9999}, value, "camo serve: threshold");
    else if (key == "format" && (value == "png" || value == "json")) out.png = value == "png";
    else if (key == "format") throw ConfigError("camo serve: format: png or json, got '" + value + "'");
    else throw ConfigError("camo serve: takes threshold and format, got '" + key + "'");
  }
  return out;
}

/// The body of the request.  HttpError if it is too long, late or cut.
std::vector<uint8_t> read_body(const httplib::ContentReader& content, Exchange& exchange, int64_t most) {
  std::vector<uint8_t> body;
  bool too_long = false;
  exchange.whole = content([&](const char* data, size_t n) {
    too_long = body.size() + n > size_t(most);
    if (!too_long) body.insert(body.end(), data, data + n);
    return !too_long;
  });
  if (too_long || exchange.connection.over_budget())
    throw HttpError{413, text("camo serve: at most ", most, " bytes [--max-bytes]")};
  if (exchange.connection.late()) throw HttpError{408, "camo serve: the request took too long"};
  if (!exchange.whole) throw HttpError{400, "camo serve: the body ends early, or its chunks are malformed"};
  return body;
}

void set_text(httplib::Response& response, int status, const std::string& why) {
  response.status = status;
  response.set_content(one_line(why) + "\n", "text/plain; charset=utf-8");
}

/// Calls f; what it throws becomes the answer, with the text that the program would print.
template <class F> void answer_errors(httplib::Response& response, const F& f) {
  try {
    f();
  } catch (const HttpError& e) {
    set_text(response, e.status, e.why);
  } catch (const Busy&) {
    response.set_header("Retry-After", "1");
    set_text(response, 503, "camo serve: busy with other photographs");
  } catch (const NoPicture& e) {
    set_text(response, 415, e.what());
  } catch (const PictureTooLarge& e) {
    set_text(response, 413, e.what());
  } catch (const DataError& e) {
    set_text(response, 400, e.what());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "camo serve: %s\n", one_line(e.what()).c_str());
    set_text(response, 500, "camo serve: this photograph cannot be predicted; the server's log says why");
  }
}

class Server : private httplib::Server {
 public:
  Server(Service& service, const ServerSettings& settings);
  void run(const std::function<bool()>& stopped);
  std::string address() const { return rules_.address(); }

 private:
  void take_connections(const std::function<bool()>& stopped);
  void answer(int socket, const Stopwatch& age);
  void predict(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& content);
  JsonObject limits() const;

  Service& service_;
  const ServerSettings settings_;
  ListeningSocket listening_;
  const RequestRules rules_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int64_t> open_ = 0;  // connections that are served or wait
};

Server::Server(Service& service, const ServerSettings& settings)
    : service_(service),
      settings_(settings),
      listening_(settings.host, settings.port),
      rules_{settings.host, listening_.port(), settings.max_bytes} {
  httplib::Headers headers;
  for (const auto& [name, value] : kHeaders) headers.emplace(name, value);
  set_default_headers(headers);
  constexpr std::pair<const char*, const char*> kFiles[] = {
      {"/", "text/html"}, {"/page\\.css", "text/css"}, {"/page\\.js", "text/javascript"}};
  for (size_t i = 0; i < std::size(kFiles); ++i)
    Get(kFiles[i].first, [words = page_texts()[i], type = text(kFiles[i].second, "; charset=utf-8")](
                             const httplib::Request&, httplib::Response& response) {
      response.set_content(words.data(), words.size(), type);
    });
  Get("/about", [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(service_.about(limits()) + "\n", "application/json");
  });
  Post("/predict",
       [this](const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& content) {
         answer_errors(response, [&] { predict(request, response, content); });
       });
}

JsonObject Server::limits() const {
  JsonObject out;
  out.items = {{"max_bytes", settings_.max_bytes},
               {"max_pixels", max_pixels()},
               {"deadline", settings_.deadline},
               {"connections", settings_.connections}};
  return out;
}

void Server::predict(const httplib::Request& request, httplib::Response& response,
                     const httplib::ContentReader& content) {
  std::vector<uint8_t> body = read_body(content, *t_exchange, settings_.max_bytes);
  Wish wish;
  try {
    wish = wish_of(request);
  } catch (const ConfigError& e) {
    throw HttpError{400, e.what()};
  }
  std::string name = "photograph";
  if (const std::string type = t_exchange->head.header("content-type"); is_multipart(type)) {
    const UploadedFile file = uploaded_photograph(body, type);
    name = file.name;
    body = std::vector<uint8_t>(file.bytes.begin(), file.bytes.end());
  }
  const Answer answer = service_.predict(body, name, !wish.png);
  if (wish.png) {
    const std::vector<uint8_t> png = encode_png(answer.map);
    response.set_content(reinterpret_cast<const char*>(png.data()), png.size(), "image/png");
  } else {
    response.set_content(to_json(answer, wish.threshold), "application/json");
  }
}

void print_line(const RequestHead& head, int status, double seconds) {
  const std::string words = head.method.empty() ? "- -" : one_line(head.method + " " + head.path(), 100);
  std::printf("%s %s %.0f ms\n", words.c_str(), status ? text(status).c_str() : "-", seconds * 1e3);
  std::fflush(stdout);
}

/// Reads one request, answers it, closes the connection.
void Server::answer(int socket, const Stopwatch& age) {
  const int64_t budget = settings_.max_bytes + settings_.max_bytes / 16 + 131072;  // with head, parts, sizes of chunks
  Connection connection(socket, settings_.deadline, age.seconds(), budget, stopping_);
  RequestHead head;
  Exchange exchange{connection, head};
  try {
    if (age.seconds() > settings_.deadline) throw Busy{};  // it has waited for a thread
    head = connection.read_head();
    check_request(head, rules_);
    connection.read_first(passed_on(head));
    t_exchange = &exchange;
    bool closed = false;
    process_request(connection, true, closed, nullptr);
  } catch (const HttpError& e) {
    exchange.whole = false;
    const char* allowed = head.path() == "/predict" ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n";
    if (e.status) connection.send(e, header_lines() + (e.status == 405 ? allowed : ""));
  } catch (const Busy&) {
    exchange.whole = false;
    connection.send({503, "camo serve: too many connections"}, header_lines() + "Retry-After: 1\r\n");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "camo serve: %s\n", one_line(e.what()).c_str());
  }
  print_line(head, connection.status(), age.seconds());
  const bool in_time = age.seconds() < settings_.deadline;
  if (!exchange.whole) connection.leave(in_time ? 0.5 : 0.01);
}

/// Takes connections in a thread of its own, because photographs are predicted on this one.
void Server::run(const std::function<bool()>& stopped) {
  MainThread here;
  service_.compute_by([&here](const std::function<void()>& f) { here.call(f); });
  std::atomic<bool> finished = false;
  std::exception_ptr failure;  // such as no more threads
  std::thread taking([&] {
    try {
      take_connections(stopped);
    } catch (...) {
      failure = std::current_exception();
    }
    finished = true;
  });
  here.serve([&] { return finished.load(); });
  taking.join();
  if (failure) std::rethrow_exception(failure);
}

void Server::take_connections(const std::function<bool()>& stopped) {
  httplib::ThreadPool threads(size_t(settings_.connections));
  while (!stopped()) {
    const int socket = listening_.accept();
    if (socket < 0) continue;
    if (open_ >= settings_.connections + kQueue) {
      Connection connection(socket, 0.01, 0, 1, stopping_);
      connection.send({503, "camo serve: too many connections"}, header_lines() + "Retry-After: 1\r\n");
      print_line({}, connection.status(), 0);
      continue;
    }
    ++open_;
    threads.enqueue([this, socket, age = Stopwatch()] {
      answer(socket, age);
      --open_;
    });
  }
  stopping_ = true;
  threads.shutdown();
}

}  // namespace

void check_can_serve() {}

void serve(Service& service, const ServerSettings& settings, const std::function<bool()>& stopped) {
  Server server(service, settings);
  std::printf("open %s/  (Ctrl-C ends it)\n", server.address().c_str());
  std::fflush(stdout);
  server.run(stopped);
}

}  // namespace camo::program
