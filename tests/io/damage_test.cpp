#include <doctest/doctest.h>
#include <fcntl.h>

#include <cstdio>

#include "tensor/random.h"
#include "tests/io/weight_files.h"

using namespace camo;
using namespace camo::test;

namespace {

/// A checkpoint of 40 tensors of all types, 250 kB.
NamedTensors checkpoint() {
  NamedTensors out;
  for (int64_t i = 0; i < 36; ++i)
    out.emplace_back(text("model.blocks.", i, ".weight"), randn({i * 3 + 1, 28}, uint64_t(i)));
  out.emplace_back("model.half", full({1000}, 1.5, DType::bf16));
  out.emplace_back("model.double", full({1000}, 0.1, DType::f64));
  out.emplace_back("optimizer.step", from<int64_t>({12, -1}, {2}));
  out.emplace_back("mask", full({777}, 1, DType::u8));
  return out;
}

/// Overwrites a byte of a file and restores it at the end of the scope.
struct Flip {
  int fd;
  int64_t at;
  char good;
  Flip(const std::string& path, int64_t bit) : fd(open(path.c_str(), O_RDWR)), at(bit / 8) {
    CHECK(pread(fd, &good, 1, at) == 1);
    const char bad = char(good ^ 1 << bit % 8);
    CHECK(pwrite(fd, &bad, 1, at) == 1);
  }
  ~Flip() {
    CHECK(pwrite(fd, &good, 1, at) == 1);
    close(fd);
  }
};

}  // namespace

TEST_CASE("each of 10 000 single flipped bits is refused; in the data the error names the tensor") {
  Folder folder;
  const std::string path = folder.file("a");
  write_safetensors(path, checkpoint(), {{"state", "{\"epoch\": 3}"}});
  const int64_t size = int64_t(std::filesystem::file_size(path));
  CHECK(size <= 1 << 20);
  const SafeHeader header = read_safetensors_header(path);
  const int64_t data_at = size - header.tensors.back().end;
  Random random({.seed = 11, .domain = Domain::test});
  int refused = 0, named = 0, in_data = 0;
  for (int i = 0; i < 10'000; ++i) {
    const int64_t bit = random.below(size * 8), at = bit / 8 - data_at;
    const Flip flip(path, bit);
    const std::string said = verdict(path);
    refused += said != "accepted";
    if (at < 0) continue;
    auto t = header.tensors.begin();
    while (at >= t->end) ++t;
    ++in_data, named += said.find("rule 16: damaged: tensor \"" + t->name + "\"") != std::string::npos;
  }
  std::printf("flipped bits: %d of 10000 refused, %d of %d by their tensor's name\n", refused, named, in_data);
  CHECK(refused == 10'000);
  CHECK(named == in_data);
  CHECK(verdict(path) == "accepted");
}

TEST_CASE("a small checkpoint is refused with any one bit flipped, and at any shorter length") {
  Folder folder;
  const std::string path = folder.file("a");
  write_safetensors(path, {{"w", randn({3, 5}, 1)}, {"step", from<int64_t>({7}, {1})}}, {{"state", "{\"epoch\": 3}"}});
  const std::string good = slurp(path);
  int accepted = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    const Flip flip(path, int64_t(bit));
    accepted += verdict(path) == "accepted";
  }
  CHECK(accepted == 0);
  for (size_t n = 0; n < good.size(); ++n) accepted += verdict(put(path, good.substr(0, n))) == "accepted";
  CHECK(accepted == 0);
}

TEST_CASE("a checkpoint cut at every 1000th byte is refused") {
  Folder folder;
  const std::string path = folder.file("a");
  for (bool checksums : {true, false}) {
    write_safetensors(path, checkpoint(), {}, checksums);
    int accepted = 0;
    for (int64_t n = int64_t(std::filesystem::file_size(path) - 1) / 1000 * 1000; n >= 0; n -= 1000) {
      std::filesystem::resize_file(path, uint64_t(n));
      accepted += verdict(path) == "accepted";
    }
    CHECK(accepted == 0);
  }
}
