#include "examples/camo/data/check.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <unordered_map>

#include "examples/camo/data/loader.h"
#include "examples/camo/data/meter.h"
#include "examples/camo/options/files.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace camo::program {
namespace {

namespace fs = std::filesystem;

struct Range {
  int low = 255, high = 0;
};
Range range_of(const Tensor& x) {
  Range out;
  const uint8_t* p = x.read<uint8_t>();
  for (int64_t i = 0; i < x.numel(); ++i)
    out.low = std::min<int>(out.low, p[i]), out.high = std::max<int>(out.high, p[i]);
  return out;
}

/// Fills what a verdict says of the mask.
void look_at_mask(const std::string& file, const Reading& how, PairVerdict& v) {
  const ImageInfo info = probe_image(file);
  const Tensor stored = read_mask(file, how.channel());
  const Range values = range_of(stored);
  v.low = values.low, v.high = values.high;
  if (info.format == "png" && info.channels % 2 == 0) {
    const Range alpha = range_of(read_mask(file, MaskChannel::alpha));
    v.alpha_low = alpha.low, v.alpha_high = alpha.high;
  }
  const uint8_t* p = stored.read<uint8_t>();
  int64_t between = 0, object = 0;
  for (int64_t i = 0; i < stored.numel(); ++i)
    between += p[i] != v.low && p[i] != v.high, object += p[i] > how.mask_above;
  v.between = double(between) / double(stored.numel()), v.object = double(object) / double(stored.numel());
}

PairVerdict look(const Pair& pair, const Reading& how) {
  PairVerdict v;
  try {
    v.orientation = probe_image(pair.image).orientation;
    const Picture picture = read_pair(pair, how);
    v.height = picture.image.dim(0), v.width = picture.image.dim(1);
    const std::string_view bytes(reinterpret_cast<const char*>(picture.image.raw()), size_t(picture.image.numel()));
    v.content = hash(bytes);
    look_at_mask(pair.mask, how, v);
  } catch (const DataError& e) {
    v.problem = e.what();
  }
  return v;
}

/// "SIZE TIME" of a file; the time in nanoseconds.
std::string stamp(const std::string& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) return "absent";
  return text(s.st_size, " ", int64_t(s.st_mtim.tv_sec) * 1'000'000'000 + s.st_mtim.tv_nsec);
}

/// The verdicts of earlier starts.  The cache only saves time: a file that cannot be read or written is no error.
class Cache {
 public:
  Cache(const std::vector<Pair>& pairs, const Reading& how) {
    const char *xdg = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
    if (pairs.empty() || (!(xdg && *xdg) && !(home && *home))) return;
    const fs::path folder = (xdg && *xdg ? fs::path(xdg) : fs::path(home) / ".cache") / "camo";
    std::string key = kVersion + rules(how);
    for (const Pair* p : {&pairs.front(), &pairs.back()}) key += fs::absolute(p->image).string() + "\n";
    file_ = folder / text("checked-", std::hex, hash(key), ".txt");
    try {
      std::istringstream in(read_file<DataError>(file_));
      for (std::string line; std::getline(in, line);)
        if (const size_t tab = line.rfind('\t'); tab != line.npos) known_[line.substr(0, tab)] = line.substr(tab + 1);
    } catch (const Error&) {}
  }

  bool find(const std::string& key, PairVerdict& v) const {
    const auto it = known_.find(key);
    if (it == known_.end()) return false;
    std::istringstream in(it->second);
    return bool(in >> v.height >> v.width >> v.orientation >> v.low >> v.high >> v.alpha_low >> v.alpha_high >>
                v.between >> v.object >> v.content);
  }
  /// Only pairs that can be read are kept: a broken file may have been broken on its way here.
  void add(const std::string& key, const PairVerdict& v) {
    if (file_.empty() || !v.problem.empty() || key.find('\n') != key.npos) return;
    std::ostringstream out;
    out.precision(17);
    out << v.height << ' ' << v.width << ' ' << v.orientation << ' ' << v.low << ' ' << v.high << ' ' << v.alpha_low
        << ' ' << v.alpha_high << ' ' << v.between << ' ' << v.object << ' ' << v.content;
    known_[key] = out.str();
    changed_ = true;
  }
  void write() const {
    if (!changed_) return;
    std::vector<std::string> lines;
    for (const auto& [key, value] : known_) lines.push_back(key + "\t" + value + "\n");
    std::sort(lines.begin(), lines.end());
    std::string all;
    for (const std::string& line : lines) all += line;
    std::error_code error;
    fs::create_directories(file_.parent_path(), error);
    try {
      write_file(file_.string(), all);
    } catch (const Error&) {}
  }

