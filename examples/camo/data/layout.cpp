#include "examples/camo/data/layout.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <map>
#include <sstream>

#include "examples/camo/options/files.h"
#include "examples/camo/options/options.h"
#include "tensor/processes.h"

namespace camo::program {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

const Words kImageFolders = {"image", "images", "img", "imgs", "im"};
const Words kMaskFolders = {"gt_object", "gt", "mask", "masks"};
const Words kMaskSuffixes = {"_mask", "-mask", "_gt", "_seg", "_matte"};

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

/// A folder of photographs and a folder of masks.
struct Folders {
  fs::path images, masks;
  bool one_mask_folder = false;  // it serves all splits
  bool found() const { return !images.empty() && !masks.empty(); }
};

/// The folders for a split; empty if the layout does not exist.
Folders find_folders(const fs::path& root, const std::string& split) {
  fs::path images = subfolder(root, kImageFolders), masks = subfolder(root, kMaskFolders);
  if (split.empty()) return {images, masks};
  for (const std::string& word : split_folders(split)) {
    fs::path part = subfolder(root, {word});
    const std::string duts = word == "train" ? "duts-tr" : word == "test" ? "duts-te" : "";
    std::vector<Folders> layouts = {{subfolder(part, kImageFolders), subfolder(part, kMaskFolders)},
                                    {subfolder(images, {word}), subfolder(masks, {word})},
                                    {part, subfolder(root, {word + "gt", word + "_gt"})},
                                    {subfolder(images, {word}), masks, /*one_mask_folder=*/true}};
    if (!duts.empty())
      for (const fs::path& at : {root, subfolder(root, {duts})})
        layouts.push_back({subfolder(at, {duts + "-image"}), subfolder(at, {duts + "-mask"})});
    for (const Folders& found : layouts)
      if (found.found()) return found;
  }
  return {};
}

/// Reads both headers and adds the pair; adds a complaint if the sizes differ.  A file that is no picture leaves the
/// pair out.
void add_pair(const Pair& pair, const Reading& how, Found& out) {
  try {
    const ImageInfo photograph = probe_image(pair.image), mask = probe_image(pair.mask);
    out.pairs.push_back(pair);
    const ImageSize size = size_of(photograph, how), stored{photograph.stored_height, photograph.stored_width};
    const ImageSize of_mask{mask.stored_height, mask.stored_width};
    const bool turned = of_mask == stored;  // resizing would stretch it over a photograph that lies differently
    if (size == of_mask || (!turned && how.mask_resize != MaskResize::off)) return;
    out.complaints.push_back(text(
        pair.image, ": ", pixels(size), ", but its mask ", pair.mask, " is ", pixels(of_mask),
        turned ? "; the photograph is turned by its EXIF orientation [--exif ignore]" : " [--mask-resize nearest]"));
  } catch (const DataError& e) {
    out.unreadable.push_back(e.what());
  }
}

/// Adds the note "DIR: 3 files are no pictures and are left out: a, b, ...".
void note_litter(const std::string& folder, const Words& litter, Found& out) {
  if (litter.empty()) return;
  std::string names;
  for (size_t i = 0; i < std::min<size_t>(litter.size(), 3); ++i) names += (i ? ", " : "") + litter[i];
  out.notes.push_back(text(folder, ": ", litter.size(),
                           litter.size() == 1 ? " file is no picture" : " files are no pictures",
                           " and left out: ", names, litter.size() > 3 ? ", ..." : ""));
}

std::map<std::string, std::string> by_stem(const std::string& folder, Found& out) {
  std::map<std::string, std::string> files;
  Words litter;
  for (const fs::path& p : entries(folder)) {
    if (fs::is_directory(p)) out.complaints.push_back(p.string() + ": is a folder, expects images only");
    else if (!is_picture(p)) litter.push_back(p.filename());
    else if (auto [it, fresh] = files.emplace(p.stem(), p); !fresh)
      out.complaints.push_back(p.string() + ": has the same name as " + it->second);
  }
  note_litter(folder, litter, out);
  return files;
}

std::string trimmed(const std::string& s) {
  const char* space = " \t\r\n";
  const size_t begin = s.find_first_not_of(space);
  return begin == s.npos ? "" : s.substr(begin, s.find_last_not_of(space) - begin + 1);
}

/// Reads lines "image mask", separated by a tab, a comma or the only space; paths are relative to the list's folder.
Found read_list(const std::string& file, const Reading& how) {
  bool picture = false;
  try {
    picture = probe_image(file).height > 0;
  } catch (const DataError&) {}
  check<DataError>(!picture, file, ": is a picture [--data takes a folder of photographs and masks, or a list file]");
  Found out{file, {}, {}, {}};
  fs::path base = fs::path(file).parent_path();
  std::string content = read_file<DataError>(file, "list");
  if (content.starts_with("\xef\xbb\xbf")) content.erase(0, 3);  // a byte order mark
  std::istringstream in(content);
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    line = trimmed(line);
    if (line.empty() || line[0] == '#') continue;
    size_t cut = line.find('\t');
    if (cut == std::string::npos) cut = line.find(',');
    if (cut == std::string::npos && std::count(line.begin(), line.end(), ' ') == 1) cut = line.find(' ');
    if (cut == std::string::npos) {
      out.complaints.push_back(
          text("line ", number, ": expects a photograph and a mask, parted by a tab, got '", line, "'"));
      continue;
    }
    Pair pair{"", base / trimmed(line.substr(0, cut)), base / trimmed(line.substr(cut + 1))};
    pair.name = fs::path(pair.image).stem();
    add_pair(pair, how, out);
  }
  check<DataError>(!out.pairs.empty() || !out.complaints.empty() || !out.unreadable.empty(), file,
                   ": lists no photographs [lines: IMAGE, a tab, MASK]");
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

bool is_picture(const std::string& path) {
  static const Words names = {".jpg",  ".jpeg", ".jpe",  ".jfif", ".png",  ".apng", ".bmp", ".gif", ".tif",
                              ".tiff", ".webp", ".heic", ".heif", ".avif", ".jp2",  ".ppm", ".pgm"};
  if (std::count(names.begin(), names.end(), lower(fs::path(path).extension()))) return true;
  try {
    return probe_image(path).height > 0;
  } catch (const DataError&) {
    return false;
  }
}

std::vector<Pair> Found::checked(std::vector<std::string>* refused) const {
  for (const std::string& note : first_process() ? notes : Words{}) std::fprintf(stderr, "note: %s\n", note.c_str());
  Words all = complaints;
  Words& to = refused ? *refused : all;
  to.insert(to.end(), unreadable.begin(), unreadable.end());
  if (all.empty()) return pairs;
  std::string out = text(where, ": ", all.size(), all.size() == 1 ? " file does" : " files do", " not fit");
  for (size_t i = 0; i < std::min<size_t>(all.size(), 10); ++i) out += "\n  " + all[i];
  if (all.size() > 10) out += text("\n  and ", all.size() - 10, " more [camo check-data lists all]");
  throw DataError(out + remedy);
}

Found search_folders(const std::string& images, const std::string& masks, const Reading& how, bool extra_masks) {
  set_max_pixels(how.max_pixels);
  Found out{images + " with " + masks, {}, {}, {}};
  auto image = by_stem(images, out), mask = by_stem(masks, out);
  for (const auto& [stem, path] : image) {
    auto m = mask.find(stem);
    for (size_t i = 0; m == mask.end() && i < kMaskSuffixes.size(); ++i) m = mask.find(stem + kMaskSuffixes[i]);
    if (m == mask.end()) {
      out.complaints.push_back(path + ": has no mask of its name in " + masks);
      continue;
    }
    add_pair({stem, path, m->second}, how, out);
    mask.erase(m);
  }
  if (!extra_masks)
    for (const auto& [stem, path] : mask) out.complaints.push_back(path + ": has no image of its name in " + images);
  if (out.pairs.empty() && out.complaints.empty() && out.unreadable.empty())
    out.complaints.push_back(images + ": holds no images");
  return out;
}

Found search_pairs(const std::string& data, const Words& splits, const Reading& how, bool required) {
  set_max_pixels(how.max_pixels);
  if (!how.images.empty()) return search_folders(how.images, how.masks, how);
  fs::path root(data);
  check<DataError>(fs::exists(root), data, ": no such folder or list file", neighbour(root));
  if (!fs::is_directory(root)) return read_list(data, how);
  Words looked;
  for (const std::string& split : splits) {
    const Folders folders = find_folders(root, split);
    if (folders.found()) return search_folders(folders.images, folders.masks, how, folders.one_mask_folder);
    if (split.empty()) looked.push_back("Image + GT");
    else
      looked.push_back(text(split, "/Image + ", split, "/GT, Image/", split, " + GT/", split, ", Image/", split,
                            " + GT, ", split, " + ", split, "GT"));
  }
  std::string list;
  for (const std::string& l : looked) list += (list.empty() ? "" : ", ") + l;
  check<DataError>(
      !required, data, ": holds no photographs with masks in a known layout [looked for ", list,
      "; Image may be Images, Img, Im; GT may be GT_Object, Mask; or name two folders: --images DIR --masks DIR]");
  return {};
}

std::vector<Pair> find_pairs(const std::string& data, const Words& splits, const Reading& how, bool required) {
  return search_pairs(data, splits, how, required).checked();
}

}  // namespace camo::program
