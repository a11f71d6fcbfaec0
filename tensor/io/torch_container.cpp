#include "tensor/io/torch_container.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "tensor/io/safetensors_header.h"
#include "tensor/io/zip.h"

namespace camo::detail {
namespace {

using namespace std::literals;

// ---- a zip, since PyTorch 1.6

class TorchZip : public TorchContainer {
 public:
  TorchZip(std::string who, InputFile file, const ReadOptions& options)
      : TorchContainer(std::move(who), std::move(file)), zip_(file_, who_, options.max_header) {
    int found = 0;
    for (const ZipEntry& entry : zip_.entries()) {
      const size_t slash = entry.name.find('/');
      if (slash == 0 || slash == entry.name.npos || entry.name.substr(slash + 1) != "data.pkl") continue;
      folder_ = entry.name.substr(0, slash + 1), ++found;
    }
    check<WeightsError>(found == 1, who_, ": is a zip with ", found,
                        " records FOLDER/data.pkl, a PyTorch file has one");
    check<WeightsError>(!zip_.find(folder_ + "constants.pkl"), who_, ": is a TorchScript program",
                        " [in Python: torch.save(torch.jit.load(F).state_dict(), G)]");
    if (const ZipEntry* order = zip_.find(folder_ + "byteorder"))
      check<WeightsError>(read_text(*order, 16) == "little", who_, ": its numbers are not little-endian");
    check<WeightsError>(zip_.has_sums() || !options.require_checksums, who_, ": has no checksums");
    pickle_ = read_text(*zip_.find(folder_ + "data.pkl"), options.max_header);
    state_ = read_state(read_pickle(pickle_, who_), who_);
  }

  const char* format() const override { return "PyTorch zip"; }
  bool has_sums() const override { return zip_.has_sums(); }
  std::optional<int64_t> size_of(std::string_view storage) const override {
    const ZipEntry* entry = zip_.find(text(folder_, "data/", storage));
    return entry ? std::optional(entry->size) : std::nullopt;
  }
  void read(std::string_view storage, void* to) const override {
    zip_.read(*zip_.find(text(folder_, "data/", storage)), to);
  }

 private:
  std::string read_text(const ZipEntry& entry, int64_t limit) const {
    check<WeightsError>(entry.size <= limit, who_, ": ", shown(entry.name), " has ", entry.size,
                        " bytes, the limit is ", limit);
    std::string out(size_t(entry.size), '\0');
    zip_.read(entry, out.data());
    return out;
  }

  ZipFile zip_;
  std::string folder_;  // "archive/"
};

// ---- pickles and raw storages, before 1.6

class TorchLegacy : public TorchContainer {
 public:
  TorchLegacy(std::string who, InputFile file, const ReadOptions& options)
      : TorchContainer(std::move(who), std::move(file)) {
    check<WeightsError>(!options.require_checksums, who_, ": has no checksums");
    const int64_t most = std::min(file_.size(), options.max_header);
    for (int64_t n = std::min<int64_t>(most, 1 << 20);; n = std::min(most, 4 * n)) {
      pickle_.resize(size_t(n));
      check<WeightsError>(file_.read(0, pickle_.data(), n), who_, ": cannot be read");
      try {
        read_pickles();
        break;
      } catch (const PickleCut&) {
        if (n == file_.size()) throw;
        check<WeightsError>(n < most, who_, ": its pickles take more than ", most,
                            " bytes [ReadOptions::max_header, --max-header]");
      }
    }
  }

  const char* format() const override { return "PyTorch file from before 1.6"; }
  bool has_sums() const override { return false; }
  std::optional<int64_t> size_of(std::string_view storage) const override {
    auto found = storages_.find(storage);
    return found == storages_.end() ? std::nullopt : std::optional(found->second.bytes);
  }
  void read(std::string_view storage, void* to) const override {
    const Place& place = storages_.find(storage)->second;
    const bool done = file_.read(place.begin, to, place.bytes);
    check_unchanged();
    check<WeightsError>(done, who_, ": cannot be read at storage ", shown(storage));
  }

 private:
  struct Place {
    int64_t begin, bytes;
  };

