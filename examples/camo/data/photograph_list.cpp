#include "examples/camo/data/photograph_list.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "examples/camo/data/layout.h"
#include "tensor/image/image.h"

namespace camo::program {

namespace fs = std::filesystem;

Photographs photographs(const std::vector<std::string>& paths, const std::string& command) {
  std::vector<std::string> all;
  for (const std::string& name : paths) {
    check<DataError>(fs::exists(name), name, ": no such photograph or folder");
    if (!fs::is_directory(name)) all.push_back(name);
    else
      for (const auto& entry : fs::directory_iterator(name))
        if (entry.is_regular_file() && entry.path().filename().string()[0] != '.' && is_picture(entry.path()))
          all.push_back(entry.path());
  }
  check<DataError>(!all.empty(), command, ": the folders hold no photographs");
  std::sort(all.begin(), all.end());
  std::map<std::string, std::string> stems;
  Photographs out;
  for (const std::string& file : all) {
    auto [it, fresh] = stems.emplace(fs::path(file).stem(), file);
    check<DataError>(fresh, file, ": would get the same name as ", it->second);
    try {
      probe_image(file);
      out.files.push_back(file);
    } catch (const DataError& e) {
      out.refused.push_back(e.what());
    }
  }
  return out;
}

void report_refused(const std::string& command, const std::vector<std::string>& refused) {
  if (refused.empty()) return;
  std::fprintf(stderr, "%s: %zu %s not be read\n", command.c_str(), refused.size(),
               refused.size() == 1 ? "file could" : "files could");
  for (const std::string& line : refused) std::fprintf(stderr, "  %s\n", line.c_str());
}

}  // namespace camo::program
