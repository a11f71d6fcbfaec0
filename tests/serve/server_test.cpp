// camo serve as others meet it: right answers, refused requests, and clients that want to break it.
#include "examples/camo/serve/server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "moe/listener.h"
#include "tensor/image/image.h"
#include "tests/image/picture_bytes.h"
#include "tests/serve/server_process.h"

using namespace camo;
using namespace camo::test;

namespace {

/// One server for the tests that leave it as it was; its deadline is one second.
const ServerProcess& server() {
  static const ServerProcess process({"--deadline", "1", "--max-bytes", "200000", "--max-pixels", "1000000"});
  return process;
}

/// The maps of camo predict, as the bytes of their files, and the lines of its GeoJSON.
const std::string& predicted() {
  static const std::string out = served() / "predicted";
  static const bool done = run_camo("predict --weights " + served() / "run " + served() / "data/Image --out " + out +
                                    " --format png,json --threshold 0.4 --threads 2")
                               .code == 0;
  CHECK(done);
  return out;
}
std::string map_file(int i) { return file_bytes(predicted() + "/map/synthetic_00000" + std::to_string(i) + ".png"); }

/// A port that nothing listens on.
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET, address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

std::string form(const std::string& name, const std::string& file, const std::string& bytes) {
  return "--XyZ\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--XyZ\r\nContent-Disposition: "
         "form-data; "
         "name=\"" +
         name + "\"; filename=\"" + file + "\"\r\nContent-Type: image/png\r\n\r\n" + bytes + "\r\n--XyZ--\r\n";
}
const std::string kForm = "Content-Type: multipart/form-data; boundary=XyZ\r\n";

std::string in_chunks(const std::string& bytes, size_t size) {
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += size) {
    char length[32];
    const std::string piece = bytes.substr(at, size);
    std::snprintf(length, sizeof length, "%zx\r\n", piece.size());
    out += length + piece + "\r\n";
  }
  return out + "0\r\n\r\n";
}

void still_right() {
  const Reply reply = server().post("/predict?format=png", file_bytes(photograph_path(3)));
  CHECK(reply.status == 200);
  CHECK(reply.body == map_file(3));
}

std::string head_of(const std::string& first_line, const std::string& headers = "") {
  return first_line + "\r\nHost: " + server().host() + "\r\n" + headers + "\r\n";
}

}  // namespace

TEST_CASE("the map over HTTP is the file that camo predict writes, however the photograph is sent") {
  for (int i = 0; i < 6; ++i) {
    const std::string photograph = file_bytes(photograph_path(i)), map = map_file(i);
    CAPTURE(i);
    CHECK(server().post("/predict?format=png", photograph).body == map);
    CHECK(server().post("/predict", photograph, "Accept: image/png\r\nContent-Type: image/png\r\n").body == map);
    CHECK(server().post("/predict?format=png", form("photograph", "a.png", photograph), kForm).body == map);
    CHECK(server().post("/predict?format=png", form("file", "a.png", photograph), kForm).body == map);
  }
  const std::string photograph = file_bytes(photograph_path(3)), map = map_file(3);
  const std::string head = head_of("POST /predict?format=png HTTP/1.1", "Transfer-Encoding: chunked\r\n");
  for (size_t size : {1000000, 4096, 7}) CHECK(server().send({head + in_chunks(photograph, size)}).body == map);
  const std::string length = text("Content-Length: ", photograph.size(), "\r\nExpect: 100-continue\r\n");
  const std::string post = head_of("POST /predict?format=png HTTP/1.1", length);
  CHECK(server().send({post, photograph}, 0.1).body == map);
  CHECK(server()
            .send({post.substr(0, 30), post.substr(30) + photograph.substr(0, 500), photograph.substr(500)}, 0.1)
            .body == map);
  CHECK(server().send({post + photograph}, 0, /*half=*/true).body == map);
}