  void read_pickles() {
    size_t at = 0;
    auto next = [&](const char* name, bool lists = false) {
      Pickled out = read_pickle(std::string_view(pickle_).substr(at), who_, {name, false, lists});
      at += out.bytes.size();
      return out;
    };
    const Pickled magic = next("its magic number");
    check<WeightsError>(
        magic.top.kind == Value::number && magic.text(magic.top) == "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv, who_,
        ": is a pickle, but not one that torch.save wrote");
    const Pickled version = next("its version");
    check<WeightsError>(version.top.kind == Value::integer && version.top.at == 1001, who_,
                        ": the version of its format must be 1001");
    const Pickled machine = next("its facts of the machine");
    for (const Pickled::Item& item : machine.items)
      if (item.key.kind == Value::text && machine.text(item.key) == "little_endian")
        check<WeightsError>(item.value.kind == Value::boolean && item.value.at, who_,
                            ": its numbers are not little-endian");
    const Pickled object = next("its object"), keys = next("its list of storages", true);
    state_ = read_state(object, who_);
    place_storages(object, keys, int64_t(at));
  }

  /// Finds where each storage begins: they follow `at` in the order of `keys`.
  void place_storages(const Pickled& object, const Pickled& keys, int64_t at) {
    std::map<std::string_view, std::pair<const StorageType*, int64_t>> kinds;
    for (Value storage : object.storages) {
      const auto kind = std::pair(&object.type(storage), object.part(storage, 4).at);
      const std::string_view key = object.text(object.part(storage, 2));
      check<WeightsError>(kinds.try_emplace(key, kind).first->second == kind, who_, ": storage ", shown(key),
                          " is there with two types or sizes");
    }
    check<WeightsError>(keys.top.kind == Value::list, who_, ": its list of storages is of kind ", name(keys.top.kind));
    for (const Pickled::Item& item : keys.items) {
      check<WeightsError>(item.dict == keys.top.at && item.value.kind == Value::text, who_,
                          ": its list of storages must hold their keys");
      const std::string_view key = keys.text(item.value);
      auto kind = kinds.find(key);
      check<WeightsError>(kind != kinds.end(), who_, ": nothing says of which type its storage ", shown(key), " is");
      const auto [type, numel] = kind->second;
      int64_t stated = 0;
      check<WeightsError>(file_.size() - at >= 8 && file_.read(at, &stated, 8), who_,
                          ": truncated: ", file_.size() - at, " bytes where storage ", shown(key), " should begin");
      at += 8;
      check<WeightsError>(stated == numel, who_, ": storage ", shown(key), " has ", stated, " numbers, should have ",
                          numel);
      check<WeightsError>(numel <= (file_.size() - at) / type->size, who_, ": truncated: storage ", shown(key), " of ",
                          numel, " numbers of ", type->dtype, ", there are ", file_.size() - at, " bytes");
      check<WeightsError>(storages_.try_emplace(key, Place{at, numel * type->size}).second, who_, ": storage ",
                          shown(key), " is listed twice");
      at += numel * type->size;
    }
    check<WeightsError>(at == file_.size(), who_, ": ", file_.size() - at, " bytes after its last storage");
  }

  std::map<std::string_view, Place> storages_;  // by key
};

}  // namespace

std::unique_ptr<TorchContainer> TorchContainer::open(const std::string& path, const ReadOptions& options) {
  std::string who = "read_torch: " + path;
  auto file = InputFile::open<WeightsError>(path, "read_torch");
  char head[262] = {};
  check<WeightsError>(file.read(0, head, std::min<int64_t>(file.size(), sizeof head)), who, ": cannot be read");
  check<WeightsError>(std::memcmp(head + 257, "ustar", 5) != 0, who, ": is a tar, as PyTorch wrote before 0.2",
                      " [in Python: torch.save(torch.load(F, weights_only=True), G)]");
  if (head[0] == '\x80') return std::make_unique<TorchLegacy>(std::move(who), std::move(file), options);
  check<WeightsError>(std::memcmp(head, "PK\x03\x04", 4) == 0, who, ": is no file of torch.save's");
  return std::make_unique<TorchZip>(std::move(who), std::move(file), options);
}

void TorchContainer::check_unchanged() const {
  check<WeightsError>(file_.unchanged(), who_, ": changed while it was read");
}

}  // namespace camo::detail
