// The verdict table: for each rule of tensor/io/safetensors_header.cpp, the smallest violation and the legal boundary,
// with the expected error.  verdict_rows.h has the rows about a file's content; this file has links, files that change,
// and sharded sets.
// CAMO_VERDICTS=FOLDER keeps the files there, so that peers/safetensors_verdicts.py can ask the reference about them.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "tensor/io/file.h"
#include "tests/allocations.h"
#include "tests/io/verdict_rows.h"

using namespace camo;
using namespace camo::test;
namespace fs = std::filesystem;

namespace {

// ---- links, special files, files that change

/// Adds a row that is not a plain file; the reference is not asked about it.
void place(const char* verdict, const std::string& what, std::function<std::string(const std::string&)> make,
           const ReadOptions& options = {}) {
  g_rows.push_back({what, verdict, not_asked, std::move(make), options});
}

void special_files() {
  place(kRule[15], "nothing there", [](const std::string& f) { return f + "/none"; });
  place(kRule[15], "a folder", [](const std::string& f) { return f; });
  place(kRule[15], "a pipe", [](const std::string& f) { return mkfifo((f + "/p").c_str(), 0600), f + "/p"; });
  place(kRule[15], "a device", [](const std::string&) { return "/dev/zero"; });
  place(kRule[15], "a socket", [](const std::string& f) {
    sockaddr_un address{AF_UNIX, {}};
    const std::string path = f + "/s";
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    close(fd);
    return path;
  });
  auto link = [](const char* verdict, const std::string& what, const std::string& to) {
    place(verdict, what, [=](const std::string& f) {
      put(f + "/x", raw_file(kGood, 8));
      fs::create_symlink(to, f + "/link");
      return f + "/link";
    });
  };
  link(kOk, "a link to a file", "x");
  link(kRule[15], "a link that leads nowhere", "none");
  link(kRule[15], "a link to itself", "link");
  link(kRule[15], "a link to a device", "/dev/zero");
  auto good = [](const std::string& f) { return put(f + "/x", raw_file(kGood, 8)); };
  const int64_t n = int64_t(kGood.size());
  place(kRule[1], "a header beyond the limit asked for", good, {.max_header = n - 1});
  place(kRule[1], "a limit below zero", good, {.max_header = -1});
  place(kOk, "a header at the limit asked for", good, {.max_header = n});
  place(kRule[16], "a file without checksums where they are required", good, {.require_checksums = true});
}

std::string g_victim;
int g_reads = 0, g_harmed = 0, g_answer = 0;
std::function<void()> g_harm;
int harm(const char* call, int64_t) {
  return call == std::string("read") && ++g_reads == g_harmed ? g_harm(), g_answer : 0;
}

/// Calls f before read call `at` of a reader (1 and 2: which kind of file, 3: its header, 4: its data).  The file was
/// written long before.
void while_read(const char* verdict, const std::string& what, int at, std::function<void()> f, int answer = 0) {
  place(verdict, what, [=](const std::string& folder) {
    g_victim = put(folder + "/x", raw_file(kGood, 8));
    const timespec long_ago[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    CHECK(utimensat(AT_FDCWD, g_victim.c_str(), long_ago, 0) == 0);
    g_reads = 0, g_harmed = at, g_harm = f, g_answer = answer;
    set_file_hook(harm);
    return g_victim;
  });
}

void changing_files() {
  auto rewrite = [] {
    std::fstream file(g_victim, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end) << 'x';
  };
  auto grow = [] { std::ofstream(g_victim, std::ios::app) << 'x'; };
  auto shrink = [] { fs::resize_file(g_victim, fs::file_size(g_victim) - 1); };
  while_read(kRule[15], "a header read while the file grows", 3, grow);
  while_read(kRule[15], "a header read while the file shrinks", 3, shrink);
  while_read(kRule[15], "data rewritten while it is read", 4, rewrite);
  while_read(kRule[15], "data read while the file grows", 4, grow);
  while_read(kRule[15], "data read while the file shrinks", 4, shrink);
  while_read(kOk, "a file removed while it is read", 4, [] { fs::remove(g_victim); });
  while_read(kOk, "a file replaced by rename while it is read", 4,
             [] { fs::rename(put(g_victim + "2", "other"), g_victim); });
  while_read(kOk, "a file of other rights", 4, [] { fs::permissions(g_victim, fs::perms::owner_read); });
  while_read(
      kOk, "a read that is cut short", 4, [] {}, kShortWrite);
  while_read(
      kOk, "a read that a signal interrupts", 4, [] {}, EINTR);
  while_read(
      "cannot be read", "a header that the disk does not give", 3, [] {}, EIO);
  while_read(
      "cannot be read", "data that the disk does not give", 4, [] {}, EIO);
}

// ---- sharded sets

/// Adds a set of two shards with tensors a and b, after `change` has edited it.  The row's path is the index.
void set(
    const char* verdict, const std::string& what, const std::string& index,
    std::function<void(const std::string&)> change = [](auto&) {}) {
  place(verdict, what, [=](const std::string& f) {
    put(f + "/1.st", raw_file(kGood, 8)), put(f + "/2.st", raw_file("{\"b\":" + kA + "}", 8));
    put(f + "/index.json", index);
    change(f);
    return f + "/index.json";
  });
}
std::string map(const std::string& pairs) { return "{\"weight_map\":{" + pairs + "}}"; }

void shards() {
  const std::string both = R"("a":"1.st","b":"2.st")", good = map(both);
  set(kOk, "a set", good);
  auto metadata = [&](const std::string& m) { return "{\"metadata\":{" + m + "}," + good.substr(1); };
  set(kOk, "a set with metadata", " \n" + metadata(R"("total_size":1.6e1,"x":[[{"y":null}]])"));
  set(kRule[11], "metadata that is nested too deep", metadata(R"("x":[[[{"y":null}]]])"));
  set(kRule[11], "metadata with a number that is none", metadata(R"("x":01)"));
  set(kRule[3], "an index that is not UTF-8", map("\"\xff\":\"1.st\""));
  set(kRule[4], "a name twice in the map", map(both + R"(,"a":"1.st")"));
  set(kRule[4], "a map twice", good.substr(0, good.size() - 1) + R"(,"weight_map":{}})");
  set(kRule[4], "text after the index", good + "{}");
  set(kRule[12], "a name with a control character", map(both + R"(,"\n":"1.st")"));
  set(kRule[17], "no map", R"({"metadata":{}})");
  set(kRule[17], "another key", R"({"architectures":["x"]})");
  set(kRule[17], "a file that is no string", map(R"("a":["1.st"])"));
  for (const char* name : {"", ".", "..", "../1.st", "/dev/zero", "sub/1.st", "1.st\\u0000", "..\\\\1.st", "\\u009b"})
    set(kRule[18], text("a shard named ", name), map(text(R"("a":")", name, R"(","b":"2.st")")));
  std::string many;
  for (int i = 0; i <= 512; ++i) many += text(i ? "," : "", "\"", i, "\":\"", i, "\"");
  set(kRule[18], "513 shards", map(many));
  set(kRule[15], "a shard that is not there", map(both + R"(,"c":"3.st")"));
  set(kRule[15], "a shard that is a pipe", map(both + R"(,"c":"p")"),
      [](const std::string& f) { mkfifo((f + "/p").c_str(), 0600); });
  set("is no safetensors file", "an index as its own shard", map(both + R"(,"c":"index.json")"));
  set(kRule[9], "a shard with a tail", good, [](const std::string& f) { put(f + "/2.st", raw_file(kGood, 9)); });
  set(kRule[20], "a tensor of the map that is in another shard", map(R"("a":"2.st","b":"1.st")"));
  set(kRule[20], "a tensor of the map that is nowhere", map(both + R"(,"c":"1.st")"));
  set(kRule[20], "a tensor that is not in the map", map(R"("b":"2.st","a":"1.st")"), [](const std::string& f) {
    put(f + "/2.st", raw_file("{\"b\":" + kA + ",\"c\":" + entry("\"U8\"", "[0]", "[8,8]") + "}", 8));
  });
  set(kRule[20], "a tensor in two shards", good, [](const std::string& f) {
    put(f + "/2.st", raw_file("{\"b\":" + kA + ",\"a\":" + entry("\"U8\"", "[0]", "[8,8]") + "}", 8));
  });
  set(kOk, "a shard by a link within the folder", good,
      [](const std::string& f) { fs::rename(f + "/1.st", f + "/real"), fs::create_symlink("real", f + "/1.st"); });
  set(kRule[19], "a shard by a link out of the folder", good, [](const std::string& f) {
    fs::create_directory(f + "/sub"), fs::rename(f + "/1.st", f + "/sub/1.st");
    fs::create_symlink("sub/1.st", f + "/1.st");
  });
  set(kRule[18], "two names of one file", map(R"("a":"1.st","b":"3.st")"),
      [](const std::string& f) { fs::create_hard_link(f + "/1.st", f + "/3.st"); });
  auto cache = [](const std::string& place) {  // as in a download cache: snapshot/NAME are links to blobs/HASH
    return [=](const std::string& f) {
      for (std::string folder : {"/blobs", "/snapshot", "/elsewhere"}) fs::create_directory(f + folder);
      for (std::string name : {"index.json", "1.st", "2.st"}) {
        const std::string to = (name == "index.json" ? "blobs" : place) + "/hash" + name;
        fs::rename(f + "/" + name, f + "/" + to), fs::create_symlink("../" + to, f + "/snapshot/" + name);
        fs::create_symlink("snapshot/" + name, f + "/" + name);
      }
    };
  };
  set(kOk, "a set in a cache of links", good, cache("blobs"));
  set(kRule[19], "a set in a cache of links that lead elsewhere", good, cache("elsewhere"));
}

}  // namespace

TEST_CASE("every verdict names the broken rule, and reading stays within the promised memory") {
  length_and_json(), tensors(), metadata_and_names(), special_files(), changing_files(), shards();
  const char* corpus = std::getenv("CAMO_VERDICTS");
  std::ofstream list(corpus ? std::string(corpus) + "/verdicts.tsv" : "/dev/null");
  Folder folder;
  size_t right = 0, number = 0;
  for (const Row& row : g_rows) {
    CAPTURE(row.what.substr(0, 120));
    const std::string f = folder.file(text(++number)), name = text("v", number);
    fs::create_directory(f);
    const std::string path = row.make(f);
    uint64_t size = 0;  // files that are nearly all header
    for (const auto& e : fs::directory_iterator(f)) size += fs::is_regular_file(e.symlink_status()) ? e.file_size() : 0;
    std::string got;
    const int64_t peak = peak_bytes([&] { got = verdict(path, row.options); });
    set_file_hook(nullptr);
    CAPTURE(got);
    const bool accepted = row.verdict == kOk, ok = accepted ? got == kOk : got.find(row.verdict) != got.npos;
    CHECK(ok);
    right += ok;
    if (!accepted) CHECK(peak <= int64_t(4 * size + (1 << 20)));
    if (corpus && row.reference != not_asked) {
      fs::copy_file(path, corpus + ("/" + name), fs::copy_options::overwrite_existing);
      list << name << '\t' << (accepted ? "accept" : "refuse") << '\t'
           << (row.reference == same_verdict ? "same" : "stricter") << '\t' << row.verdict << '\n';
    }
    fs::remove_all(f);
  }
  std::printf("verdicts: %zu of %zu\n", right, g_rows.size());
  CHECK(g_rows.size() >= 60);
}
