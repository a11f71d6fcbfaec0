#include "examples/camo/report/page.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>

#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"

namespace camo::program {
namespace {

constexpr const char* kPageStyle = R"(
:root{--paper:#fff;--ink:#1d1d21;--soft:#5e5e68;--rule:#dcdce1;--box:#f4f4f6;--warn:#9a4a00}
@media screen and (prefers-color-scheme:dark){:root{--paper:#17171a;--ink:#e4e4e8;--soft:#a2a2ad;--rule:#3a3a42;--box:#222227;--warn:#ffb066}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:28px 20px 72px;color:var(--ink);background:var(--paper);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.7rem;font-weight:600;line-height:1.2;margin:0 0 4px}
h2{font-size:1.1rem;font-weight:600;margin:44px 0 14px;padding-top:12px;border-top:1px solid var(--rule)}
p{margin:6px 0 12px;max-width:44em}.soft{color:var(--soft)}.warn{color:var(--warn)}
.figures{display:flex;flex-wrap:wrap;gap:14px 40px;margin:18px 0 6px}
.figures b{display:block;font-size:1.55rem;font-weight:600;line-height:1.15;font-variant-numeric:tabular-nums}
.figures span{color:var(--soft);font-size:.88rem}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:20px 28px}
.charts svg{width:100%;height:auto}
.pictures{display:flex;flex-wrap:wrap;gap:24px 32px;align-items:flex-start}
figure{margin:0;width:520px;max-width:100%}figure img,figure svg{width:100%;height:auto;display:block}
figcaption{color:var(--soft);font-size:.88rem;margin-bottom:6px}
pre{background:var(--box);border-radius:6px;padding:10px 14px;margin:0 0 8px;white-space:pre-wrap;font:.86rem/1.5 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;user-select:all}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.92rem;overflow-wrap:normal}
th,td{text-align:left;vertical-align:top;padding:4px 22px 4px 0;border-bottom:1px solid var(--rule);font-weight:400}
thead th{color:var(--soft)}td.n{text-align:right;font-variant-numeric:tabular-nums}td{overflow-wrap:break-word}td:first-child{white-space:pre}
ul{padding-left:1.1em;margin:6px 0 12px}summary{cursor:pointer;margin:14px 0 8px;color:var(--soft)}
.bar{fill:#7a9cc0}#value{position:fixed;left:12px;bottom:12px;white-space:pre-line;background:var(--ink);color:var(--paper);padding:6px 12px;border-radius:6px;font-size:.88rem}
#value:empty{display:none}
@media (max-width:480px){body{padding:18px 12px 56px}.figures{gap:12px 28px}.figures b{font-size:1.3rem}th,td{padding-right:14px}}
@media print{body{max-width:none;padding:0;font-size:10.5pt}h2{break-after:avoid}.charts{grid-template-columns:1fr 1fr}
.charts svg,figure,tr,pre{break-inside:avoid}#value{display:none}figure{width:46%}}
)";

// A telephone has no pointer that rests on a chart: there a touch shows what the <title> says.
constexpr const char* kPageScript = R"(document.addEventListener('pointerdown',function(e){
if(e.pointerType!='mouse'){var g=e.target.closest('.hit');document.getElementById('value').textContent=g?g.querySelector('title').textContent:'';}});)";

constexpr size_t kMostLettersOfLine = 400, kMostRows = 500;  // of a table: more is not for reading

bool plain_for_shell(const std::string& words) {
  for (char c : words)
    if (!std::isalnum(uint8_t(c)) && std::string_view("_-./,:=+@%").find(c) == std::string_view::npos) return false;
  return !words.empty();
}

/// Bytes as the text of an address: shorter than base64 where most of them are base64 already.
std::string percent_encoded(const std::string& bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 8);
  for (char c : bytes)
    if (std::isalnum(uint8_t(c)) || std::string_view("-_.~/+=:;,()*!").find(c) != std::string_view::npos) out += c;
    else out += '%', out += "0123456789ABCDEF"[uint8_t(c) >> 4], out += "0123456789ABCDEF"[uint8_t(c) & 15];
  return out;
}

std::string cells(const std::vector<std::string>& row, const char* tag, bool numbers) {
  std::string out = "<tr>";
  for (size_t i = 0; i < row.size(); ++i)
    out += text("<", tag, i > 0 && numbers ? " class=\"n\">" : ">", escaped(shortened(row[i], kMostLettersOfLine)),
                "</", tag, ">");
  return out + "</tr>\n";
}

