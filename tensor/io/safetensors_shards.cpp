// Sharded sets: an index names the file of each tensor, and every file is a safetensors file of its own.
//
// The index is parsed twice and not kept: first for the names of the files, then, after all headers have been checked,
// to compare its map with them.  So an index takes no more memory than its own size.
#include <algorithm>
#include <filesystem>
#include <set>

#include "tensor/io/safetensors_index.h"
#include "tensor/io/safetensors_read.h"

namespace camo::detail {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMaxShards = 512, kMaxFileName = 255;
constexpr const char* kOp = "read_tensors";

const char* bad_file_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > kMaxFileName) return "is longer than 255 bytes";
  if (name == "." || name == "..") return "is a folder";
  if (name.find_first_of("/\\") != name.npos) return "leads elsewhere";
  return has_control(name) ? "has a control character" : nullptr;
}

/// Parses a whole index.  f receives each pair; metadata goes to `metadata`, or is skipped when that is null.
template <class F> void walk(std::string_view json, const std::string& who, Metadata* metadata, const F& f) {
  JsonScanner s(json, who);
  if (metadata) s.begin();
  bool metadata_seen = false, map_seen = false;
  s.object(17, [&](const std::string& key) {
    const bool map = key == "weight_map";
    if (!map && key != "metadata") s.refuse(17, "key ", shown(key), "; legal are metadata, weight_map");
    if (std::exchange(map ? map_seen : metadata_seen, true)) s.refuse(4, "key ", shown(key), " twice");
    if (!map) return metadata ? parse_metadata(s, *metadata, 4) : s.skip(11, 5);
    s.object(17, [&](const std::string& tensor) { f(s, tensor, s.string(17)); });
  });
  s.end();
  if (!map_seen) s.refuse(17, "an index needs weight_map");
}

struct Set {
  std::vector<OpenFile> shards;
  Metadata metadata;
  size_t tensors = 0;
  bool verified = false;  // every shard has matching checksums
  std::string format() const { return text("safetensors, ", shards.size(), " shard", shards.size() == 1 ? "" : "s"); }
};

/// Rule 20: the map and the shards name the same tensors.
void compare(const Set& set, const ParsedIndex& index, const std::string& json, const std::string& who) {
  std::vector<std::vector<uint32_t>> by_name;  // per shard: indices of its tensors, sorted by name
  for (const OpenFile& shard : set.shards) {
    const auto& t = shard.header.tensors;
    auto& places = by_name.emplace_back(t.size());
    for (uint32_t i = 0; i < t.size(); ++i) places[i] = i;
    std::sort(places.begin(), places.end(), [&](uint32_t a, uint32_t b) { return t[a].name < t[b].name; });
  }
  constexpr uint32_t kSeen = 1u << 31;  // marks an entry that the map has named; there are fewer than 2^31 tensors
  auto refuse = [&](const auto&... parts) { throw WeightsError(text(who, ": rule ", parts...)); };
  walk_index(json, who, [&](const std::string& name, const std::string& file) {
    const size_t k = size_t(std::lower_bound(index.files.begin(), index.files.end(), file) - index.files.begin());
    const auto& t = set.shards[k].header.tensors;
    auto before = [&](uint32_t place, const std::string& other) { return t[place & ~kSeen].name < other; };
    auto place = std::lower_bound(by_name[k].begin(), by_name[k].end(), name, before);
    if (place == by_name[k].end() || t[*place & ~kSeen].name != name)
      refuse(20, ": ", shown(name), " is not in ", shown(file));
    if (*place & kSeen) refuse(4, ": key ", shown(name), " twice");
    *place |= kSeen;
  });
  for (size_t k = 0; k < by_name.size(); ++k)
    for (uint32_t place : by_name[k])
      if (!(place & kSeen))
        refuse(20, ": ", shown(set.shards[k].header.tensors[place].name), " of ", shown(index.files[k]),
               " is not in weight_map, or under another file");
}

