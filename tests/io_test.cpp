#include "tensor/io.h"

#include <doctest/doctest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tensor/file.h"
#include "tensor/random.h"

using namespace camo;

namespace {

struct Folder {  // in memory where there is such a place: these tests sync hundreds of times
  std::string path = (std::filesystem::exists("/dev/shm") ? std::filesystem::path("/dev/shm")
                                                          : std::filesystem::temp_directory_path()) /
                     text("camo_io_", getpid());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return path + "/" + name; }
  int count() const {
    int n = 0;
    for ([[maybe_unused]] auto& entry : std::filesystem::directory_iterator(path)) ++n;
    return n;
  }
};

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}
std::string put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

/// A file of this header and that much data.
std::string raw_file(const std::string& header, size_t data) {
  uint64_t n = header.size();
  return std::string(reinterpret_cast<const char*>(&n), 8) + header + std::string(data, '\x01');
}

NamedTensors sample(uint64_t seed) {
  return {{"bytes", from<uint8_t>({1, 2, 3}, {3})},
          {"layer.weight", randn({4, 5}, seed)},
          {"empty", zeros({0, 7})},
          {"scalar", full({}, double(seed), DType::f64)},
          {"step", from<int64_t>({int64_t(seed), -1}, {2})},
          {"half", full({2, 3}, 1.5, DType::bf16)},
          {"odd \"name\"\\ \xc3\xa9", ones({1})}};
}

bool same(const NamedTensors& a, const SafeTensors& b) {
  if (a.size() != b.tensors.size()) return false;
  for (const auto& [name, x] : a)
    if (!b.find(name) || !equal_bits(x, *b.find(name))) return false;
  return true;
}

