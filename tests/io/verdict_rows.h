// Rows of the verdict table that are raw bytes: for each rule about headers, the smallest violation and
// the legal boundary.
#pragma once

#include <functional>

#include "tests/io/weight_files.h"

namespace camo::test {

constexpr const char* kOk = "accepted";
constexpr const char* kRule[] = {"",         "rule 1:",  "rule 2:",  "rule 3:",  "rule 4:",  "rule 5:",  "rule 6:",
                                 "rule 7:",  "rule 8:",  "rule 9:",  "rule 10:", "rule 11:", "rule 12:", "rule 13:",
                                 "rule 14:", "rule 15:", "rule 16:", "rule 17:", "rule 18:", "rule 19:", "rule 20:"};

/// What the reference implementation says about the same bytes.  It has no rules for links, sets and Camo's checksums.
enum Reference { same_verdict, accepts, not_asked };

/// A row makes a file in an empty folder and returns its path.
struct Row {
  std::string what, verdict;
  Reference reference;
  std::function<std::string(const std::string& folder)> make;
  ReadOptions options = {};
};
inline std::vector<Row> g_rows;

/// Adds a row of raw bytes.
inline void bytes(const char* verdict, Reference reference, const std::string& what, const std::string& file) {
  g_rows.push_back({what, verdict, reference, [=](const std::string& folder) { return put(folder + "/x", file); }});
}
inline void header(const char* verdict, Reference reference, const std::string& text, size_t data) {
  bytes(verdict, reference, text, raw_file(text, data));
}
constexpr Reference R = same_verdict, stricter = accepts;

inline std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}
inline std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"a\":" + entry(dtype, shape, offsets) + "}";
}
inline std::string f32(const std::string& shape, const std::string& offsets) { return one("\"F32\"", shape, offsets); }
inline const std::string kA = entry("\"F32\"", "[2]", "[0,8]"), kGood = "{\"a\":" + kA + "}";

inline void length_and_json() {
  bytes(kRule[1], R, "an empty file", "");
  bytes(kRule[1], R, "seven bytes", raw_file("{}", 0).substr(0, 7));
  bytes(kRule[2], R, "a header one byte longer than the file", raw_file(kGood, 0).substr(0, 7 + kGood.size()));
  bytes(kRule[2], R, "a header of 2^64 - 1 bytes", std::string(8, '\xff') + kGood);
  bytes(kRule[2], R, "a header of 2^63 bytes", std::string(7, '\0') + '\x80' + kGood);
  bytes(kRule[1], stricter, "a header of 16 MiB and a byte", raw_file("{}" + std::string((16 << 20) - 1, ' '), 0));
  bytes(kOk, R, "a header of 16 MiB", raw_file("{}" + std::string((16 << 20) - 2, ' '), 0));
  header(kRule[3], R, "", 0);
  header(kRule[3], R, "[]", 0);
  header(kRule[3], R, "{\"\xff\":" + kA + "}", 8);
  header(kRule[3], R, "{\"\xc0\x80\":" + kA + "}", 8);
  header(kRule[3], R, "{\"\xed\xa0\x80\":" + kA + "}", 8);
  header(kOk, R, kGood, 8);
  header(kOk, R, "{}", 0);
  header(kOk, R, kGood + std::string('{' - kGood.size(), ' '), 8);  // its length bytes look like the start of an index
  header(kOk, R, kGood + "  \n\t ", 8);
  header(kOk, R, "{\"\\u00e9\\ud83d\\ude00\":" + kA + "}", 8);
  header(kRule[4], R, kGood + "x", 8);
  header(kRule[4], R, kGood.substr(0, kGood.size() - 1), 8);
  header(kRule[4], R, "{\"a\":" + kA + ",}", 8);
  header(kRule[4], R, "{\"\\ud800\":" + kA + "}", 8);
  header(kRule[4], R, "{\"a\\q\":" + kA + "}", 8);
  header(kRule[4], R, "{\"a\":" + kA.substr(0, kA.size() - 1) + ",\"dtype\":\"F32\"}}", 8);
  header(kRule[4], stricter, "{\"a\":" + kA + ",\"a\":" + kA + "}", 8);
  header(kRule[4], stricter, "{\"\\u0061\":" + kA + ",\"a\":" + kA + "}", 8);
}

