#include "examples/camo/data/dataset.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <sstream>

#include "examples/camo/data/synth.h"
#include "examples/camo/options/files.h"
#include "examples/camo/options/options.h"
#include "tensor/image/image.h"

namespace camo::program {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

const Words kImageFolders = {"image", "images", "img", "imgs"};
const Words kMaskFolders = {"gt_object", "gt", "mask", "masks"};

std::string lower(std::string s) {
  for (char& c : s) c = char(std::tolower((unsigned char)c));
  return s;
}

Words split_folders(const std::string& split) {
  std::string s = lower(split);
  return s == "val" ? Words{"val", "valid", "validation", "valdataset"} : Words{s, s + "dataset", s + "ing"};
}

/// The entries of a folder sorted by name, without hidden ones.
std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (std::string name = it->path().filename(); name[0] != '.') out.push_back(it->path());
  check<DataError>(!error, folder.string(), ": cannot be read: ", error.message());
  std::sort(out.begin(), out.end());
  return out;
}

/// The subfolder with the first of these names, in upper or lower case; empty if there is none.
fs::path subfolder(const fs::path& folder, const Words& names) {
  if (folder.empty()) return {};
  std::vector<fs::path> all = entries(folder);
  for (const std::string& name : names)
    for (const fs::path& p : all)
      if (lower(p.filename()) == name && fs::is_directory(p)) return p;
  return {};
}

/// The folders of photographs and masks for a split; empty if the layout does not exist.
std::pair<fs::path, fs::path> find_folders(const fs::path& root, const std::string& split) {
  fs::path images = subfolder(root, kImageFolders), masks = subfolder(root, kMaskFolders);
  if (split.empty()) return {images, masks};
  for (const std::string& word : split_folders(split)) {
    fs::path part = subfolder(root, {word});
    std::vector<std::pair<fs::path, fs::path>> layouts = {
        {subfolder(part, kImageFolders), subfolder(part, kMaskFolders)},
        {subfolder(images, {word}), subfolder(masks, {word})},
        {part, subfolder(root, {word + "gt", word + "_gt"})}};
    for (const auto& found : layouts)
      if (!found.first.empty() && !found.second.empty()) return found;
  }
  return {};
}

/// Collects complaints and throws one error that lists up to ten.
struct Complaints {
  std::string where;
  Words all = {};
  void add(std::string what) { all.push_back(std::move(what)); }
  void raise() const {
    if (all.empty()) return;
    std::string out = text(where, ": ", all.size(), all.size() == 1 ? " file does" : " files do", " not fit");
    for (size_t i = 0; i < std::min<size_t>(all.size(), 10); ++i) out += "\n  " + all[i];
    if (all.size() > 10) out += text("\n  and ", all.size() - 10, " more");
    throw DataError(out);
  }
};

/// Reads both headers; adds a complaint if a file is not an image or the sizes differ.
void check_headers(const Pair& pair, Complaints& complaints) {
  try {
    ImageInfo image = probe_image(pair.image), mask = probe_image(pair.mask);
    if (image.height != mask.stored_height || image.width != mask.stored_width)
      complaints.add(text(pair.image, ": ", image.height, "x", image.width, ", but its mask ", pair.mask, " is ",
                          mask.stored_height, "x", mask.stored_width));
  } catch (const DataError& e) {
    complaints.add(e.what());
  }
}

std::map<std::string, std::string> by_stem(const std::string& folder, Complaints& complaints) {
  std::map<std::string, std::string> out;
  for (const fs::path& p : entries(folder)) {
    if (fs::is_directory(p)) complaints.add(p.string() + ": is a folder, expects images only");
    else if (auto [it, fresh] = out.emplace(p.stem(), p); !fresh)
      complaints.add(p.string() + ": has the same name as " + it->second);
  }
  return out;
}

