// The service without HTTP: maps of several threads, a bounded number of them; heads and forms.
#include "examples/camo/serve/service.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "examples/camo/serve/http_head.h"
#include "examples/camo/serve/main_thread.h"
#include "examples/camo/serve/multipart.h"
#include "examples/camo/serve/request_rules.h"
#include "tests/serve/server_process.h"

using namespace camo;
using namespace camo::program;
using namespace camo::test;

namespace {

std::unique_ptr<Service> service_with(int64_t waiting, const std::string& tta = "off") {
  std::vector<TrainedNetwork> networks;
  networks.push_back(load_model(served() / "run"));
  networks[0].config.threads = 2;
  apply_machine(networks[0].config);
  Predictor predictor({member_of(*networks[0].model, networks[0].config)}, {.views = parse_views(tta)});
  return std::make_unique<Service>(Ensemble{std::move(networks), "", std::move(predictor)}, JsonObject{},
                                   Orientation::upright, waiting);
}

std::vector<uint8_t> bytes_of(const std::string& file) {
  const std::string bytes = file_bytes(file);
  return {bytes.begin(), bytes.end()};
}

int status_of(const std::string& head) {
  try {
    parse_head(head);
  } catch (const HttpError& e) {
    return e.status;
  }
  return 200;
}

}  // namespace

TEST_CASE("a service gives the maps of camo predict, with views too, whatever else it is asked for") {
  for (const std::string tta : {"off", "flip,rotate,scales=1:2"}) {
    const std::string out = served() / ("maps_" + std::to_string(tta.size()));
    REQUIRE(run_camo("predict --weights " + served() / "run " + served() / "data/Image --out " + out + " --tta " + tta)
                .code == 0);
    const auto service = service_with(0, tta);
    for (int i = 0; i < 6; ++i)
      for (bool with_experts : {true, false}) {
        const Answer answer = service->predict(bytes_of(photograph_path(i)), "x", with_experts);
        const std::vector<uint8_t> png = encode_png(answer.map);
        CHECK(std::string(png.begin(), png.end()) ==
              file_bytes(out + "/map/synthetic_00000" + std::to_string(i) + ".png"));
        CHECK(answer.experts.size() == (with_experts ? 4 : 0));
      }
  }
}

TEST_CASE("as many wait as may, and one more is told that the service is busy") {
  const auto service = service_with(0);
  const std::vector<uint8_t> photograph = bytes_of(photograph_path(0));
  const Tensor map = service->predict(photograph, "x", false).map;
  std::atomic<bool> stop = false;
  std::atomic<int> done = 0;
  std::thread other([&] {
    while (!stop) try {
        service->predict(photograph, "x", false), ++done;
      } catch (const Busy&) {}
  });
  bool busy = false;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!busy && std::chrono::steady_clock::now() < end) try {
      const Tensor again = service->predict(photograph, "x", false).map;
      CHECK(equal_bits(again, map));
    } catch (const Busy&) {
      busy = true;
    }
  stop = true;
  other.join();
  CHECK(busy);
  CHECK_THROWS_AS(service->predict({1, 2, 3}, "x", false), NoPicture);  // and its place is free again
  CHECK(equal_bits(service->predict(photograph, "x", false).map, map));
}

TEST_CASE("photographs of other threads are predicted on the main thread, and errors come back to theirs") {
  const auto service = service_with(4);
  const std::vector<uint8_t> photograph = bytes_of(photograph_path(0));
  const Tensor map = service->predict(photograph, "x", false).map;
  MainThread here;
  std::vector<std::thread::id> computed;
  service->compute_by(
      [&](const std::function<void()>& f) { here.call([&] { computed.push_back(std::this_thread::get_id()), f(); }); });
  std::atomic<int> equal = 0, refused = 0, left = 2;
  const auto client = [&] {
    for (int i = 0; i < 3; ++i) equal += equal_bits(service->predict(photograph, "x", false).map, map);
    std::vector<uint8_t> cut(photograph.begin(), photograph.end() - 40);
    try {
      service->predict(cut, "x", false);
    } catch (const DataError&) {
      ++refused;
    }
    --left;
  };
  std::thread a(client), b(client);
  here.serve([&] { return left == 0; });
  a.join(), b.join();
  CHECK(equal == 6);
  CHECK(refused == 2);
  CHECK(computed == std::vector(8, std::this_thread::get_id()));
}

TEST_CASE("heads are read strictly") {
  CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\n\r\n") == 200);
  const RequestHead head = parse_head("POST /predict?a=b HTTP/1.0\r\nCONTENT-length: \t 12 \r\nx-Y:\r\n\r\n");
  CHECK(head.path() == "/predict");
  CHECK(head.header("content-length") == "12");
  CHECK(head.header("x-y") == "");
  CHECK(passed_on(head) == "POST /predict?a=b HTTP/1.1\r\nConnection: close\r\ncontent-length: 12\r\n\r\n");
  for (const std::string wrong :
       {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n", "GET * HTTP/1.1\r\n\r\n", "GET /\x80 HTTP/1.1\r\n\r\n"})
    CHECK_MESSAGE(status_of(wrong) == 400, wrong);
}

TEST_CASE("a server on another address takes any Host, and still no foreign Origin") {
  const RequestRules rules{"0.0.0.0", 80, 100};
  CHECK_NOTHROW(
      check_request(parse_head("GET / HTTP/1.1\r\nHost: camo.example\r\nOrigin: http://camo.example\r\n\r\n"), rules));
  CHECK_THROWS_AS(check_request(parse_head("GET / HTTP/1.1\r\nHost: camo.example\r\nOrigin: http://x\r\n\r\n"), rules),
                  HttpError);
}

TEST_CASE("forms: the part named photograph, in any place; no part runs beyond the body") {
  const auto found = [](const std::string& body, const std::string& type = "multipart/form-data; boundary=\"b c\"") {
    const std::vector<uint8_t> bytes(body.begin(), body.end());
    const UploadedFile file = uploaded_photograph(bytes, type);
    return file.name + "|" + std::string(file.bytes.begin(), file.bytes.end());
  };
  const std::string a = "--b c\r\ncontent-disposition: form-data; name=x; filename=../1.png\r\n\r\nA\r\n";
  const std::string b =
      "--b c\r\nA: b\r\nContent-Disposition: form-data; name=\"photograph\"; filename=\"2.png\"\r\n\r\n\r\n--b\r\n";
  CHECK(found(a + "--b c--") == "1.png|A");
  CHECK(found("preamble\r\n" + a + b + "--b c--\r\n") == "2.png|\r\n--b");
  const std::string whole = a + b + "--b c--";
  for (size_t n = 0; n < whole.size(); ++n) {  // cut anywhere: an answer or an error, under sanitizers too
    try {
      found(whole.substr(0, n));
    } catch (const HttpError& e) {
      CHECK(e.status == 400);
    }
  }
  CHECK_THROWS_AS(found(a, "multipart/form-data"), HttpError);
  CHECK_THROWS_AS(found(a, "multipart/form-data; boundary=" + std::string(71, 'b')), HttpError);
}