 private:
  static constexpr const char* kVersion = "1\n";  // of the lines below and of what look() decides
  fs::path file_;
  std::unordered_map<std::string, std::string> known_;
  bool changed_ = false;
};

}  // namespace

std::string rules(const Reading& how) {
  std::string out;
  Reading copy = how;
  for (const Option& o : options(copy)) out += o.name + "=" + shown(o) + "\n";
  return out;
}

std::string stamped(const Pair& p) {
  return text(fs::absolute(p.image).string(), "\t", stamp(p.image), "\t", fs::absolute(p.mask).string(), "\t",
              stamp(p.mask));
}

std::vector<PairVerdict> look_at(const std::vector<Pair>& pairs, const Reading& how, int64_t threads,
                                 const std::function<void(int64_t)>& progress) {
  set_max_pixels(how.max_pixels);
  Cache cache(pairs, how);
  std::vector<PairVerdict> out(pairs.size());
  std::vector<std::string> keys;
  std::vector<int64_t> fresh;
  for (size_t i = 0; i < pairs.size(); ++i) {
    keys.push_back(stamped(pairs[i]));
    if (!cache.find(keys[i], out[i])) fresh.push_back(int64_t(i));
  }
  Loader<PairVerdict> loader([&](int64_t i) { return look(pairs[size_t(i)], how); }, fresh, threads > 1 ? threads : 0,
                             2 * threads);
  Meter meter("checking the data", int64_t(fresh.size()));
  for (size_t k = 0; k < fresh.size(); ++k) {
    const size_t i = size_t(fresh[k]);
    out[i] = *loader.next();
    cache.add(keys[i], out[i]);
    meter(int64_t(k) + 1);
    if (progress) progress(int64_t(k) + 1);
  }
  cache.write();
  return out;
}

std::vector<PairVerdict> look_at_masks(const std::vector<std::string>& files, const Reading& how) {
  std::vector<PairVerdict> out(files.size());
  parallel_chunks(int64_t(files.size()), 1, [&](int64_t i, int64_t) {
    try {
      look_at_mask(files[i], how, out[i]);
    } catch (const DataError& e) {
      out[i].problem = e.what();
    }
  });
  return out;
}

std::string mask_problem(const std::vector<PairVerdict>& verdicts, const Reading& how) {
  int low = 255, high = 0, alpha_low = 255;
  bool some = false, none_full = false, any = false;
  for (const PairVerdict& v : verdicts) {
    if (!v.problem.empty()) continue;
    some = true, any = any || v.object > 0, none_full = none_full || v.object < 1;
    low = std::min(low, v.low), high = std::max(high, v.high), alpha_low = std::min(alpha_low, v.alpha_low);
  }
  if (!some || (any && none_full)) return {};
  const std::string remedy = !how.mask_alpha && alpha_low < 255 ? " [--mask-alpha]"
                             : high > low                       ? text(" [--mask-above ", low, "]")
                                                                : "";
  if (!any) return text("no mask has a value above ", how.mask_above, ": they hold ", low, " to ", high, remedy);
  return text("every mask marks its whole picture: they hold ", low, " to ", high, remedy);
}

std::string turned_note(const std::vector<PairVerdict>& verdicts, const Reading& how) {
  if (how.exif == Exif::ignore) return {};
  const auto n = std::count_if(verdicts.begin(), verdicts.end(), [](const PairVerdict& v) {
    return (v.orientation >= 2 && v.orientation <= 4) || (v.orientation >= 5 && v.height == v.width);
  });
  if (n == 0) return {};
  return text(n, n == 1 ? " photograph is" : " photographs are",
              " turned by EXIF, masks never are [--exif ignore, if the masks were drawn on the stored pixels]");
}

std::vector<PairVerdict> check_content(const std::vector<Pair>& pairs, const Reading& how, int64_t threads,
                                       const std::string& where) {
  const std::vector<PairVerdict> verdicts = look_at(pairs, how, threads);
  Found found{where, pairs, {}, {}, {}};
  for (const PairVerdict& v : verdicts)
    if (!v.problem.empty()) found.complaints.push_back(v.problem);
  if (!found.complaints.empty()) found.remedy = " [camo check-data --fix copies the others]";
  if (const std::string note = turned_note(verdicts, how); !note.empty()) found.notes.push_back(where + ": " + note);
  found.checked();
  const std::string problem = mask_problem(verdicts, how);
  check<DataError>(problem.empty(), where, ": ", problem);
  return verdicts;
}

}  // namespace camo::program
