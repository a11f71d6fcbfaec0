#include "examples/camo/metrics/image_table.h"

#include <charconv>
#include <set>

#include "examples/camo/options/format.h"

namespace camo::program {
namespace {

/// Returns the cells of the line at `at`, and moves `at` to the next line.
std::vector<std::string> take_line(const std::string& text, size_t& at) {
  std::vector<std::string> cells(1);
  bool inside = false;  // inside quotes
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"' && inside && at + 1 < text.size() && text[at + 1] == '"') cells.back() += text[at++];
    else if (c == '"') inside = !inside;
    else if (inside) cells.back() += c;
    else if (c == ',') cells.emplace_back();
    else if (c == '\n') break;
    else if (c != '\r') cells.back() += c;
  }
  ++at;
  return cells;
}

}  // namespace

ImageTable image_table(const std::vector<std::string>& names, const std::vector<ImageMeasures>& images) {
  ImageTable out{{}, names, {}};
  for (const MeasureInfo& m : kMeasures) out.columns.push_back(m.name);
  for (const ImageMeasures& image : images) {
    out.rows.emplace_back();
    for (const MeasureInfo& m : kMeasures) out.rows.back().push_back(image.*m.value);
  }
  return out;
}

std::string to_csv(const ImageTable& table) {
  std::string out = "name";
  for (const std::string& c : table.columns) out.append(",").append(csv_field(c));
  out += "\n";
  for (size_t i = 0; i < table.rows.size(); ++i) {
    out += csv_field(table.names[i]);
    for (double x : table.rows[i]) {
      char word[32];
      out.append(",").append(word, std::to_chars(word, word + sizeof word, x).ptr);
    }
    out += "\n";
  }
  return out;
}

ImageTable parse_csv(const std::string& text, const std::string& where) {
  size_t at = 0;
  int64_t line = 1;
  ImageTable out;
  out.columns = take_line(text, at);
  check<DataError>(out.columns[0] == "name" && out.columns.size() > 1, where,
                   ": the first line must be name,MEASURE,... [camo eval --csv writes such files]");
  out.columns.erase(out.columns.begin());
  std::set<std::string> seen;
  while (at < text.size()) {
    const std::vector<std::string> cells = take_line(text, at);
    ++line;
    check<DataError>(cells.size() == out.columns.size() + 1, where, ": line ", line, " must have ",
                     out.columns.size() + 1, " columns, got ", cells.size());
    check<DataError>(seen.insert(cells[0]).second, where, ": line ", line, ": '", cells[0], "' stands there twice");
    out.names.push_back(cells[0]);
    out.rows.emplace_back();
    for (size_t c = 1; c < cells.size(); ++c) {
      double x = 0;
      const char *begin = cells[c].data(), *end = begin + cells[c].size();
      auto [stop, error] = std::from_chars(begin, end, x);
      check<DataError>(error == std::errc() && stop == end, where, ": line ", line, ": ", out.columns[c - 1],
                       " must be a number, got '", cells[c], "'");
      out.rows.back().push_back(x);
    }
  }
  check<DataError>(!out.rows.empty(), where, ": has no images");
  return out;
}

}  // namespace camo::program
