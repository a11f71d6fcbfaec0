#include "tensor/io/io.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "tensor/io/checksum.h"
#include "tensor/io/safetensors_read.h"
#include "tensor/io/torch_file.h"

namespace camo {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");
using namespace std::literals;

// ---- recognising a file --------------------------------------------------------------------------------------

namespace {

constexpr const char* kOp = "read_safetensors";
constexpr int64_t kFormatLimit = 100'000'000;  // largest header in bytes

enum class Kind { safetensors, index, torch };

/// Tells a file's kind by its first 24 bytes.  Taken as a safetensors header length, the first eight bytes of a JSON
/// text or of a zip would exceed any file size.  The exceptions are a zip with few flags and a pickle, but their next
/// bytes cannot begin a safetensors header.
Kind kind_of(std::string_view head) {
  const bool json_at_8 = head.size() > 8 && " \t\r\n{"sv.find(head[8]) != ""sv.npos;
  const bool pickle = head.size() > 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5;
  if ((head.starts_with("PK\x03\x04"sv) || pickle) && !json_at_8) return Kind::torch;
  const size_t first = head.find_first_not_of(" \t\r\n");
  const bool object = first != head.npos && head[first] == '{';
  return object && (head.size() < 8 || head[7] != 0) ? Kind::index : Kind::safetensors;
}

/// Names a format that is not safetensors, with advice.
const char* other_format(std::string_view head) {
  constexpr std::pair<std::string_view, const char*> known[] = {
      {"PK\x03\x04"sv, "a zip, as torch.save writes [read_tensors reads those]"},
      {"\x80"sv, "a pickle, as PyTorch wrote before 1.6 [read_tensors reads those]"},
      {"version https://git-lfs"sv, "a Git LFS pointer, not the file [git lfs pull]"},
      {"<"sv, "a web page [download the file itself]"},
      {"\x1f\x8b"sv, "compressed by gzip [gunzip it first]"},
      {"\x89HDF"sv, "HDF5 [convert it to safetensors]"},
      {"\x93NUMPY"sv, "a numpy array [convert it to safetensors]"},
      {"\x89PNG"sv, "a PNG picture"},
      {"\xff\xd8\xff"sv, "a JPEG picture"},
      {"GGUF"sv, "GGUF [convert it to safetensors]"},
      {"\x08"sv, "perhaps ONNX [convert it to safetensors]"}};
  if (kind_of(head) == Kind::index) return "JSON, perhaps the index of a sharded set [read_tensors reads those]";
  for (auto [magic, what] : known)
    if (head.starts_with(magic)) return what;
  return nullptr;
}

std::string first_bytes(const InputFile& file) {
  std::string head(size_t(std::min<int64_t>(file.size(), 24)), '\0');
  return file.read(0, head.data(), int64_t(head.size())) ? head : "";
}

Kind kind_of_file(const std::string& path) {
  return kind_of(first_bytes(InputFile::open<WeightsError>(path, kOp, "rule 15: ")));
}

/// Rule 16: the checksum over the length and the header, with its own eight digits read as zeros.
bool header_sum_right(uint64_t length, std::string_view header, size_t at, const std::string& stored) {
  if (header.substr(at, 8) != stored) return false;  // the digits were written with JSON escapes
  uint32_t sum = crc32(header.data(), int64_t(at), crc32(&length, 8));
  sum = crc32("00000000", 8, sum);
  return parse_hex8(stored) == crc32(header.data() + at + 8, int64_t(header.size() - at - 8), sum);
}

}  // namespace

// ---- one safetensors file --------------------------------------------------------------------------------

namespace detail {

OpenFile open_safetensors(const std::string& path, const ReadOptions& options) {
  auto file = InputFile::open<WeightsError>(path, kOp, "rule 15: ");
  const std::string who = text(kOp, ": ", path);
  const int64_t size = file.size(), limit = std::clamp<int64_t>(options.max_header, 0, kFormatLimit);
  const std::string head = first_bytes(file);
  uint64_t n = 0;
  std::memcpy(&n, head.data(), std::min<size_t>(head.size(), 8));
  const bool fits = head.size() >= 8 && n <= uint64_t(size - 8);
  if (!fits || n > uint64_t(limit))
    if (const char* what = other_format(head)) throw WeightsError(text(who, ": is no safetensors file but ", what));
  check<WeightsError>(head.size() >= 8, who, ": rule 1: 8 bytes of header length expected, the file has ", size);
  check<WeightsError>(fits, who, ": rule 2: header of ", n, " bytes does not fit a file of ", size,
                      " bytes [truncated, or no safetensors file]");
  check<WeightsError>(n <= uint64_t(limit), who, ": rule 1: header of ", n, " bytes, the limit is ", limit,
                      " [ReadOptions::max_header, --max-header: up to ", kFormatLimit, "]");
  std::string header(n, '\0');
  const bool read = file.read(8, header.data(), int64_t(n));
  OpenFile out{std::move(file), who, {}, 8 + int64_t(n)};
  check_unchanged(out);
  check<WeightsError>(read, who, ": cannot be read");
  out.header = parse_header(header, size - out.data_at, who);

  Metadata& meta = out.header.metadata;
  out.verified = out.header.header_sum_at > 0;
  check<WeightsError>(out.verified || !options.require_checksums, who,
                      ": rule 16: has no checksums, which every checkpoint has [damaged?]");
  check<WeightsError>(
      !out.verified || header_sum_right(n, header, out.header.header_sum_at, meta[kHeaderSumKey]), who,
      ": rule 16: damaged: the header does not have its checksum [or another program saved the file again with "
      "Camo's metadata: save it without]");
  if (out.verified) meta.erase(kSumsKey), meta.erase(kHeaderSumKey);
  return out;
}

void check_unchanged(const OpenFile& in) {
  check<WeightsError>(in.file.unchanged(), in.who, ": rule 15: changes while it is read [wait until it is written]");
}

void check_held(const OpenFile& in) {
  for (const TensorInfo& t : in.header.tensors) {
    if (!t.type->read_as)
      throw WeightsError(text(in.who, ": rule 14: ", shown(t.name), " is of type ", t.type->name,
                              ", which Camo does not hold [convert it to F32, BF16, I64 or U8]"));
    if (t.shape.rank > kMaxRank)
      throw WeightsError(text(in.who, ": rule 14: ", shown(t.name), " has ", t.shape.rank,
                              " axes, Camo's tensors at most ", kMaxRank));
  }
}

bool read_summed(const InputFile& file, int64_t at, void* to, int64_t n, uint32_t& sum) {
  constexpr int64_t kHot = 256 << 10;
  for (char* p = static_cast<char*>(to); n > 0;) {
    const int64_t piece = std::min(n, kHot);
    if (!file.read(at, p, piece)) return false;
    sum = crc32(p, piece, sum);
    p += piece, at += piece, n -= piece;
  }
  return true;
}

void read_data(OpenFile& in, NamedTensors& out) {
  for (TensorInfo& info : in.header.tensors) {
    Tensor x = empty(Shape(std::span(info.shape.begin(), info.shape.end())), *info.type->read_as);
    char* data = static_cast<char*>(x.raw_write());
    const int64_t at = in.data_at + info.begin, bytes = info.end - info.begin;
    uint32_t sum = 0;
    const bool read = in.verified ? read_summed(in.file, at, data, bytes, sum) : in.file.read(at, data, bytes);
    if (!read || sum != info.crc) {
      check_unchanged(in);
      check<WeightsError>(read, in.who, ": cannot be read at ", shown(info.name));
      throw WeightsError(text(in.who, ": rule 16: damaged: tensor ", shown(info.name), " does not have its checksum"));
    }
    if (info.type->widen) info.type->widen(data, x.numel());
    out.emplace_back(std::move(info.name), std::move(x));
  }
  check_unchanged(in);
}

}  // namespace detail

SafeHeader read_safetensors_header(const std::string& path, const ReadOptions& options) {
  detail::OpenFile in = detail::open_safetensors(path, options);
  return {std::move(in.header.tensors), std::move(in.header.metadata), in.verified, "safetensors"};
}

SafeTensors read_safetensors(const std::string& path, const ReadOptions& options) {
  detail::OpenFile in = detail::open_safetensors(path, options);
  detail::check_held(in);
  SafeTensors out{{}, std::move(in.header.metadata), in.verified, "safetensors"};
  out.tensors.reserve(in.header.tensors.size());
  detail::read_data(in, out.tensors);
  return out;
}

// ---- any file --------------------------------------------------------------------------------------------

SafeTensors read_tensors(const std::string& path, const ReadOptions& options) {
  switch (kind_of_file(path)) {
    case Kind::index: return detail::read_shards(path, options);
    case Kind::torch: return read_torch(path, options);
    case Kind::safetensors: break;
  }
  return read_safetensors(path, options);
}

SafeHeader read_tensors_header(const std::string& path, const ReadOptions& options) {
  switch (kind_of_file(path)) {
    case Kind::index: return detail::read_shards_header(path, options);
    case Kind::torch: return read_torch_header(path, options);
    case Kind::safetensors: break;
  }
  return read_safetensors_header(path, options);
}

// ---- the types of io.h -----------------------------------------------------------------------------------

const Tensor* SafeTensors::find(std::string_view name) const {
  for (const auto& [key, tensor] : tensors)
    if (key == name) return &tensor;
  return nullptr;
}

int64_t FileShape::numel() const {
  int64_t n = 1;
  for (int64_t d : *this) n *= d;
  return n;
}

std::ostream& operator<<(std::ostream& out, const FileShape& shape) {
  out << "(";
  for (int i = 0; i < shape.rank; ++i) out << (i ? ", " : "") << shape.dims[i];
  return out << ")";
}

}  // namespace camo