TEST_CASE("the JSON answer holds the map, the uncertainty, the object's shape and the experts") {
  const Reply reply = server().post("/predict?threshold=0.4",
                                    form("photograph", "C:\\x/é \"q.png", file_bytes(photograph_path(3))), kForm);
  REQUIRE(reply.status == 200);
  CHECK(contains(reply.head, "Content-Type: application/json"));
  const auto answer = nlohmann::json::parse(reply.body);
  CHECK(answer["name"] == "é ");  // a quotation mark ends it
  CHECK(answer["width"] == 40);
  CHECK(answer["height"] == 48);
  CHECK(answer["seconds"].get<double>() > 0);
  CHECK(from_base64(answer["map"]) == map_file(3));

  std::string line;
  std::istringstream lines(file_bytes(predicted() + "/objects.jsonl"));
  while (std::getline(lines, line) && !contains(line, "synthetic_000003")) continue;
  auto feature = nlohmann::json::parse(line);
  feature["properties"]["photograph"] = answer["name"];
  CHECK(answer["feature"] == feature);

  const TempFolder folder;
  const auto read_back = [&](const std::string& base64) {
    write_file(folder / "x.png", from_base64(base64), false);
    return read_mask(folder / "x.png");
  };
  const Tensor map = read_back(answer["map"]), doubt = read_back(answer["uncertainty"]);
  REQUIRE(doubt.shape() == map.shape());
  for (int64_t i = 0; i < map.numel(); ++i) {
    const double p = map.read<uint8_t>()[i] / 255.0;
    CHECK(std::abs(doubt.read<uint8_t>()[i] / 255.0 - 4 * p * (1 - p)) < 0.5 / 255 + 1e-9);
  }

  // camo route writes the weights with four digits
  REQUIRE(run_camo("route --weights " + served() / "run " + photograph_path(3) + " --csv " + folder / "who.csv").code ==
          0);
  std::istringstream table(file_bytes(folder / "who.csv"));
  std::string names, numbers;
  std::getline(table, names), std::getline(table, numbers);
  const auto column = [&](const std::string& name) {
    std::istringstream keys(names), values(numbers);
    for (std::string key, value; std::getline(keys, key, ',') && std::getline(values, value, ',');)
      if (key == name) return std::atof(value.c_str());
    return -1.0;
  };
  REQUIRE(answer["experts"].size() == 4);
  for (const auto& scale : answer["experts"]) {
    double sum = 0;
    int brightest = 0;
    CHECK(scale["chosen"].size() == 2);
    for (const auto& e : scale["chosen"]) {
      const std::string name = scale["scale"].get<std::string>() + " " + e["expert"].get<std::string>();
      CAPTURE(name);
      CHECK(std::abs(e["weight"].get<double>() - column(name)) <= 0.5e-4 + 1e-9);
      const Tensor where = read_back(e["answer"]);
      CHECK(where.dim(0) == 32 >> (2 + (&scale - &answer["experts"][0])));
      const uint8_t* grey = where.read<uint8_t>();
      brightest = std::max<int>(brightest, *std::max_element(grey, grey + where.numel()));
      sum += e["weight"].get<double>();
    }
    CHECK(sum == doctest::Approx(1));
    CHECK(brightest == 255);
  }
}

TEST_CASE("the page, its parts and what runs here; nothing else is read") {
  const Reply page = server().get("/");
  CHECK(page.status == 200);
  CHECK(contains(page.body, "<!doctype html>"));
  CHECK(contains(page.head, "Content-Security-Policy: default-src 'self'"));
  CHECK(contains(page.head, "X-Content-Type-Options: nosniff"));
  CHECK(contains(server().get("/page.js").head, "text/javascript"));
  CHECK(contains(server().get("/page.css").head, "text/css"));
  const auto about = nlohmann::json::parse(server().get("/about").body);
  CHECK(about["networks"][0]["model"] == "camoxpert-sparse");
  CHECK(about["limits"]["max_bytes"] == 200000);
  CHECK(!contains(about.dump(), served().path));
  const Reply head = server().send({head_of("HEAD / HTTP/1.1")});
  CHECK(head.status == 200);
  CHECK(head.body == "");
  for (const std::string path :
       {"/../../../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd",
        "/page.css/../../etc/passwd", "/page_css", "/predict/", "/about/..", "/%00", "/.", "/favicon.ico"})
    CHECK(server().get(path).status == 404);
}

