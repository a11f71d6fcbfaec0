// A page of HTML that needs nothing else: styles and pictures are in it, it opens from disk, on a telephone and in print.
// It is well-formed XML too, and every word that comes from a file is escaped.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/draw/plot.h"

namespace camo::program {

/// Words for a shell: as they are, in quotes, or as $'...' of bash where they hold control characters or no UTF-8.
std::string shell_quoted(const std::string& words);

class Page {
 public:
  explicit Page(std::string title) : title_(std::move(title)) {}

  void heading(const std::string& words);
  void section(const std::string& words);
  void paragraph(const std::string& words, const char* style = "");
  void list(const std::vector<std::string>& lines);
  /// Figures with what they are: "0.815" and "IoU, epoch 9".
  void figures(const std::vector<std::pair<std::string, std::string>>& figures);
  /// Lines to copy.
  void commands(const std::vector<std::string>& lines);
  /// summary: they open on request, below it.
  void charts(const std::vector<Chart>& charts, const std::string& summary = "");
  /// What follows until end_gallery() stands side by side.
  void begin_gallery() { body_ += "<div class=\"pictures\">\n"; }
  void end_gallery() { body_ += "</div>\n"; }
  void picture(const Svg& picture, const std::string& caption);

  /// Cells in rows, below their heads; the first column names the rows.  numbers: the others are numbers.
  struct Table {
    std::vector<std::string> heads;
    std::vector<std::vector<std::string>> rows;
    bool numbers = false;
  };
  void table(const Table& table);
  /// A table that opens on request.
  void folded(const std::string& summary, const Table& table);

  /// A picture from a file, NAME.svg or of older runs NAME.png, as an image, in which no script runs.  Left out with a
  /// sentence if the page would become larger than kMostPage; nothing if there is no file.
  void picture_file(const std::string& folder, const std::string& name, const std::string& caption);

  std::string html() const;

 private:
  std::string title_, body_;
};

/// Whether picture_file would find a file.
bool has_picture(const std::string& folder, const std::string& name);

constexpr size_t kMostPage = 2'900'000;  // bytes of a page with its pictures

}  // namespace camo::program
