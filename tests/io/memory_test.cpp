// Measures the memory that tensor/io/io.h promises, on headers made to break the promise.
#include <doctest/doctest.h>

#include <functional>

#include "tests/allocations.h"
#include "tests/io/torch_writer.h"
#include "tests/io/weight_files.h"

using namespace camo;
using namespace camo::test;

namespace {

std::string repeat(int n, const std::function<std::string(int)>& item) {
  std::string out;
  for (int i = 0; i < n; ++i) (i ? out += ',' : out) += item(i);
  return out;
}
std::string braces(const std::string& s) { return "{" + s + "}"; }
std::string quote(const std::string& s) { return "\"" + s + "\""; }

/// The i-th of the short names 0, 1, ..., in base 64.
std::string name(int i) {
  constexpr const char* digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
  std::string out;
  do out += digits[i % 64];
  while (i /= 64);
  return out;
}
std::string one_tensor(const std::string& name, const std::string& shape, int64_t begin, int64_t end,
                       const std::string& type = "U8") {
  return text(quote(name), R"(:{"dtype":)", quote(type), R"(,"shape":[)", shape, R"(],"data_offsets":[)", begin, ",",
              end, "]}");
}
std::string none(const std::string& name) { return one_tensor(name, "0", 0, 0); }
std::string named_value(int i) { return quote(name(i)) + ":\"\""; }

struct Case {
  const char *verdict, *what;
  std::string header;
  size_t data = 0;
  int64_t tensors = 0;  // number of tensors returned
  int64_t widened = 1;  // bytes in memory per byte of data
};

std::vector<Case> cases() {
  constexpr int n = 100'000;
  const std::string mega(5 << 20, 'n');
  std::string escapes;
  for (int i = 0; i < 1 << 20; ++i) escapes += "\\n";
  auto empty = [](int i) { return none(name(i)); };
  auto sixteen = [](int i) { return none(text(1'000'000'000'000'000 + i)); };
  auto long_name = [](int i) { return none(name(i) + std::string(500, '_')); };
  auto same_byte = [](int i) { return one_tensor(name(i), "1", 0, 1); };
  auto next_byte = [](int i) { return one_tensor(name(i), "", i, i + 1); };
  auto axes = [](int i) { return one_tensor(name(i), "0,0,0,0,0,0,0,0", 0, 0); };
  auto sum = [](int i) { return "\\\"" + name(i) + "\\\":\\\"00000000\\\""; };
  auto metadata = [](const std::string& m) { return "{\"__metadata__\":" + braces(m) + "}"; };
  std::vector<Case> out = {
      {"accepted", "minimal tensors", braces(repeat(n, empty)), 0, n},
      {"rule 9", "minimal tensors, not covering the data", braces(repeat(n, empty)), 1},
      {"rule 4", "minimal tensors, one twice", braces(repeat(n - 1, empty) + "," + empty(0))},
      {"rule 12", "one tensor too many", braces(repeat(n + 1, empty))},
      {"rule 9", "minimal tensors that overlap", braces(repeat(n, same_byte)), 1},
      {"accepted", "tensors of one byte", braces(repeat(n, next_byte)), n, n},
      {"accepted", "names of 16 bytes", braces(repeat(n, sixteen)), 0, n},
      {"accepted", "names of 512 bytes", braces(repeat(20'000, long_name)), 0, 20'000},
      {"rule 14", "8 axes", braces(repeat(n, axes))},
      {"rule 12", "a name of 5 MB", braces(one_tensor(mega, "0", 0, 0))},
      {"rule 12", "a name of 5 MB of escapes", braces(one_tensor(mega + "\\n" + mega, "0", 0, 0))},
      {"rule 5", "a type of 5 MB", braces(one_tensor("a", "0", 0, 0, mega))},
      {"rule 5", "a key of 5 MB in a tensor", "{\"a\":{\"" + mega + "\":1}}"},
      {"rule 4", "a string without end", "{\"" + mega},
      {"accepted", "metadata of 1 MiB", metadata("\"k\":" + quote(mega.substr(0, (1 << 20) - 1)))},
      {"rule 11", "metadata of 5 MB", metadata("\"k\":" + quote(mega))},
      {"rule 11", "metadata of escapes", metadata("\"k\":" + quote(escapes))},
      {"rule 11", "metadata of many entries", metadata(repeat(300'000, named_value))},
      {"accepted", "metadata of 4096 entries", metadata(repeat(4096, named_value))},
      {"rule 16", "checksums of nothing",
       metadata(R"("camo.header_crc32":"00000000","camo.crc32":)" + quote(braces(repeat(40'000, sum))))},
      {"rule 8", "2^48 elements", braces(one_tensor("a", "281474976710656", 0, 281474976710656))},
      {"rule 10", "2^48 elements in no bytes", braces(one_tensor("a", "281474976710656", 0, 0, "F32"))},
      {"rule 4", "braces", braces("\"a\":" + std::string(5 << 20, '{'))},
      {"rule 6", "brackets", braces("\"a\":{\"shape\":" + std::string(5 << 20, '['))},
      {"rule 7", "axes", braces("\"a\":{\"shape\":[" + repeat(1 << 20, [](int) { return "1"; }) + "]")},
      {"accepted", "spaces", "{}" + std::string(5 << 20, ' ')},
      {"accepted", "halves", braces(one_tensor("a", "4194304", 0, 8 << 20, "F16")), 8 << 20, 1, 2},
      {"accepted", "small integers", braces(one_tensor("a", "1048576", 0, 1 << 20, "I8")), 1 << 20, 1, 8}};
  return out;
}

}  // namespace

TEST_CASE("a pickle takes at most 256 MiB, and an archive of empty records at most twice its size") {
  using namespace torch_writer;
  Folder folder;
  const std::string row = "(" + std::string(62'000, 'N');
  std::string tuples = "]", items = "}", all = "N" + std::string((1 << 22) - 1, '\x94');
  for (int i = 0; i < 67; ++i) tuples += row + "ta";  // popped, but they stay in the pool
  for (int i = 0; i < 33; ++i) items += row + "u";
  all += items + tuples;
  for (const std::string& words : {tuples, items, all, all + row + "t", all + row + row + "u", all + "\x94\x94"}) {
    const std::string bytes = torch_writer::file(pickle(words));
    put(folder.file("x"), bytes);
    std::string said;
    const int64_t peak = peak_bytes([&] { said = verdict(folder.file("x")); });
    CAPTURE(said);
    CHECK(said != "accepted");
    CHECK(peak <= (256 << 20) + int64_t(2 * bytes.size()));
  }
  std::vector<Record> records(150'000);
  for (size_t i = 0; i < records.size(); ++i) records[i].name = text("a/", i);
  put(folder.file("x"), zip(records, {.sentinels = true}));
  std::string said;
  const int64_t peak = peak_bytes([&] { said = verdict(folder.file("x")); });
  CAPTURE(said);
  CHECK(said.find("with 0 records FOLDER/data.pkl") != said.npos);
  CHECK(peak <= int64_t(2 * std::filesystem::file_size(folder.file("x"))));
}

TEST_CASE("reading takes at most the file's size, three headers and 1 MiB, whatever the header claims") {
  Folder folder;
  for (const Case& c : cases()) {
    const std::string path = put(folder.file("x"), raw_file(c.header, c.data));
    const int64_t header = int64_t(c.header.size()), data = int64_t(c.data), base = 8 + 4 * header + (1 << 20);
    std::string said;
    const int64_t listed = peak_bytes([&] {
      try {
        read_tensors_header(path);
      } catch (const WeightsError&) {}
    });
    const int64_t read = peak_bytes([&] { said = verdict(path); });
    CAPTURE(c.what);
    CAPTURE(said);
    CHECK(said.find(c.verdict) != std::string::npos);
    CHECK(said.size() < 1000);
    CHECK(listed <= base);
    CHECK(read <= base + data * c.widened + 512 * c.tensors);
  }
}