TEST_CASE("what is wrong with a request is said in a line") {
  const std::string photograph = file_bytes(photograph_path(3));
  std::string wrong_sum = photograph;
  wrong_sum[wrong_sum.size() - 14] ^= 1;  // in the checksum of IDAT
  const TempFolder folder;
  write_jpeg(folder / "x.jpg", picture::smooth(60, 80));
  const std::string jpeg = file_bytes(folder / "x.jpg");
  const auto bomb = picture::png(10000, 10000, 8, 2, false, {0});
  const std::string large(bomb.begin(), bomb.end());
  const auto sent = [&](const std::string& body) {
    return server().post("/predict", form("photograph", "x.jpg", body), kForm);
  };
  const auto says = [&](const Reply& reply, int status, const std::string& words) {
    CAPTURE(words);
    CHECK(reply.status == status);
    CHECK_MESSAGE(contains(reply.body, words), reply.body);
    CHECK(std::count(reply.body.begin(), reply.body.end(), '\n') == 1);
    CHECK(contains(reply.head, "Content-Type: text/plain"));
    CHECK(contains(reply.head, "X-Content-Type-Options: nosniff"));
  };
  // as camo predict says it of the same file
  for (const std::string& bytes :
       {wrong_sum, jpeg.substr(0, jpeg.size() / 2), std::string("GIF89a and more"), jpeg.substr(0, 20)}) {
    write_file(folder / "x.jpg", bytes, false);
    const std::string printed =
        run_camo("predict --weights " + served() / "run " + folder / "x.jpg --out " + folder / "o").error;
    Reply reply = sent(bytes);
    CHECK(reply.status == (bytes.starts_with("GIF") ? 415 : 400));
    const std::string here = ": " + folder / "x.jpg: ";  // the program knows the folder
    const size_t at = printed.rfind(here);
    REQUIRE_MESSAGE(at != printed.npos, printed);
    CHECK(contains(
        reply.body,
        ": x.jpg: " + printed.substr(at + here.size(), 40).substr(0, printed.find('\n', at) - at - here.size())));
  }
  says(sent(large), 413, "probe_image: x.jpg: at most 1 megapixels and 65535 a side, its header says 10000 x 10000");
  says(sent(""), 400, "x.jpg: is empty");
  says(server().post("/predict?threshold=1", photograph), 400, "threshold: must be from 0 to 0.9999, got 1");
  says(server().post("/predict?threshold=x%0d%0aA:b", photograph), 400, "threshold");
  says(server().post("/predict?threshold=.1&threshold=.2", photograph), 400, "given twice");
  says(server().post("/predict?format=gif", photograph), 400, "png or json");
  says(server().post("/predict?size=3", photograph), 400, "takes threshold and format");
  says(server().post("/predict", photograph, "Content-Type: text/html\r\n"), 415, "takes image/png");
  says(server().post("/predict", photograph, "Content-Encoding: gzip\r\n"), 415, "Content-Encoding");
  says(server().post("/predict", "--XyZ--", kForm), 400, "no part named photograph");
  says(server().post("/predict", "nothing", kForm), 400, "does not hold its boundary");
  const std::string short_form = form("photograph", "a", "b");
  says(server().post("/predict", short_form.substr(0, short_form.size() - 12), kForm), 400, "ends within a part");
  says(server().post("/predict", "--XyZ\r\n" + std::string(9000, 'a'), kForm), 400, "end of its headers");
  says(server().post("/predict", std::string(200001, 'x')), 413, "at most 200000 bytes");
  says(server().send({head_of("POST /predict HTTP/1.1", "Transfer-Encoding: chunked\r\n") +
                      in_chunks(std::string(300000, 'x'), 5000)}),
       413, "at most 200000 bytes");
  says(server().get("/predict"), 405, "POST /predict");
  says(server().send({head_of("PUT / HTTP/1.1", "Content-Length: 3\r\n") + "abc"}), 405, "GET /");
  says(server().send({head_of("POST /predict HTTP/1.1")}), 411, "Content-Length");
  CHECK(contains(server().get("/predict").head, "Allow: POST"));
  // by another name, or for another page
  says(server().send({"GET / HTTP/1.1\r\nHost: evil.example:80\r\n\r\n"}), 421, "the request is for 'evil.example:80'");
  says(server().send({"GET / HTTP/1.1\r\n\r\n"}), 421, "the request is for ''");
  says(server().post("/predict", photograph, "Origin: http://evil.example\r\n"), 403, "other pages");
  says(server().post("/predict", photograph, "Origin: null\r\n"), 403, "other pages");
  CHECK(server().post("/predict", photograph, "Origin: http://" + server().host() + "\r\n").status == 200);
  still_right();
}