/// Rule 19: the path of a shard, with links resolved.
std::string resolve(const std::string& path, const std::string& file, const std::string& who) {
  std::error_code none;
  const fs::path given = fs::path(path).parent_path(), here = given.empty() ? fs::path(".") : given;
  const fs::path at = fs::canonical(here / file, none);
  if (none) return (here / file).string();  // the file is missing: opening it reports why
  const fs::path folder = at.parent_path();
  check<WeightsError>(folder == fs::canonical(here, none) || folder == fs::canonical(path, none).parent_path(), who,
                      ": rule 19: ", shown(file), " leads to ", at.string(), ", outside the set's folder");
  return at.string();
}

Set open_set(const std::string& path, const ReadOptions& options) {
  auto file = InputFile::open<WeightsError>(path, kOp, "rule 15: ");
  const std::string who = text(kOp, ": ", path);
  check<WeightsError>(file.size() <= options.max_header, who, ": rule 17: index of ", file.size(),
                      " bytes, the limit is ", options.max_header, " [ReadOptions::max_header, --max-header]");
  std::string json(size_t(file.size()), '\0');
  const bool read = file.read(0, json.data(), file.size());
  check<WeightsError>(file.unchanged(), who, ": rule 15: changes while it is read [wait until it is written]");
  check<WeightsError>(read, who, ": cannot be read");
  ParsedIndex index = parse_index(json, who);
  Set out{{}, std::move(index.metadata)};
  out.shards.reserve(index.files.size());
  out.verified = !index.files.empty();
  std::set<std::pair<uint64_t, uint64_t>> seen;  // two names of one file would multiply the memory needed
  for (const std::string& name : index.files) {
    OpenFile& shard = out.shards.emplace_back(open_safetensors(resolve(path, name, who), options));
    check<WeightsError>(seen.insert(shard.file.identity()).second, who, ": rule 18: ", shown(name),
                        " is another shard's file too");
    out.tensors += shard.header.tensors.size(), out.verified &= shard.verified;
    out.metadata.merge(shard.header.metadata);  // keeps existing entries: the index comes first, then the shards
  }
  compare(out, index, json, who);
  return out;
}

}  // namespace

ParsedIndex parse_index(std::string_view json, const std::string& who) {
  ParsedIndex out;
  walk(json, who, &out.metadata, [&](JsonScanner& s, const std::string& tensor, const std::string& file) {
    if (const char* why = bad_name(tensor)) s.refuse(12, "the name ", shown(tensor), " ", why);
    if (const char* why = bad_file_name(file)) s.refuse(18, "the file ", shown(file), " of ", shown(tensor), " ", why);
    ++out.tensors;
    auto at = std::lower_bound(out.files.begin(), out.files.end(), file);
    if (at != out.files.end() && *at == file) return;
    if (out.files.size() == kMaxShards) s.refuse(18, "more than ", kMaxShards, " files");
    out.files.insert(at, file);
  });
  return out;
}

void walk_index(std::string_view json, const std::string& who,
                const std::function<void(const std::string&, const std::string&)>& f) {
  walk(json, who, nullptr, [&](JsonScanner&, const std::string& tensor, const std::string& file) { f(tensor, file); });
}

SafeHeader read_shards_header(const std::string& path, const ReadOptions& options) {
  Set set = open_set(path, options);
  SafeHeader out{{}, std::move(set.metadata), set.verified, set.format()};
  out.tensors.reserve(set.tensors);
  for (OpenFile& shard : set.shards)
    std::move(shard.header.tensors.begin(), shard.header.tensors.end(), std::back_inserter(out.tensors));
  return out;
}

SafeTensors read_shards(const std::string& path, const ReadOptions& options) {
  Set set = open_set(path, options);
  for (const OpenFile& shard : set.shards) check_held(shard);
  SafeTensors out{{}, std::move(set.metadata), set.verified, set.format()};
  out.tensors.reserve(set.tensors);
  for (OpenFile& shard : set.shards) read_data(shard, out.tensors);
  return out;
}

}  // namespace camo::detail
