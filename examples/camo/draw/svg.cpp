#include "examples/camo/draw/svg.h"

#include <charconv>
#include <cmath>

#include "tensor/image/image.h"

namespace camo::program {
namespace {

/// The bytes of the letter that begins at `at`; 0 if they are no UTF-8 (Unicode 15, table 3-7).
size_t letter_bytes(std::string_view s, size_t at) {
  auto byte = [&](size_t i) { return at + i < s.size() ? uint8_t(s[at + i]) : 0u; };
  auto tail = [&](size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xbf; };
  const unsigned a = byte(0), b = byte(1);
  if (a < 0x80) return 1;
  if (a >= 0xc2 && a <= 0xdf) return tail(1) ? 2 : 0;
  if (a >= 0xe0 && a <= 0xef) {
    const bool surrogate = a == 0xed && b > 0x9f, overlong = a == 0xe0 && b < 0xa0;
    const bool no_letter = a == 0xef && b == 0xbf && byte(2) >= 0xbe;  // U+FFFE, U+FFFF: not in XML
    return tail(1) && tail(2) && !surrogate && !overlong && !no_letter ? 3 : 0;
  }
  if (a < 0xf0 || a > 0xf4) return 0;
  return tail(1) && tail(2) && tail(3) && !(a == 0xf0 && b < 0x90) && !(a == 0xf4 && b > 0x8f) ? 4 : 0;
}

constexpr const char* kUnknown = "\xef\xbf\xbd";  // U+FFFD

std::string base64(std::string_view bytes) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    auto byte = [&](size_t k) { return i + k < bytes.size() ? uint32_t(uint8_t(bytes[i + k])) : 0u; };
    const uint32_t three = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? kLetters[three >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string_view text_of(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string escaped(std::string_view words) {
  std::string out;
  for (size_t i = 0; i < words.size();) {
    const size_t n = letter_bytes(words, i);
    const char c = words[i];
    if (n == 0 || (n == 1 && (uint8_t(c) < 0x20 || c == 0x7f) && c != '\n' && c != '\t')) out += kUnknown;
    else if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c == '\'') out += "&#39;";
    else out += words.substr(i, n);
    i += std::max<size_t>(n, 1);
  }
  return out;
}

std::string shortened(const std::string& words, size_t most) {
  size_t letters = 0, last = 0;  // where the letter before the limit begins
  for (size_t i = 0; i < words.size(); i += std::max<size_t>(letter_bytes(words, i), 1)) {
    if (letters + 1 <= most) last = i;
    if (++letters > most) return words.substr(0, last) + "\xe2\x80\xa6";
  }
  return words;
}

std::string coordinate(double v) {
  if (!std::isfinite(v)) return "0";
  const int64_t tenths = std::llround(std::fmin(std::fmax(v, -1e9), 1e9) * 10), size = std::abs(tenths);
  char out[32];
  char* end = out;
  if (tenths < 0) *end++ = '-';
  end = std::to_chars(end, out + sizeof out, size / 10).ptr;
  if (size % 10) *end++ = '.', *end++ = char('0' + size % 10);
  return {out, end};
}

std::string value_text(double v) {
  if (std::isnan(v)) return "NaN";
  char out[40];
  if (v == std::floor(v) && std::abs(v) < 1e9) return {out, std::to_chars(out, out + sizeof out, int64_t(v)).ptr};
  return {out, std::to_chars(out, out + sizeof out, v, std::chars_format::general, 5).ptr};
}

double guessed_width(std::string_view words, double size) {
  double letters = 0;
  for (size_t i = 0; i < words.size(); i += std::max<size_t>(letter_bytes(words, i), 1)) ++letters;
  return 0.56 * size * letters;
}

std::string data_uri(const std::string& type, std::string_view bytes) {
  return "data:" + type + ";base64," + base64(bytes);
}
std::string photograph_uri(const Tensor& image) { return data_uri("image/jpeg", text_of(encode_jpeg(image, 85))); }
std::string png_base64(const Tensor& image) { return base64(text_of(encode_png(image))); }
std::string map_uri(const Tensor& image) { return data_uri("image/png", text_of(encode_png(image))); }

const std::string& svg_style() {
  // Neighbours differ in lightness as well as in hue, and from the third series on in their dashes: the colours read in grey
  // and with any colour blindness.
  static const std::string style = [] {
    const char* series[][3] = {{"#0b4f8a", "#74b3ea", "none"},    {"#d9650a", "#ff9a4a", "none"},
                               {"#00775a", "#4fc9a8", "7 3"},     {"#b04a8f", "#e79ccd", "2 2.5"},
                               {"#6b5200", "#d8b74a", "9 3 2 3"}, {"#4d4d55", "#c4c4cc", "4 2"}};
    std::string
        light =
            R"(svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:#26262b}
svg .title{font-weight:600}svg .soft{fill:#62626b}svg .small{font-size:10.5px}svg .pale{fill:#fff}svg .dark{fill:#1b1b1f}
.paper{fill:#fff}.grid{stroke:#e6e6ea}.axis{stroke:#9a9aa3}.lead{stroke:#9a9aa3;stroke-dasharray:1 4}.track{fill:#e8e8ec}
.curve{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}.dot{stroke:none}.even{stroke:#fff;stroke-dasharray:3 4}
.hit rect{fill:#888;fill-opacity:0}.hit circle{opacity:0}.hit:hover rect{fill-opacity:.14}.hit:hover circle{opacity:1}
)",
        dark =
            "@media screen and (prefers-color-scheme:dark){svg text{fill:#e4e4e8}svg .soft{fill:#a2a2ad}"
            ".paper{fill:#17171a}.grid{stroke:#33333a}.axis{stroke:#77777f}.track{fill:#33333a}";
    for (size_t i = 0; i < std::size(series); ++i) {
      const std::string line = text(".curve.series", i, "{stroke:"), point = text(".dot.series", i, "{fill:");
      light += line + series[i][0] + ";stroke-dasharray:" + series[i][2] + "}" + point + series[i][0] + "}\n";
      dark += line + series[i][1] + "}" + point + series[i][1] + "}";
    }
    for (size_t i = 0; i < 2 * kExpertColours.size(); ++i) {  // the second eight are paler
      const auto [red, green, blue] = kExpertColours[i % kExpertColours.size()];
      const std::string colour = text("rgb(", int(red), ",", int(green), ",", int(blue), ")");
      light += text(".expert", i, "{fill:", colour, i < 8 ? "" : ";fill-opacity:.6", "}.frame", i,
                    "{fill:none;stroke-width:2.5;stroke:", colour, "}\n");
    }
    return light + dark + "}\n";
  }();
  return style;
}

void Svg::line(double x0, double y0, double x1, double y1, std::string_view attributes) {
  body_ += text("<line x1=\"", coordinate(x0), "\" y1=\"", coordinate(y0), "\" x2=\"", coordinate(x1), "\" y2=\"",
                coordinate(y1), "\" ", attributes, "/>\n");
}

void Svg::rectangle(double x, double y, double width, double height, std::string_view attributes) {
  body_ += text("<rect x=\"", coordinate(x), "\" y=\"", coordinate(y), "\" width=\"", coordinate(std::fmax(width, 0)),
                "\" height=\"", coordinate(std::fmax(height, 0)), "\" ", attributes, "/>\n");
}

void Svg::words(double x, double y, std::string_view words, Anchor anchor, std::string_view attributes) {
  constexpr const char* kAnchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
  body_ += text("<text x=\"", coordinate(x), "\" y=\"", coordinate(y), "\"", kAnchors[int(anchor)],
                attributes.empty() ? "" : " ", attributes, ">", escaped(words), "</text>\n");
}

void Svg::image(double x, double y, double width, double height, const std::string& uri, std::string_view attributes) {
  body_ +=
      text("<image x=\"", coordinate(x), "\" y=\"", coordinate(y), "\" width=\"", coordinate(width), "\" height=\"",
           coordinate(height), "\" preserveAspectRatio=\"none\" ", attributes, " href=\"", uri, "\"/>\n");
}

void Svg::add_below(const Svg& other) {
  body_ += text("<g transform=\"translate(0 ", coordinate(height_), ")\">\n", other.body_, "</g>\n");
  width_ = std::fmax(width_, other.width_), height_ += other.height_;
}

std::string Svg::opening(const std::string& label) const {
  const std::string w = coordinate(width_), h = coordinate(height_);
  return text("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", w, " ", h, "\" width=\"", w, "\" height=\"",
              h, "\" style=\"max-width:100%;height:auto\" role=\"img\" aria-label=\"", escaped(label), "\">\n");
}

std::string Svg::element(const std::string& label) const { return opening(label) + body_ + "</svg>\n"; }

std::string Svg::file(const std::string& label) const {
  return opening(label) + "<style>" + svg_style() +
         "</style>\n<rect width=\"100%\" height=\"100%\" class=\"paper\"/>\n" + body_ + "</svg>\n";
}

}  // namespace camo::program
