#include "examples/camo/export/python.h"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "tensor/error.h"

namespace camo::program {
namespace {

using Lines = std::vector<std::string>;

constexpr std::string_view kMark = "  # if ";

bool is_blank(const std::string& line) { return line.find_first_not_of(' ') == line.npos; }
size_t indent(const std::string& line) { return line.find_first_not_of(' '); }
bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// True if the words of a mark hold.
bool holds(const std::string& mark, const std::set<std::string>& words) {
  std::istringstream stream(mark);
  bool wanted = true;
  for (std::string word; stream >> word;) {
    if (word == "not") wanted = false;
    if (word == "not" || word == "and") continue;
    if ((words.count(word) > 0) != wanted) return false;
    wanted = true;
  }
  return true;
}

/// The lines of a piece that hold, without their marks.
Lines holding(std::string_view piece, const std::set<std::string>& words) {
  Lines out;
  std::istringstream stream{std::string(piece)};
  size_t dropped = std::string::npos;  // the indentation of the line whose block is left out
  for (std::string line; std::getline(stream, line);) {
    if (dropped != line.npos && (is_blank(line) || indent(line) > dropped)) continue;
    dropped = line.npos;
    const size_t mark = line.find(kMark);
    if (mark == line.npos) {
      out.push_back(line);
      continue;
    }
    const std::string code = line.substr(0, mark);
    if (holds(line.substr(mark + kMark.size()), words)) out.push_back(code);
    else if (code.back() == ':') dropped = indent(code);
  }
  return out;
}

/// An unindented statement and what belongs to it; the name that it defines, or "" for an import or a docstring.
struct Statement {
  std::string name, text;
};

std::string name_in(const std::string& line) {
  if (line.rfind("if __name__", 0) == 0) return "__main__";
  size_t begin = 0;
  for (const char* word : {"class ", "def "})
    if (line.rfind(word, 0) == 0) begin = std::string(word).size();
  size_t end = begin;
  while (end < line.size() && in_name(line[end])) ++end;
  const bool defines = begin > 0 || line.compare(end, 3, " = ") == 0;
  return defines ? line.substr(begin, end - begin) : "";
}

std::vector<Statement> statements(const Lines& lines) {
  std::vector<Statement> out;
  for (const std::string& line : lines) {
    const bool begins = !is_blank(line) && indent(line) == 0 && line[0] != ')';
    if (begins) out.push_back({name_in(line), ""});
    if (!out.empty()) out.back().text += line + "\n";
  }
  for (Statement& s : out)
    while (s.text.ends_with("\n\n")) s.text.pop_back();
  return out;
}

/// The names that code uses, without attributes (.name), comments and strings.
std::set<std::string> used_names(const std::string& text) {
  std::set<std::string> out;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '"') {
      const std::string quote = text.compare(i, 3, "\"\"\"") == 0 ? "\"\"\"" : "\"";
      i = std::min(text.find(quote, i + quote.size()), text.size() - quote.size()) + quote.size();
    } else if (in_name(c)) {
      const size_t begin = i;
      while (i < text.size() && in_name(text[i])) ++i;
      if (begin == 0 || text[begin - 1] != '.') out.insert(text.substr(begin, i - begin));
    } else {
      ++i;
    }
  }
  return out;
}

bool is_import(const std::string& text) { return text.rfind("import ", 0) == 0 || text.rfind("from ", 0) == 0; }

/// The imports of other packages that bind a used name: Python's own, a blank line, PyTorch's; `import` before `from`.
std::string imports_text(const std::set<std::string>& imports, const std::set<std::string>& used) {
  std::string parts[2][2];
  for (const std::string& line : imports) {  // sorted
    const std::string name = line.substr(line.rfind(' ') + 1);
    const bool torch = line.find(" torch") != line.npos, from = line[0] == 'f';
    if (used.count(name)) parts[torch][from] += line + "\n";
  }
  return parts[0][0] + parts[0][1] + "\n" + parts[1][0] + parts[1][1];
}

/// "NAME = old  # comment" with a new value.
std::string with_value(const Statement& constant, const std::string& value) {
  const size_t comment = constant.text.find("  # ");
  return constant.name + " = " + value + (comment == std::string::npos ? "\n" : constant.text.substr(comment));
}

/// Adds a statement and all that it needs.
void need(const std::string& name, const std::map<std::string, Statement*>& known, std::set<std::string>& needed) {
  const auto found = known.find(name);
  if (found == known.end() || !needed.insert(name).second) return;
  for (const std::string& other : used_names(found->second->text)) need(other, known, needed);
}

}  // namespace

std::string python_text(const std::vector<std::string_view>& pieces, const PythonFile& about) {
  std::vector<std::vector<Statement>> files;
  for (std::string_view piece : pieces) files.push_back(statements(holding(piece, about.words)));
  std::map<std::string, Statement*> known;
  std::set<std::string> imports, needed, used;
  for (auto& file : files)
    for (Statement& s : file) {
      if (const auto value = about.constants.find(s.name); value != about.constants.end())
        s.text = with_value(s, value->second);
      if (const auto other = about.functions.find(s.name); other != about.functions.end()) s.text = other->second;
      if (!s.name.empty()) known[s.name] = &s;
      if (is_import(s.text) && s.text.rfind("from .", 0) != 0) imports.insert(s.text.substr(0, s.text.size() - 1));
    }
  for (const auto& [name, text] : about.functions)
    for (const std::string& word : used_names(text))
      check<ConfigError>(!std::isupper(static_cast<unsigned char>(word[0])) || known.count(word),
                         "camo export: there is no ", word, " in Python yet");
  need("__main__", known, needed);

  std::string constants, definitions;
  for (const auto& file : files)
    for (const Statement& s : file) {
      if (!needed.count(s.name)) continue;
      for (const std::string& name : used_names(s.text)) used.insert(name);
      const bool constant = s.text.rfind("def ", 0) != 0 && s.text.rfind("class ", 0) != 0 && s.name != "__main__";
      constant ? constants += s.text : definitions += "\n\n" + s.text;
    }
  return "\"\"\"" + about.docstring + "\"\"\"\n\n" + imports_text(imports, used) + "\n" + constants + definitions;
}

}  // namespace camo::program
