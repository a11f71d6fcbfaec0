#include "tests/report/markup.h"

#include <cctype>
#include <stdexcept>

#include "tensor/image/image.h"
#include "tensor/io/file.h"
#include "tests/program/program_run.h"

namespace camo::test {
namespace {

struct MarkupReader {
  const std::string& all;
  size_t at = 0;
  std::vector<Element> out{};
  std::vector<int> open{};

  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error(why + " at byte " + std::to_string(at) + ": " + all.substr(at, 60));
  }
  bool next(const std::string& word) {
    if (all.compare(at, word.size(), word) != 0) return false;
    at += word.size();
    return true;
  }
  void space() {
    while (at < all.size() && (all[at] == ' ' || all[at] == '\n')) ++at;
  }
  std::string name() {
    const size_t from = at;
    while (at < all.size() && (std::isalnum(uint8_t(all[at])) || all[at] == '-' || all[at] == ':')) ++at;
    if (at == from || !std::isalpha(uint8_t(all[from]))) fail("no name");
    return all.substr(from, at - from);
  }
  std::string entity() {
    for (const auto& [word, letter] :
         {std::pair("&amp;", "&"), {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}})
      if (next(word)) return letter;
    fail("unknown entity");
  }
  /// One letter of UTF-8, checked by decoding it.
  std::string letter() {
    const uint8_t a = uint8_t(all[at]);
    const size_t n = a < 0x80 ? 1 : a >> 5 == 6 ? 2 : a >> 4 == 14 ? 3 : a >> 3 == 30 ? 4 : 0;
    if (n == 0 || at + n > all.size()) fail("no UTF-8");
    uint32_t code = n == 1 ? a : a & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; ++i) {
      if ((uint8_t(all[at + i]) & 0xc0) != 0x80) fail("no UTF-8");
      code = code << 6 | (uint8_t(all[at + i]) & 0x3f);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool legal = code == 9 || code == 10 || (code >= 32 && code != 127 && code < 0xd800) ||
                       (code >= 0xe000 && code < 0xfffe) || (code >= 0x10000 && code <= 0x10ffff);
    if (code < kLeast[n] || !legal) fail("a letter that XML has not");
    at += n;
    return all.substr(at - n, n);
  }
  std::string quoted() {
    if (!next("=\"")) fail("an attribute without quotes");
    std::string value;
    while (!next("\"")) {
      if (at >= all.size() || all[at] == '<') fail("an attribute does not end");
      value += all[at] == '&' ? entity() : letter();
    }
    return value;
  }
  void tag() {
    if (next("/")) {
      const std::string n = name();
      if (open.empty() || out[size_t(open.back())].name != n || !next(">")) fail("</" + n + "> closes nothing");
      return open.pop_back();
    }
    if (open.empty() && !out.empty()) fail("a second root");
    out.push_back({name(), {}, {}, open.empty() ? -1 : open.back()});
    open.push_back(int(out.size()) - 1);
    for (;;) {
      const size_t before = at;
      space();
      if (next("/>")) return open.pop_back();
      if (next(">")) return;
      if (at == before) fail("no space before an attribute");
      const std::string key = name();
      if (!out.back().attributes.emplace(key, quoted()).second) fail("an attribute twice");
    }
  }
};

}  // namespace

std::vector<Element> elements(const std::string& markup) {
  MarkupReader r{markup};
  r.next("<!doctype html>\n");
  while (r.at < markup.size()) {
    if (r.next("<")) {
      r.tag();
      continue;
    }
    const std::string letter = markup[r.at] == '&' ? r.entity() : r.letter();
    if (!r.open.empty()) r.out[size_t(r.open.back())].text += letter;
    else if (letter != "\n") r.fail("text outside the root");
  }
  if (!r.open.empty() || r.out.empty()) r.fail("an element does not end");
  return r.out;
}

std::vector<Element> elements(const std::string& markup, const std::string& name) {
  std::vector<Element> out;
  for (Element& e : elements(markup))
    if (e.name == name) out.push_back(std::move(e));
  return out;
}

std::string decoded_base64(const std::string& letters) {
  const std::string table = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (char c : letters) {
    if (c == '=') break;
    const size_t v = table.find(c);
    if (v == std::string::npos) throw std::runtime_error("no base64");
    bits = bits << 6 | uint32_t(v), count += 6;
    if (count >= 8) count -= 8, out += char(bits >> count & 255);
  }
  return out;
}

Tensor picture_of(const std::string& uri) {
  const size_t comma = uri.find(";base64,");
  if (!uri.starts_with("data:image/") || comma == std::string::npos)
    throw std::runtime_error("no picture: " + uri.substr(0, 40));
  TempFolder folder;
  const std::string file = folder / "picture";
  write_file(file, decoded_base64(uri.substr(comma + 8)));
  return probe_image(file).channels == 1 ? read_mask(file) : read_image(file);
}

std::vector<std::pair<double, double>> points_of(const std::string& path) {
  std::vector<std::pair<double, double>> out;
  for (size_t at = 0; at < path.size();) {
    if (path[at] == 'Z') break;
    size_t used = 0;
    const double x = std::stod(path.substr(at + 1, 24), &used);
    at += 1 + used;
    const double y = std::stod(path.substr(at, 24), &used);
    at += used;
    out.emplace_back(x, y);
  }
  return out;
}

}  // namespace camo::test
