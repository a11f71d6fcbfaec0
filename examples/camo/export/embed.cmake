# Writes text files into one C++ file, as strings that the program holds.
#   cmake -DOUT=FILE.cpp -DNAME=function -DFILES=a;b -P embed.cmake
# The function, in namespace camo::program, returns the texts in the order of FILES.
set(content "#include <string_view>\n#include <vector>\n\nnamespace camo::program {\n\n")
string(APPEND content "const std::vector<std::string_view>& ${NAME}() {\n")
string(APPEND content "  static const std::vector<std::string_view> texts = {\n")
foreach(path IN LISTS FILES)
  file(READ ${path} text)
  string(APPEND content "R\"embedded(${text})embedded\",\n")
endforeach()
string(APPEND content "  };\n  return texts;\n}\n\n}  // namespace camo::program\n")
file(WRITE ${OUT} "${content}")