/// Reads lines "image mask", separated by a tab, a comma or the only space; paths are relative to the list's folder.
std::vector<Pair> read_list(const std::string& file) {
  std::vector<Pair> out;
  Complaints complaints{file};
  fs::path base = fs::path(file).parent_path();
  std::istringstream in(read_file<DataError>(file, "list"));
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    size_t cut = line.find('\t');
    if (cut == std::string::npos) cut = line.find(',');
    if (cut == std::string::npos && std::count(line.begin(), line.end(), ' ') == 1) cut = line.find(' ');
    if (cut == std::string::npos) {
      complaints.add(text("line ", number, ": expects a photograph and a mask, parted by a tab, got '", line, "'"));
      continue;
    }
    Pair pair{"", base / line.substr(0, cut), base / line.substr(cut + 1)};
    pair.name = fs::path(pair.image).stem();
    check_headers(pair, complaints);
    out.push_back(pair);
  }
  complaints.raise();
  check<DataError>(!out.empty(), file, ": lists no photographs [lines: IMAGE, a tab, MASK]");
  return out;
}

/// " [did you mean 'camo'?]", from entries next to a path that does not exist.
std::string neighbour(const fs::path& missing) {
  fs::path parent = missing.parent_path().empty() ? "." : missing.parent_path();
  Words names;
  if (fs::is_directory(parent))
    for (const fs::path& p : entries(parent)) names.push_back(p.filename());
  std::string near = nearest(missing.filename(), names);
  return near.empty() ? "" : " [did you mean " + (missing.parent_path() / near).string() + "?]";
}

}  // namespace

std::string Dataset::name(int64_t i) const { return synthetic ? text("synthetic_", i) : pairs.at(size_t(i)).name; }

Picture Dataset::load(int64_t i, int64_t epoch) const {
  if (synthetic) {
    const Synthetic& s = *synthetic;
    SynthPair made =
        make_synthetic(s.seed, uint64_t(s.fresh ? epoch * s.count + i : i), s.height, s.width, s.difficulty);
    return {made.image, made.mask};
  }
  const Pair& pair = pairs.at(size_t(i));
  Picture out{read_image(pair.image), read_mask(pair.mask)};
  check<DataError>(out.image.dim(0) == out.mask.dim(0) && out.image.dim(1) == out.mask.dim(1), pair.image, ": ",
                   out.image.shape(), ", but its mask ", pair.mask, " is ", out.mask.shape());
  return out;
}

std::vector<Pair> pair_folders(const std::string& images, const std::string& masks) {
  Complaints complaints{images + " with " + masks};
  auto image = by_stem(images, complaints), mask = by_stem(masks, complaints);
  std::vector<Pair> out;
  for (const auto& [stem, path] : image) {
    if (auto m = mask.find(stem); m != mask.end()) {
      out.push_back({stem, path, m->second});
      check_headers(out.back(), complaints);
    } else {
      complaints.add(path + ": has no mask of its name in " + masks);
    }
  }
  for (const auto& [stem, path] : mask)
    if (!image.count(stem)) complaints.add(path + ": has no image of its name in " + images);
  complaints.raise();
  check<DataError>(!out.empty(), images, ": holds no images");
  return out;
}

std::vector<Pair> find_pairs(const std::string& data, const Words& splits, bool required) {
  fs::path root(data);
  check<DataError>(fs::exists(root), data, ": no such folder or list file", neighbour(root));
  if (!fs::is_directory(root)) return read_list(data);
  Words looked;
  for (const std::string& split : splits) {
    auto [images, masks] = find_folders(root, split);
    if (!images.empty() && !masks.empty()) return pair_folders(images, masks);
    if (split.empty()) looked.push_back("Image + GT");
    else
      looked.push_back(
          text(split, "/Image + ", split, "/GT, Image/", split, " + GT/", split, ", ", split, " + ", split, "GT"));
  }
  std::string list;
  for (const std::string& l : looked) list += (list.empty() ? "" : ", ") + l;
  check<DataError>(!required, data, ": holds no photographs with masks in a known layout [looked for ", list,
                   "; Image may be Images, Img, Imgs; GT may be GT_Object, Mask, Masks]");
  return {};
}

}  // namespace camo::program
