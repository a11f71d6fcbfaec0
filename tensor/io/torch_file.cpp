#include "tensor/io/torch_file.h"

#include <algorithm>
#include <memory>
#include <span>

#include "tensor/io/safetensors_header.h"
#include "tensor/io/torch_container.h"

namespace camo {
namespace {

using namespace detail;

constexpr int64_t kGrowth = 8;  // largest growth of a file in memory: I8 is read as i64

/// The tensors, those that view one storage beside each other.
using ByStorage = std::vector<const TorchTensor*>;
ByStorage by_storage(const TorchContainer& in) {
  ByStorage out;
  for (const TorchTensor& x : in.state().tensors) out.push_back(&x);
  std::stable_sort(out.begin(), out.end(), [](auto* a, auto* b) { return a->storage < b->storage; });
  for (size_t i = 1; i < out.size(); ++i) {
    const TorchTensor &a = *out[i - 1], &b = *out[i];
    check<WeightsError>(a.storage != b.storage || a.type.dtype == b.type.dtype, in.who(), ": tensors ", shown(a.name),
                        " and ", shown(b.name), " take one storage for ", a.type.dtype, " and ", b.type.dtype);
  }
  return out;
}

/// The bytes of a tensor's storage, checked against what the pickle says of it.
int64_t storage_bytes(const TorchContainer& in, const TorchTensor& x) {
  const std::optional<int64_t> bytes = in.size_of(x.storage);
  check<WeightsError>(bytes.has_value(), in.who(), ": tensor ", shown(x.name), ": its storage ", shown(x.storage),
                      " is not there");
  check<WeightsError>(x.storage_numel == *bytes / x.type.size && *bytes % x.type.size == 0, in.who(), ": tensor ",
                      shown(x.name), ": its storage has ", *bytes, " bytes, should have ", x.storage_numel,
                      " numbers of ", x.type.dtype);
  return *bytes;
}

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
void check_growth(const TorchContainer& in) {
  int64_t total = 0;
  for (const TorchTensor& x : in.state().tensors) {
    storage_bytes(in, x);
    int64_t bytes;
    const bool fits = !__builtin_mul_overflow(x.shape.numel(), size_of(read_as(x)), &bytes) &&
                      !__builtin_add_overflow(total, bytes, &total);
    check<WeightsError>(fits && total <= kGrowth * in.file_size() + (1 << 20), in.who(), ": tensor ", shown(x.name),
                        ": ", x.shape, " of ", x.type.dtype, " and those before it need more than ", kGrowth,
                        " times the file's ", in.file_size(), " bytes");
  }
}

/// Reads one storage and every tensor that views it.
void read_storage(const TorchContainer& in, std::span<const TorchTensor* const> views, NamedTensors& out) {
  const TorchTensor& first = *views[0];
  const bool whole = views.size() == 1 && first.dense() && first.shape.numel() == first.storage_numel;
  std::unique_ptr<char[]> bytes;
  if (!whole) {
    bytes.reset(new char[size_t(storage_bytes(in, first)) + 1]);  // no vector: it would fill the memory with zeros
    in.read(first.storage, bytes.get());
  }
  for (const TorchTensor* x : views) {
    Tensor& y = out[size_t(x - in.state().tensors.data())].second;
    y = empty(x->shape, read_as(*x));
    void* data = y.raw_write();  // narrow numbers lie at the front of y until they are widened
    if (whole) in.read(x->storage, data);
    else gather(bytes.get(), *x, data);
    if (auto* widen = file_type(*x).widen) widen(data, y.numel());
  }
}

}  // namespace

SafeHeader read_torch_header(const std::string& path, const ReadOptions& options) {
  const auto in = TorchContainer::open(path, options);
  by_storage(*in), check_growth(*in);
  SafeHeader out{{}, in->state().metadata, in->has_sums(), in->format()};
  int64_t at = 0;
  for (const TorchTensor& x : in->state().tensors) {
    TensorInfo info{.name = x.name, .type = &file_type(x), .shape = {}, .begin = at, .end = at};
    for (int64_t n : x.shape) info.shape.dims[info.shape.rank++] = n;
    info.end += x.shape.numel() * x.type.size;
    at = info.end;
    out.tensors.push_back(std::move(info));
  }
  in->check_unchanged();
  return out;
}

SafeTensors read_torch(const std::string& path, const ReadOptions& options) {
  const auto in = TorchContainer::open(path, options);
  const ByStorage order = by_storage(*in);
  check_growth(*in);
  SafeTensors out{{}, in->state().metadata, in->has_sums(), in->format()};
  for (const TorchTensor& x : in->state().tensors) out.tensors.emplace_back(x.name, Tensor());
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && order[end]->storage == order[begin]->storage) ++end;
    read_storage(*in, std::span(order).subspan(begin, end - begin), out.tensors);
  }
  in->check_unchanged();
  return out;
}

}  // namespace camo
