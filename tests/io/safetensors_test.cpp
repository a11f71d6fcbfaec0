#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tensor/io/io.h"
#include "tensor/io/json_scanner.h"
#include "tensor/random.h"
#include "tests/io/weight_files.h"

using namespace camo;
using namespace camo::test;

namespace {

NamedTensors sample(uint64_t seed) {
  return {{"bytes", from<uint8_t>({1, 2, 3}, {3})},
          {"layer.weight", randn({4, 5}, seed)},
          {"empty", zeros({0, 7})},
          {"scalar", full({}, double(seed), DType::f64)},
          {"step", from<int64_t>({int64_t(seed), -1}, {2})},
          {"half", full({2, 3}, 1.5, DType::bf16)},
          {"odd \"name\"\\ \xc3\xa9", ones({1})}};
}

}  // namespace

TEST_CASE("tensors and metadata round-trip bit for bit, aligned, with checksums verified") {
  Folder folder;
  std::string path = folder.file("a.safetensors");
  Metadata metadata = {{"state", "{\"epoch\": 3}\n"}, {"", "\xe2\x82\xac \xc2\x9b \xc2\xa0 \x7f \\"}};
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
    for (const TensorInfo& t : header.tensors) CHECK(t.begin % (t.type->bits / 8) == 0);
  }
  CHECK(verdict(path, {.require_checksums = true}).find("no checksums") != std::string::npos);
  write_safetensors(path, {});
  CHECK(read_safetensors(path).tensors.empty());
}