inline void tensors() {
  header(kRule[5], R, "{\"a\":1}", 0);
  header(kRule[5], R, "{\"a\":[[[[[[[[[[", 0);
  header(kRule[4], R, "{\"a\":" + std::string(100'000, '{'), 0);
  header(kRule[5], stricter, "{\"a\":" + kA.substr(0, kA.size() - 1) + ",\"extra\":1}}", 8);
  header(kRule[5], R, "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8);
  header(kRule[5], R, one("\"F31\"", "[2]", "[0,8]"), 8);
  header(kRule[5], R, one("\"f32\"", "[2]", "[0,8]"), 8);
  header(kRule[5], R, one("5", "[2]", "[0,8]"), 8);
  for (const char* wrong : {"-2", "2.0", "2e0", "02", "+2", "\"2\"", "true", "18446744073709551618"})
    header(kRule[6], R, f32(text("[", wrong, "]"), "[0,8]"), 8);
  header(kRule[6], R, f32("[2]", "[0,18446744073709551616]"), 8);
  header(kRule[6], R, f32("[2]", "[-0,8]"), 8);
  header(kRule[7], R, f32("2", "[0,8]"), 8);
  header(kRule[14], stricter, f32("[1,1,1,1,1,1,2]", "[0,8]"), 8);
  header(kOk, R, f32("[1,1,1,1,1,2]", "[0,8]"), 8);
  header(kRule[7], stricter, f32("[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8);
  header(kOk, R, f32("[0,281474976710656]", "[0,0]"), 0);
  header(kRule[7], stricter, f32("[0,281474976710657]", "[0,0]"), 0);
  header(kRule[7], R, f32("[4294967296,4294967296]", "[0,0]"), 0);  // the product wraps to 0
  header(kRule[7], R, f32("[4294967296,1073741824]", "[0,0]"), 0);  // the product times the size of the type wraps to 0
  header(kRule[7], R, f32("[4294967296,268435456]", "[0,0]"), 0);   // the product in bits wraps to 0
  header(kRule[7], R, f32("[281474976710656,281474976710656,0]", "[0,0]"), 0);
  header(kRule[7], stricter, f32("[281474976710656,32768,0]", "[0,0]"), 0);  // passes 2^63 on the way; Shape is signed
  header(kOk, R, one("\"U8\"", "[281474976710656,16384,0]", "[0,0]"), 0);
  header(kRule[8], R, f32("[2]", "[0]"), 8);
  header(kRule[8], R, f32("[2]", "[0,8,8]"), 8);
  header(kRule[8], R, f32("[2]", "[8,0]"), 8);
  header(kRule[8], R, f32("[2]", "[0,9]"), 8);
  header(kRule[8], R, f32("[2]", "[0,18446744073709551615]"), 8);
  header(kRule[9], R, kGood, 9);
  header(kRule[9], R, f32("[2]", "[1,9]"), 9);
  header(kRule[9], R, "{\"a\":" + kA + ",\"b\":" + entry("\"F32\"", "[1]", "[4,8]") + "}", 8);
  header(kRule[9], R, "{\"a\":" + kA + ",\"b\":" + kA + "}", 8);
  header(kRule[9], R, "{\"a\":" + kA + ",\"b\":" + entry("\"F32\"", "[1]", "[9,13]") + "}", 13);
  header(kRule[9], R, "{}", 1);
  header(kOk, R, "{\"b\":" + entry("\"U8\"", "[3]", "[1,4]") + ",\"a\":" + entry("\"U8\"", "[1]", "[0,1]") + "}", 4);
  header(kOk, R, "{\"b\":" + entry("\"F32\"", "[1]", "[1,5]") + ",\"a\":" + entry("\"U8\"", "[1]", "[0,1]") + "}", 5);
  header(kOk, R, "{\"a\":" + kA + ",\"b\":" + entry("\"F32\"", "[0]", "[8,8]") + "}", 8);
  header(kRule[10], R, f32("[2]", "[0,4]"), 4);
  header(kRule[10], R, f32("[0]", "[0,4]"), 4);
  header(kRule[10], R, f32("[1]", "[0,0]"), 0);
  header(kRule[10], R, f32("[281474976710656]", "[0,0]"), 0);
  header(kRule[10], R, one("\"F4\"", "[3]", "[0,1]"), 1);
  header(kRule[10], R, one("\"F4\"", "[3]", "[0,2]"), 2);
  header(kOk, R, f32("[]", "[0,4]"), 4);
}

inline void metadata_and_names() {
  auto metadata = [](const std::string& m) { return "{\"__metadata__\":" + m + "}"; };
  const std::string most((1 << 20) - 1, 'x'), name(512, 'n');
  header(kOk, R, metadata("{}"), 0);
  header(kOk, R, metadata("{\"k\":\"" + most + "\"}"), 0);
  header(kRule[11], stricter, metadata("{\"k\":\"" + most + "x\"}"), 0);
  header(kRule[11], R, metadata("{\"k\":1}"), 0);
  header(kRule[11], R, metadata("{\"k\":null}"), 0);
  header(kRule[11], R, metadata("{\"k\":{\"l\":\"m\"}}"), 0);
  header(kRule[11], R, metadata("[]"), 0);
  header(kRule[4], stricter, metadata("{\"k\":\"1\",\"k\":\"2\"}"), 0);
  header(kRule[4], R, "{\"__metadata__\":{},\"__metadata__\":{}}", 0);
  for (int n : {4096, 4097}) {
    std::string entries;
    for (int i = 0; i < n; ++i) entries += text(i ? "," : "", "\"", i, "\":\"\"");
    header(n == 4096 ? kOk : kRule[11], n == 4096 ? R : stricter, metadata("{" + entries + "}"), 0);
  }
  header(kOk, R, "{\"" + name + "\":" + kA + "}", 8);
  header(kRule[12], stricter, "{\"" + name + "n\":" + kA + "}", 8);
  header(kRule[12], stricter, "{\"a\\u0000\":" + kA + "}", 8);
  header(kRule[12], stricter, "{\"a\\n\":" + kA + "}", 8);
  header(kRule[12], stricter, "{\"a\u009b\":" + kA + "}", 8);  // U+009B: a terminal escape in one character
  header(kOk, R, "{\"\u00a0\":" + kA + "}", 8);
  header(kOk, R, "{\"\":" + kA + "}", 8);
  header(kOk, R, "{\"../../etc/passwd\":" + kA + "}", 8);  // a tensor's name is never used as a path
  for (int n : {100'000, 100'001}) {
    std::string many;
    for (int i = 0; i < n; ++i) many += text(i ? "," : "{", "\"", i, "\":", entry("\"U8\"", "[0]", "[0,0]"));
    header(n == 100'000 ? kOk : kRule[12], n == 100'000 ? R : stricter, many + "}", 0);
  }
  header(kRule[14], stricter, one("\"U64\"", "[1]", "[0,8]"), 8);
  header(kRule[14], stricter, one("\"F8_E4M3\"", "[8]", "[0,8]"), 8);
  header(kOk, R, one("\"F16\"", "[4]", "[0,8]"), 8);
  header(kRule[16], stricter, metadata("{\"camo.crc32\":\"{}\"}"), 0);
  header(kRule[16], stricter, metadata("{\"camo.header_crc32\":\"00000000\"}"), 0);
  header(kRule[16], stricter, metadata("{\"camo.crc32\":\"{}\",\"camo.header_crc32\":\"00000000\"}"), 0);
}

}  // namespace camo::test