std::string table_text(const Page::Table& table) {
  std::string out = "<div class=\"scroll\"><table>\n";
  if (!table.heads.empty()) out += text("<thead>", cells(table.heads, "th", table.numbers), "</thead>\n");
  out += "<tbody>\n";
  for (size_t i = 0; i < std::min(table.rows.size(), kMostRows); ++i) out += cells(table.rows[i], "td", table.numbers);
  return out + "</tbody></table></div>\n";
}

}  // namespace

std::string shell_quoted(const std::string& words) {
  if (words.starts_with("-")) return shell_quoted("./" + words);
  if (plain_for_shell(words)) return words;
  const bool readable =
      escaped(words).find("\xef\xbf\xbd") == std::string::npos && words.find('\n') == std::string::npos;
  std::string out = readable ? "'" : "$'";
  for (char c : words)
    if (readable) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    else if (std::isalnum(uint8_t(c)) || c == '/' || c == '.') out += c;
    else out += "\\x", out += "0123456789abcdef"[uint8_t(c) >> 4], out += "0123456789abcdef"[uint8_t(c) & 15];
  return out + "'";
}

void Page::heading(const std::string& words) { body_ += text("<h1>", escaped(words), "</h1>\n"); }
void Page::section(const std::string& words) { body_ += text("<h2>", escaped(words), "</h2>\n"); }

void Page::paragraph(const std::string& words, const char* style) {
  body_ += text("<p class=\"", style, "\">", escaped(words), "</p>\n");
}

void Page::list(const std::vector<std::string>& lines) {
  body_ += "<ul>\n";
  for (const std::string& line : lines) body_ += text("<li>", escaped(shortened(line, kMostLettersOfLine)), "</li>\n");
  body_ += "</ul>\n";
}

void Page::figures(const std::vector<std::pair<std::string, std::string>>& figures) {
  body_ += "<div class=\"figures\">\n";
  for (const auto& [figure, what] : figures)
    body_ += text("<div><b>", escaped(figure), "</b><span>", escaped(what), "</span></div>\n");
  body_ += "</div>\n";
}

void Page::commands(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) body_ += text("<pre>", escaped(line), "</pre>\n");
}

void Page::charts(const std::vector<Chart>& charts, const std::string& summary) {
  if (!summary.empty()) body_ += text("<details><summary>", escaped(summary), "</summary>\n");
  body_ += "<div class=\"charts\">\n";
  for (const Chart& chart : charts) body_ += draw_chart(chart).element(chart.title);
  body_ += summary.empty() ? "</div>\n" : "</div></details>\n";
}

void Page::picture(const Svg& picture, const std::string& caption) {
  body_ += text("<figure><figcaption>", escaped(caption), "</figcaption>", picture.element(caption), "</figure>\n");
}

void Page::table(const Table& table) { body_ += table_text(table); }

void Page::folded(const std::string& summary, const Table& table) {
  body_ += text("<details><summary>", escaped(summary), "</summary>\n", table_text(table), "</details>\n");
}

void Page::picture_file(const std::string& folder, const std::string& name, const std::string& caption) {
  for (const auto& [suffix, type] : {std::pair(".svg", "image/svg+xml"), {".png", "image/png"}}) {
    const std::string file = folder + "/" + name + suffix;
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) continue;
    const double size = double(std::filesystem::file_size(file, error));
    std::string uri;
    try {
      if (!error && size <= double(kMostPage)) {
        const std::string bytes = read_file<DataError>(file, "report");
        uri =
            suffix == std::string(".svg") ? text("data:image/svg+xml,", percent_encoded(bytes)) : data_uri(type, bytes);
      }
    } catch (const DataError& e) {
      return paragraph(e.what(), "warn");
    }
    if (uri.empty() || body_.size() + uri.size() > kMostPage)
      return paragraph(
          text(name, suffix, " (", bytes_text(size), ") is in the run folder; here it would make the page too large"),
          "soft");
    body_ += text("<figure><figcaption>", escaped(caption), "</figcaption><img alt=\"", escaped(caption), "\" src=\"",
                  uri, "\"/></figure>\n");
    return;
  }
}

bool has_picture(const std::string& folder, const std::string& name) {
  std::error_code error;
  return std::filesystem::is_regular_file(folder + "/" + name + ".svg", error) ||
         std::filesystem::is_regular_file(folder + "/" + name + ".png", error);
}

std::string Page::html() const {
  return text(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"/>\n<title>",
      escaped(title_), "</title>\n<style>", svg_style(), kPageStyle, "</style>\n</head>\n<body>\n", body_,
      "<output id=\"value\"></output>\n<script>", kPageScript, "</script>\n</body>\n</html>\n");
}

}  // namespace camo::program
