#include "examples/camo/data/photograph_list.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "tensor/image/image.h"

namespace camo::program {

namespace fs = std::filesystem;

std::vector<std::string> photographs(const std::vector<std::string>& paths, const std::string& command) {
  std::vector<std::string> out;
  for (const std::string& name : paths) {
    check<DataError>(fs::exists(name), name, ": no such photograph or folder");
    if (!fs::is_directory(name)) out.push_back(name);
    else
      for (const auto& entry : fs::directory_iterator(name))
        if (entry.is_regular_file() && entry.path().filename().string()[0] != '.') out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  std::map<std::string, std::string> stems;
  for (const std::string& file : out) {
    probe_image(file);
    auto [it, fresh] = stems.emplace(fs::path(file).stem(), file);
    check<DataError>(fresh, file, ": would get the same name as ", it->second);
  }
  check<DataError>(!out.empty(), command, ": the folders hold no photographs");
  return out;
}

}  // namespace camo::program
