#include "tensor/io/torch_file.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "tensor/io/safetensors_header.h"
#include "tensor/io/torch_state.h"
#include "tensor/io/zip.h"

namespace camo {
namespace {

using namespace detail;

constexpr int64_t kGrowth = 8;  // largest growth of a file in memory: I8 is read as i64
constexpr const char* kFormat = "PyTorch zip";

struct Archive {
  Archive(const std::string& path, const ReadOptions& options)
      : who("read_torch: " + path), file(open_zip(path)), zip(file, who, options.max_header) {
    int found = 0;
    for (const ZipEntry& entry : zip.entries()) {
      const size_t slash = entry.name.find('/');
      if (slash == 0 || slash == entry.name.npos || entry.name.substr(slash + 1) != "data.pkl") continue;
      prefix = entry.name.substr(0, slash + 1), ++found;
    }
    check<WeightsError>(found == 1, who, ": is a zip with ", found, " records FOLDER/data.pkl, a PyTorch file has one");
    check<WeightsError>(!zip.find(prefix + "constants.pkl"), who, ": is a TorchScript program",
                        " [in Python: torch.save(torch.jit.load(F).state_dict(), G)]");
    if (const ZipEntry* order = zip.find(prefix + "byteorder"))
      check<WeightsError>(read_text(*order, 16) == "little", who, ": its numbers are not little-endian");
    check<WeightsError>(zip.has_sums() || !options.require_checksums, who, ": has no checksums");
    pickle = read_text(*zip.find(prefix + "data.pkl"), options.max_header);
    state = read_state(read_pickle(pickle, who), who);
    for (const TorchTensor& x : state.tensors) by_storage.push_back(&x);
    std::stable_sort(by_storage.begin(), by_storage.end(), [](auto* a, auto* b) { return a->storage < b->storage; });
    for (size_t i = 1; i < by_storage.size(); ++i) {
      const TorchTensor &a = *by_storage[i - 1], &b = *by_storage[i];
      check<WeightsError>(a.storage != b.storage || a.type.dtype == b.type.dtype, who, ": tensors ", shown(a.name),
                          " and ", shown(b.name), " take one storage for ", a.type.dtype, " and ", b.type.dtype);
    }
  }

  std::string read_text(const ZipEntry& entry, int64_t limit) const {
    check<WeightsError>(entry.size <= limit, who, ": ", shown(entry.name), " has ", entry.size, " bytes, the limit is ",
                        limit);
    std::string out(size_t(entry.size), '\0');
    zip.read(entry, out.data());
    return out;
  }

  /// The zip record that holds a tensor's storage.
  const ZipEntry& record(const TorchTensor& x) const {
    const ZipEntry* entry = zip.find(text(prefix, "data/", x.storage));
    check<WeightsError>(entry, who, ": tensor ", shown(x.name), ": its storage ", shown(x.storage), " is not there");
    check<WeightsError>(x.storage_numel == entry->size / x.type.size && entry->size % x.type.size == 0, who,
                        ": tensor ", shown(x.name), ": its storage has ", entry->size, " bytes, should have ",
                        x.storage_numel, " numbers of ", x.type.dtype);
    return *entry;
  }

  /// Checks that the file did not change, so all that was read belongs together.
  void check_unchanged() const { check<WeightsError>(file.unchanged(), who, ": changed while it was read"); }

  InputFile open_zip(const std::string& path) const {
    auto file = InputFile::open<WeightsError>(path, "read_torch");
    char head[262] = {};
    const int64_t n = std::min<int64_t>(file.size(), sizeof head);
    check<WeightsError>(file.read(0, head, n), who, ": cannot be read");
    const bool older = head[0] == '\x80' || std::memcmp(head + 257, "ustar", 5) == 0;
    check<WeightsError>(!older, who, ": is of PyTorch's older format",
                        " [in Python: torch.save(torch.load(F, weights_only=True), G)]");
    check<WeightsError>(std::memcmp(head, "PK\x03\x04", 4) == 0, who, ": is no file of torch.save's");
    return file;
  }