TEST_CASE("bytes that are no request are refused at once") {
  using namespace std::literals;
  const std::string many(20000, 'a');
  std::string flood;
  for (int i = 0; i < 65; ++i) flood += text("X-", i, ": y\r\n");
  const std::pair<std::string, int> wrong[] = {
      {"GET /\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"GET http://evil.example/ HTTP/1.1\r\n\r\n", 400},
      {"GET /\0 HTTP/1.1\r\n\r\n"s, 400},
      {"GET  / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: x\n\n", 400},
      {"\x16\x03\x01\x02 hello\r\n", 400},
      {"\r\n\r\n", 400},
      {head_of("GET / HTTP/1.1", "A: \x01\r\n"), 400},
      {head_of("GET / HTTP/1.1", "A: x\0y\r\n"s), 400},
      {head_of("GET / HTTP/1.1", " folded\r\n"), 400},
      {head_of("GET / HTTP/1.1", "A b: c\r\n"), 400},
      {head_of("GET / HTTP/1.1", "Host: x\r\n"), 400},
      {head_of("GET / HTTP/1.1", flood), 431},
      {head_of("GET / HTTP/1.1", "A: " + many + "\r\n"), 431},
      {"GET /" + many, 431},
      {head_of("GET /" + many.substr(0, 5000) + " HTTP/1.1"), 414},
      {head_of("POST /predict HTTP/1.1", "Content-Length: -1\r\n") + "abc", 400},
      {head_of("POST /predict HTTP/1.1", "Content-Length: 3x\r\n") + "abc", 400},
      {head_of("POST /predict HTTP/1.1", "Content-Length: 99999999999999999999\r\n") + "abc", 400},
      {head_of("POST /predict HTTP/1.1", "Content-Length: 999999999999\r\n") + "abc", 413},
      {head_of("POST /predict HTTP/1.1", "Content-Length: 3\r\nContent-Length: 4\r\n") + "abc", 400},
      {head_of("POST /predict HTTP/1.1", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "abc", 400},
      {head_of("POST /predict HTTP/1.1", "Transfer-Encoding: gzip, chunked\r\n") + "abc", 501},
      {head_of("POST /predict HTTP/1.1", "Transfer-Encoding: chunked\r\n") + "zz\r\nabc\r\n0\r\n\r\n", 400},
      {head_of("GET / HTTP/1.1", "Range: bytes=" + std::string(8000, '0') + "-\r\n"), 200},
  };
  for (const auto& [bytes, status] : wrong) {
    const Reply reply = server().send({bytes});
    CAPTURE(bytes.substr(0, 60));
    CHECK(reply.status == status);
    CHECK(reply.seconds < 1);
  }
  // what follows a request is dropped
  const Reply two =
      server().send({head_of("GET /about HTTP/1.1") + head_of("GET / HTTP/1.1") + "garbage \r\n\r\n\r\n"});
  CHECK(two.status == 200);
  CHECK(nlohmann::json::parse(two.body)["program"].get<std::string>().starts_with("camo "));
  still_right();
}

TEST_CASE("a client that is slow, silent or gone is cut at the deadline, and others are served") {
  std::vector<std::string> slow(40, "x");
  slow[0] = "GET / HTTP/1.1\r\nA: ";
  const Reply head = server().send(slow, 0.1);
  CHECK(head.status == 408);
  CHECK(head.seconds < 4.5);  // the client sends for four
  slow[0] = head_of("POST /predict HTTP/1.1", "Content-Length: 1000\r\n");
  CHECK(server().send(slow, 0.1).status == 408);
  slow[0] = head_of("POST /predict HTTP/1.1", "Transfer-Encoding: chunked\r\n");
  for (size_t i = 1; i < slow.size(); ++i) slow[i] = "1\r\nx\r\n";
  CHECK(server().send(slow, 0.1).status == 408);
  slow = {head_of("POST /predict HTTP/1.1", "Transfer-Encoding: chunked\r\n") + "-3\r\nabc\r\n0\r\n\r\n"};
  CHECK(server().send(slow).status == 408);  // 2^64 - 3 bytes
  CHECK(server().send({"GET / HT"}, 0, /*half=*/true).status == 400);
  CHECK(server().send({head_of("POST /predict HTTP/1.1", "Content-Length: 9\r\n") + "abc"}, 0, /*half=*/true).status ==
        400);
  ::close(server().connect());

  // more than the server has threads and places: those that wait longer than the deadline are sent away together
  std::vector<int> idle;
  for (int i = 0; i < 100; ++i) idle.push_back(server().connect());
  Reply reply;
  const auto begin = std::chrono::steady_clock::now();
  do reply = server().post("/predict?format=png", file_bytes(photograph_path(3)));
  while (reply.status != 200 && std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  CHECK(reply.body == map_file(3));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  for (int socket : idle) ::close(socket);
  still_right();
}

TEST_CASE("many at once: each gets its own map, or is told to come again") {
  ServerProcess one({"--waiting", "1", "--connections", "4"});
  std::atomic<int> right = 0, busy = 0, other = 0;
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c)
    clients.emplace_back([&, c] {
      const std::string photograph = file_bytes(photograph_path(c % 6)), map = map_file(c % 6);
      for (int i = 0; i < 5; ++i) {
        const Reply reply = one.post("/predict?format=png", photograph);
        if (reply.status == 200 && reply.body == map) ++right;
        else if (reply.status == 503 && contains(reply.head, "Retry-After: 1")) ++busy;
        else ++other;
      }
    });
  for (std::thread& t : clients) t.join();
  CHECK(right > 0);
  CHECK(other == 0);
  CHECK(right + busy == 40);
  CHECK(one.end(SIGTERM) == 0);
}

TEST_CASE("a signal ends it with 0; its log has a line for each request, without control characters") {
  ServerProcess one({"--deadline", "30"});
  CHECK(one.get("/about?secret=1").status == 200);
  CHECK(one.get("/no\x7f").status == 400);
  const int waiting = one.connect();  // does not hold it up
  const std::string again = "serve --weights " + served() / "run --port " + std::to_string(one.port());
  const std::string second = run_camo(again, "timeout 20").error;
  CHECK(contains(second, "Address already in use"));
  CHECK(one.end(SIGINT) == 0);
  ::close(waiting);
  const std::string log = one.log();
  CHECK(contains(log, "\nGET /about 200 "));
  CHECK(contains(log, "\n- - 400 "));
  CHECK(!contains(log, "secret"));
  CHECK(std::all_of(log.begin(), log.end(), [](unsigned char c) { return c == '\n' || c >= 32; }));
}

TEST_CASE("photographs are predicted on the thread that called serve(), where parallel loops use all threads") {
  struct Threads : moe::Listener {
    using Listener::Listener;
    std::vector<std::thread::id> seen;
    void routed(const moe::Moe&, moe::Route&) override { seen.push_back(std::this_thread::get_id()); }
  };
  std::vector<program::TrainedNetwork> networks;
  networks.push_back(program::load_model(served() / "run"));
  Threads threads(*networks[0].model);
  program::Predictor predictor({program::member_of(*networks[0].model, networks[0].config)});
  program::Service service({std::move(networks), "", std::move(predictor)}, {}, Orientation::upright, 4);
  program::ServerSettings settings;
  settings.port = free_port();
  std::atomic<bool> stop = false;
  Reply reply;
  std::thread client([&] {
    const std::string body = file_bytes(photograph_path(0));
    for (int i = 0; i < 200 && reply.status == 0; ++i, std::this_thread::sleep_for(std::chrono::milliseconds(20)))
      reply = send_to(int(settings.port), {text("POST /predict HTTP/1.1\r\nHost: 127.0.0.1:", settings.port,
                                                "\r\nContent-Length: ", body.size(), "\r\n\r\n", body)});
    stop = true;
  });
  program::serve(service, settings, [&] { return stop.load(); });
  client.join();
  CHECK(reply.status == 200);
  CHECK(threads.seen == std::vector(4, std::this_thread::get_id()));  // one for each mixture
}