std::string refusal(const std::string& path, const ReadOptions& options = {}) {
  try {
    read_safetensors(path, options);
  } catch (const WeightsError& e) {
    CHECK(std::string(e.what()).find(path) != std::string::npos);
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("tensors and metadata come back bit for bit, aligned, with checksums verified") {
  Folder folder;
  std::string path = folder.file("a.safetensors");
  Metadata metadata = {{"state", "{\"epoch\": 3}\n"}, {"", "\xe2\x82\xac"}};
  for (bool checksums : {true, false}) {
    write_safetensors(path, sample(7), metadata, checksums);
    SafeTensors in = read_safetensors(path);
    CHECK(same(sample(7), in));
    CHECK(in.metadata == metadata);
    CHECK(in.verified == checksums);
    CHECK(folder.count() == 1);
    SafeHeader header = read_safetensors_header(path);
    CHECK(header.metadata == metadata);
    CHECK(header.verified == checksums);
    uint64_t n;
    std::memcpy(&n, slurp(path).data(), 8);
    CHECK((n + 8) % 64 == 0);
    for (const TensorInfo& t : header.tensors)
      CHECK(t.begin % (t.type->bits / 8) == 0);
  }
  CHECK(refusal(path, {.require_checksums = true}).find("no checksums") != std::string::npos);
  write_safetensors(path, {});
  CHECK(read_safetensors(path).tensors.empty());
}

TEST_CASE("halves are widened exactly") {
  Folder folder;
  std::string bits;
  std::vector<float> wanted;
  for (uint32_t h = 0; h < 65536; ++h) {
    bits += {char(h), char(h >> 8)};
    int exponent = int(h >> 10 & 31), fraction = int(h & 0x3ff);
    double x = exponent == 31 ? (fraction ? NAN : INFINITY)
               : exponent     ? std::ldexp(1024 + fraction, exponent - 25)
                              : std::ldexp(fraction, -24);
    wanted.push_back(float(h & 0x8000 ? -x : x));
  }
  std::string file = raw_file(R"({"x":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}})", 0) + bits;
  Tensor x = *read_safetensors(put(folder.file("h"), file)).find("x");
  bool equal = true;
  for (size_t i = 0; i < wanted.size(); ++i) {
    float got = x.read<float>()[i];
    equal &= std::isnan(wanted[i]) ? std::isnan(got)
                                   : got == wanted[i] && std::signbit(got) == std::signbit(wanted[i]);
  }
  CHECK(equal);
}

TEST_CASE("every rule of the format is checked, and its boundary accepted") {
  Folder folder;
  auto one = [](const std::string& body) { return "{\"a\":{" + body + "}}"; };
  auto entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return "\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets;
  };
  const std::string f32 = entry("\"F32\"", "[2]", "[0,8]");
  struct Case { std::string words, header; size_t data; };
  const std::string big_meta(1 << 20, 'x'), long_name(513, 'n');
  const std::vector<Case> cases = {
      {"accepted", one(f32), 8},
      {"accepted", " \n" + one(f32) + "  \t", 8},
      {"accepted", "{}", 0},
      {"accepted", "{\"__metadata__\":{}}", 0},
      {"accepted", one(entry("\"F32\"", "[]", "[0,4]")), 4},
      {"accepted", one(entry("\"F32\"", "[0,281474976710656]", "[0,0]")), 0},
      {"accepted",
       "{\"b\":{" + entry("\"U8\"", "[3]", "[1,4]") + "},\"a\":{" + entry("\"U8\"", "[1]", "[0,1]") + "}}",
       4},
      {"accepted", "{\"" + long_name.substr(1) + "\":{" + f32 + "}}", 8},
      {"accepted", "{\"\\u00e9\\ud83d\\ude00\":{" + f32 + "}}", 8},
      {"rule 3", "[]", 0},
      {"rule 3", "", 0},
      {"rule 3", "{\"\xff\":{" + f32 + "}}", 8},
      {"rule 3", "{\"\xc0\x80\":{" + f32 + "}}", 8},
      {"rule 4", one(f32) + "x", 8},
      {"rule 4", "{\"a\":{" + f32 + "}", 8},
      {"rule 4", "{\"a\":{" + f32 + "},}", 8},
      {"rule 4", "{\"a\":{" + f32 + "},\"a\":{" + entry("\"F32\"", "[0]", "[8,8]") + "}}", 8},
      {"rule 4", "{\"\\u0061\":{" + f32 + "},\"a\":{" + entry("\"F32\"", "[0]", "[8,8]") + "}}", 8},
      {"rule 4", one(f32 + ",\"dtype\":\"F32\""), 8},
      {"rule 4", "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0},
      {"rule 4", "{\"__metadata__\":{},\"__metadata__\":{}}", 0},
      {"rule 4", "{\"\\ud800\":{" + f32 + "}}", 8},
      {"rule 4", "{\"a\\q\":{" + f32 + "}}", 8},
      {"rule 5", "{\"a\":1}", 0},
      {"rule 5", "{\"a\":[[[[[[[[[[", 0},
      {"rule 5", one(f32 + ",\"extra\":1"), 8},
      {"rule 5", one("\"dtype\":\"F32\",\"shape\":[2]"), 8},
      {"rule 5", one(entry("\"F31\"", "[2]", "[0,8]")), 8},
      {"rule 5", one(entry("5", "[2]", "[0,8]")), 8},
      {"rule 6", one(entry("\"F32\"", "[-2]", "[0,8]")), 8},
      {"rule 6", one(entry("\"F32\"", "[2.0]", "[0,8]")), 8},
      {"rule 6", one(entry("\"F32\"", "[2e0]", "[0,8]")), 8},
      {"rule 6", one(entry("\"F32\"", "[02]", "[0,8]")), 8},
      {"rule 6", one(entry("\"F32\"", "[\"2\"]", "[0,8]")), 8},
      {"rule 6", one(entry("\"F32\"", "[18446744073709551618]", "[0,8]")), 8},
      {"rule 6", one(entry("\"F32\"", "[2]", "[0,18446744073709551616]")), 8},
      {"rule 7", one(entry("\"F32\"", "2", "[0,8]")), 8},
      {"rule 7", one(entry("\"F32\"", "[1,1,1,1,1,1,1,1,2]", "[0,8]")), 8},
      {"rule 14", one(entry("\"F32\"", "[1,1,1,1,1,1,2]", "[0,8]")), 8},
      {"rule 7", one(entry("\"F32\"", "[281474976710657]", "[0,8]")), 8},
      {"rule 7", one(entry("\"F32\"", "[4294967296,4294967296]", "[0,0]")), 0},
      {"rule 7", one(entry("\"F32\"", "[4294967296,1073741824]", "[0,0]")), 0},
      {"rule 7", one(entry("\"F32\"", "[281474976710656,281474976710656,0]", "[0,0]")), 0},
      {"rule 8", one(entry("\"F32\"", "[2]", "[0]")), 8},
      {"rule 8", one(entry("\"F32\"", "[2]", "[0,8,8]")), 8},
      {"rule 8", one(entry("\"F32\"", "[2]", "[8,0]")), 8},
      {"rule 8", one(entry("\"F32\"", "[2]", "[0,9]")), 8},
      {"rule 8", one(entry("\"F32\"", "[2]", "[0,18446744073709551615]")), 8},
      {"rule 9", one(f32), 9},
      {"rule 9", one(entry("\"F32\"", "[2]", "[1,9]")), 9},
      {"rule 9", "{\"a\":{" + f32 + "},\"b\":{" + entry("\"F32\"", "[1]", "[4,8]") + "}}", 8},
      {"rule 9", "{\"a\":{" + f32 + "},\"b\":{" + entry("\"F32\"", "[1]", "[9,13]") + "}}", 13},
      {"rule 9", "{}", 1},
      {"rule 10", one(entry("\"F32\"", "[2]", "[0,4]")), 4},
      {"rule 10", one(entry("\"F32\"", "[0]", "[0,4]")), 4},
      {"rule 10", one(entry("\"F32\"", "[1]", "[0,0]")), 0},
      {"rule 11", "{\"__metadata__\":{\"k\":1}}", 0},
      {"rule 11", "{\"__metadata__\":[]}", 0},
      {"rule 11", "{\"__metadata__\":{\"k\":\"" + big_meta + "\"}}", 0},
      {"rule 12", "{\"" + long_name + "\":{" + f32 + "}}", 8},
      {"rule 12", "{\"a\\u0000\":{" + f32 + "}}", 8},
      {"rule 12", "{\"a\\n\":{" + f32 + "}}", 8}};
  for (const Case& c : cases) {
    CAPTURE(c.header.substr(0, 200));
    std::string got = refusal(put(folder.file("x"), raw_file(c.header, c.data)));
    CAPTURE(got);
    CHECK(got.find(c.words + (c.words == "accepted" ? "" : ":")) != std::string::npos);
  }

  std::string many = "{";
  for (int i = 0; i <= 100'000; ++i)
    many += text(i ? "," : "", "\"", i, "\":{", entry("\"U8\"", "[0]", "[0,0]"), "}");
  CHECK(refusal(put(folder.file("x"), raw_file(many + "}", 0))).find("rule 12") != std::string::npos);
  std::string good = raw_file(one(f32), 8);
  CHECK(refusal(put(folder.file("x"), good), {.max_header = 20}).find("rule 1:") != std::string::npos);
  for (size_t n = 0; n < good.size(); ++n) {
    CAPTURE(n);
    CHECK(refusal(put(folder.file("x"), good.substr(0, n))) != "accepted");
  }
  CHECK(refusal(put(folder.file("x"), good.substr(0, 7))).find("rule 1") != std::string::npos);
  CHECK(refusal(put(folder.file("x"), good.substr(0, 9))).find("rule 2") != std::string::npos);
}

TEST_CASE("files of other kinds are named, with what to do") {
  Folder folder;
  auto says = [&](const std::string& bytes, const char* words) {
    CHECK(refusal(put(folder.file("x"), bytes)).find(words) != std::string::npos);
  };
  says(std::string("PK\x03\x04") + std::string(100, 'z'), "torch.save");
  says(std::string("\x80\x02}q\0(X", 8) + std::string(100, 'z'), "pickle");
  says("version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull");
  says("<!DOCTYPE html><html>", "web page");
  says("\x1f\x8b\x08 and so on, long enough", "gzip");
  CHECK(refusal(folder.file("none")).find("No such file") != std::string::npos);
  CHECK(refusal(folder.path).find("folder") != std::string::npos);
}

TEST_CASE("with checksums every single flipped bit and every truncation is found") {
  Folder folder;
  std::string path = folder.file("a");
  write_safetensors(path, sample(3), {{"state", "{\"epoch\": 3}"}});
  const std::string good = slurp(path);
  int accepted = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = char(bad[bit / 8] ^ 1 << bit % 8);
    try {
      read_safetensors(put(path, bad));
      ++accepted;
      MESSAGE("bit ", bit);
    } catch (const WeightsError&) {
    }
  }
  CHECK(accepted == 0);
  for (size_t n = 0; n < good.size(); ++n) accepted += refusal(put(path, good.substr(0, n))) == "accepted";
  CHECK(accepted == 0);
}

TEST_CASE("names and metadata that could not be read back are not written") {
  Folder folder;
  std::string path = folder.file("a");
  CHECK_THROWS_AS(write_safetensors(path, {{"a", ones({1})}, {"a", ones({1})}}), WeightsError);
  CHECK_THROWS_AS(write_safetensors(path, {{"__metadata__", ones({1})}}), WeightsError);
  CHECK_THROWS_AS(write_safetensors(path, {{std::string("a\0", 2), ones({1})}}), WeightsError);
  CHECK_THROWS_AS(write_safetensors(path, {{"\xff", ones({1})}}), WeightsError);
  CHECK_THROWS_AS(write_safetensors(path, {}, {{"k", "\xff"}}), WeightsError);
  CHECK(folder.count() == 0);
}

// ---- the save path, one file call after another

namespace {
int64_t g_at;
int g_fault;
int fail_at(const char*, int64_t number) { return number == g_at ? g_fault : 0; }
int kill_at(const char*, int64_t number) {
  if (number == g_at) kill(getpid(), SIGKILL);
  return 0;
}
}  // namespace

TEST_CASE("killed before and after every file call, a save leaves the old file or the new one") {
  Folder folder;
  std::string path = folder.file("last.safetensors");
  write_safetensors(path, sample(1));
  set_file_hook(nullptr);
  write_safetensors(folder.file("count"), sample(2));
  const int64_t calls = set_file_hook(nullptr);
  CHECK(calls >= 8);
  bool was_old = false, was_new = false;
  for (g_at = 1; g_at <= calls + 1; ++g_at) {
    CAPTURE(g_at);
    pid_t child = fork();
    if (child == 0) {
      set_file_hook(kill_at);
      write_safetensors(path, sample(2));
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status) == (g_at <= calls));
    SafeTensors in = read_safetensors(path, {.require_checksums = true});
    bool is_old = same(sample(1), in), is_new = same(sample(2), in);
    CHECK(is_old != is_new);
    was_old |= is_old, was_new |= is_new;
    remove_stale_temporaries(folder.path);
    CHECK(folder.count() == 2);
    write_safetensors(path, sample(1));
  }
  CHECK((was_old && was_new));
}

TEST_CASE("whichever file call fails, the old file is whole, nothing is left over, the error says where") {
  Folder folder;
  std::string path = folder.file("last.safetensors");
  write_safetensors(path, sample(1));
  for (int error : {ENOSPC, EDQUOT, EIO, EROFS, EACCES}) {
    bool done = false;
    for (g_at = 1; !done; ++g_at) {
      CAPTURE(g_at);
      g_fault = error;
      set_file_hook(fail_at);
      std::string what;
      int code = 0;
      try {
        write_safetensors(path, sample(1));
        done = true;
      } catch (const Error& e) {
        what = e.what(), code = e.exit_code();
      }
      set_file_hook(nullptr);
      CHECK(folder.count() == 1);
      CHECK(same(sample(1), read_safetensors(path)));
      if (done) break;
      CHECK(what.find(path) != std::string::npos);
      bool full = error == ENOSPC || error == EDQUOT;
      CHECK(code == (full ? 6 : 3));
      CHECK((what.find("bytes needed") != std::string::npos && what.find(" free") != std::string::npos) ==
            full);
    }
    CHECK(g_at > 8);
  }
  for (int harmless : {kShortWrite, int(EINTR)})
    for (g_at = 1; g_at <= 12; ++g_at) {
      g_fault = harmless;
      set_file_hook(fail_at);
      write_safetensors(path, sample(uint64_t(g_at)));
      set_file_hook(nullptr);
      CHECK(same(sample(uint64_t(g_at)), read_safetensors(path)));
    }
}