  std::string who;
  InputFile file;
  ZipFile zip;
  std::string prefix, pickle;
  TorchState state;
  std::vector<const TorchTensor*> by_storage;
};

/// The type that a tensor is read as; every storage type has one.
const FileType& file_type(const TorchTensor& x) { return *find_file_type(x.type.dtype); }
DType read_as(const TorchTensor& x) { return *file_type(x).read_as; }

/// Copies a view of a storage to dense numbers: row by row along the last axis, counting up the other axes.
template <class Word> void gather(const char* storage, const TorchTensor& from, void* dense) {
  Word* to = static_cast<Word*>(dense);
  const int rank = from.shape.rank();
  const int64_t n = rank ? from.shape[-1] : 1, step = rank ? from.strides[size_t(rank - 1)] : 1;
  std::array<int64_t, kMaxRank> index{};
  int64_t at = from.offset;
  for (int64_t done = 0; done < from.shape.numel(); done += n, to += n) {
    for (int64_t i = 0; i < n; ++i) to[i] = reinterpret_cast<const Word*>(storage)[at + i * step];
    for (int axis = rank - 2; axis >= 0; --axis) {
      const size_t a = size_t(axis);
      at += from.strides[a];
      if (++index[a] < from.shape[axis]) break;
      at -= from.strides[a] * from.shape[axis];
      index[a] = 0;
    }
  }
}
void gather(const char* storage, const TorchTensor& from, void* dense) {
  switch (from.type.size) {
    case 1: return gather<uint8_t>(storage, from, dense);
    case 2: return gather<uint16_t>(storage, from, dense);
    case 4: return gather<uint32_t>(storage, from, dense);
    default: return gather<uint64_t>(storage, from, dense);
  }
}

/// Checks that the tensors together take no more memory than the file's size can justify.
void check_growth(const Archive& in) {
  int64_t total = 0;
  for (const TorchTensor& x : in.state.tensors) {
    in.record(x);
    int64_t bytes;
    const bool fits = !__builtin_mul_overflow(x.shape.numel(), size_of(read_as(x)), &bytes) &&
                      !__builtin_add_overflow(total, bytes, &total);
    check<WeightsError>(fits && total <= kGrowth * in.file.size() + (1 << 20), in.who, ": tensor ", shown(x.name), ": ",
                        x.shape, " of ", x.type.dtype, " and those before it need more than ", kGrowth,
                        " times the file's ", in.file.size(), " bytes");
  }
}

/// Reads one storage and every tensor that views it.
void read_storage(const Archive& in, std::span<const TorchTensor* const> views, NamedTensors& out) {
  const TorchTensor& first = *views[0];
  const ZipEntry& entry = in.record(first);
  const bool whole = views.size() == 1 && first.dense() && first.shape.numel() == first.storage_numel;
  std::unique_ptr<char[]> bytes;
  if (!whole) {
    bytes.reset(new char[size_t(entry.size) + 1]);  // no vector: it would fill the memory with zeros
    in.zip.read(entry, bytes.get());
  }
  for (const TorchTensor* x : views) {
    Tensor& y = out[size_t(x - in.state.tensors.data())].second;
    y = empty(x->shape, read_as(*x));
    void* data = y.raw_write();  // narrow numbers lie at the front of y until they are widened
    if (whole) in.zip.read(entry, data);
    else gather(bytes.get(), *x, data);
    if (auto* widen = file_type(*x).widen) widen(data, y.numel());
  }
}

}  // namespace

SafeHeader read_torch_header(const std::string& path, const ReadOptions& options) {
  Archive in(path, options);
  SafeHeader out{{}, in.state.metadata, in.zip.has_sums(), kFormat};
  int64_t at = 0;
  check_growth(in);
  for (const TorchTensor& x : in.state.tensors) {
    TensorInfo info{.name = x.name, .type = &file_type(x), .shape = {}, .begin = at, .end = at};
    for (int64_t n : x.shape) info.shape.dims[info.shape.rank++] = n;
    info.end += x.shape.numel() * x.type.size;
    at = info.end;
    out.tensors.push_back(std::move(info));
  }
  in.check_unchanged();
  return out;
}

SafeTensors read_torch(const std::string& path, const ReadOptions& options) {
  Archive in(path, options);
  check_growth(in);
  SafeTensors out{{}, in.state.metadata, in.zip.has_sums(), kFormat};
  for (const TorchTensor& x : in.state.tensors) out.tensors.emplace_back(x.name, Tensor());
  const auto& order = in.by_storage;
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && order[end]->storage == order[begin]->storage) ++end;
    read_storage(in, std::span(order).subspan(begin, end - begin), out.tensors);
  }
  in.check_unchanged();
  return out;
}

}  // namespace camo