TEST_CASE("the checksum of a tensor covers all its bytes, however long it is") {
  Folder folder;
  const std::string path = folder.file("a.safetensors");
  const Tensor x = randn({300'000}, 1);
  write_safetensors(path, {{"x", x}}, {}, /*checksums=*/true);
  const SafeTensors in = read_safetensors(path);
  CHECK(in.verified);
  CHECK(equal_bits(in.tensors[0].second, x));
  const std::string bytes = slurp(path);
  for (size_t back : {1'200'000, 700'000, 1}) {
    std::string damaged = bytes;
    damaged[damaged.size() - back] ^= 1;
    CHECK(verdict(put(path, damaged)).find("\"x\" does not have its checksum") != std::string::npos);
  }
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
    equal &= std::isnan(wanted[i]) ? std::isnan(got) : got == wanted[i] && std::signbit(got) == std::signbit(wanted[i]);
  }
  CHECK(equal);
}

TEST_CASE("small integers and booleans are widened exactly, also in more than one chunk") {
  Folder folder;
  auto check_type = [&]<class T>(const char* name, T) {
    std::vector<T> values(10'001);
    for (size_t i = 0; i < values.size(); ++i) values[i] = T(i * 2654435761u >> 3);
    values[0] = std::numeric_limits<T>::min(), values[1] = std::numeric_limits<T>::max();
    const size_t n = values.size() * sizeof(T);
    const std::string header = text(R"({"x":{"dtype":")", name, R"(","shape":[10001],"data_offsets":[0,)", n, "]}}");
    const std::string data(reinterpret_cast<const char*>(values.data()), n);
    const Tensor x = *read_tensors(put(folder.file("x"), raw_file(header, 0) + data)).find("x");
    CAPTURE(name);
    CHECK(to_vector<int64_t>(x) == std::vector<int64_t>(values.begin(), values.end()));
    CHECK(x.dtype() == (std::string(name) == "BOOL" ? DType::u8 : DType::i64));
  };
  check_type("I8", int8_t()), check_type("I16", int16_t()), check_type("U16", uint16_t());
  check_type("I32", int32_t()), check_type("U32", uint32_t()), check_type("BOOL", uint8_t());
}

TEST_CASE("every legal type can be listed, also types that Camo cannot hold") {
  Folder folder;
  std::string header;
  int64_t at = 0;
  const std::pair<const char*, int> types[] = {
      // Types and the bits of one number.
      {"BOOL", 8}, {"U8", 8},    {"I8", 8},   {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"I16", 16},   {"U16", 16},
      {"F16", 16}, {"BF16", 16}, {"I32", 32}, {"U32", 32},    {"F32", 32},    {"F64", 64},   {"I64", 64},
      {"U64", 64}, {"C64", 64},  {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F8_E8M0", 8}};
  for (auto [name, bits] : types) {
    header += text(at ? "," : "{", "\"", name, R"(":{"dtype":")", name,
                   R"(","shape":[1,1,1,1,1,1,1,8],"data_offsets":[)", at, ",", at + bits, "]}");
    at += bits;
  }
  const std::string path = put(folder.file("x"), raw_file(header + "}", size_t(at)));
  const SafeHeader in = read_tensors_header(path);
  CHECK(in.format == "safetensors");
  CHECK(in.tensors.size() == std::size(types));
  for (const TensorInfo& t : in.tensors) CHECK(text(t.type->name, t.shape) == t.name + "(1, 1, 1, 1, 1, 1, 1, 8)");
  CHECK(verdict(path).find("rule 14: \"BOOL\" has 8 axes") != std::string::npos);
}

TEST_CASE("a sharded set is read and listed like one file, in the order of its shards") {
  Folder folder;
  const NamedTensors all = sample(5);
  write_safetensors(folder.file("m-1.safetensors"), {all.begin(), all.begin() + 3}, {{"format", "pt"}, {"part", "1"}});
  write_safetensors(folder.file("m-2.safetensors"), {all.begin() + 3, all.end()}, {{"format", "pt"}, {"part", "2"}});
  std::string map;
  for (size_t i = 0; i < all.size(); ++i)
    map += text(i ? "," : "", detail::json_string(all[i].first), ":\"m-", i < 3 ? 1 : 2, ".safetensors\"");
  const std::string path = put(folder.file("m.safetensors.index.json"),
                               "{\"metadata\": {\"total_size\": 187}, \"weight_map\": {" + map + "}}");
  const SafeTensors in = read_tensors(path, {.require_checksums = true});
  CHECK(same(all, in));
  CHECK(in.verified);
  CHECK(in.format == "safetensors, 2 shards");
  CHECK(in.metadata == Metadata{{"format", "pt"}, {"part", "1"}, {"total_size", "187"}});
  const SafeHeader header = read_tensors_header(path);
  CHECK(header.format == in.format);
  CHECK(header.tensors.size() == all.size());
  for (size_t i = 0; i < all.size(); ++i) CHECK(header.tensors[i].name == in.tensors[i].first);
  CHECK_THROWS_WITH_AS(read_safetensors(path), doctest::Contains("index of a sharded set"), WeightsError);
}

TEST_CASE("files of other formats are named, with advice") {
  Folder folder;
  auto says = [&](const std::string& bytes, const char* words) {
    CHECK(verdict(put(folder.file("x"), bytes)).find(words) != std::string::npos);
  };
  says(std::string("PK\x03\x04") + std::string(100, 'z'), "torch.save");
  says(std::string("\x80\x02}q\0(X", 8) + std::string(100, 'z'), "its magic number: truncated");
  says("version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull");
  says("<!DOCTYPE html><html>", "web page");
  says("\x1f\x8b\x08 and so on, long enough", "gzip");
  CHECK(verdict(folder.file("none")).find("No such file") != std::string::npos);
  CHECK(verdict(folder.path).find("folder") != std::string::npos);
}

TEST_CASE("names and metadata that could not be read back are refused on writing") {
  Folder folder;
  std::string path = folder.file("a");
  CHECK_THROWS_AS(write_safetensors(path, {{"a", ones({1})}, {"a", ones({1})}}), WeightsError);
  CHECK_THROWS_AS(write_safetensors(path, {{"__metadata__", ones({1})}}), WeightsError);
  CHECK_THROWS_AS(write_safetensors(path, {{std::string("a\0", 2), ones({1})}}), WeightsError);
  CHECK_THROWS_AS(write_safetensors(path, {{"\xff", ones({1})}}), WeightsError);
  CHECK_THROWS_AS(write_safetensors(path, {}, {{"k", "\xff"}}), WeightsError);
  CHECK(folder.count() == 0);
}
