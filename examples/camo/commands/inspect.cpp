// camo inspect: names, types and shapes in a weight file of any kind; ranges and digests on request.
#include <cmath>
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/layout.h"
#include "examples/camo/options/format.h"
#include "nn/weights.h"
#include "tensor/image/image.h"
#include "tensor/io/checksum.h"
#include "tensor/io/io.h"
#include "tensor/random.h"

namespace camo::program {
namespace {

/// "min -0.1  max 0.2  mean 0.01", and the number of non-finite elements.
std::string statistics(const Tensor& x) {
  double low = INFINITY, high = -INFINITY, sum = 0;
  int64_t bad = 0;
  for (double v : to_vector<double>(x)) {
    if (!std::isfinite(v)) {
      ++bad;
      continue;
    }
    low = std::min(low, v), high = std::max(high, v), sum += v;
  }
  int64_t n = x.numel() - bad;
  char out[160];
  if (n == 0) std::snprintf(out, sizeof out, "no finite number");
  else std::snprintf(out, sizeof out, "min %-11.4g max %-11.4g mean %-11.4g", low, high, sum / double(n));
  return bad ? text(out, "  ", bad, " NaN or infinite") : out;
}

uint64_t digest(const Tensor& x) {
  return hash(std::string_view(static_cast<const char*>(x.numel() ? x.raw() : ""), size_t(x.bytes()))) ^
         hash(text(x.dtype(), x.shape()));
}

/// Makes a text from a file safe for a terminal: control characters, also those of two bytes, become ?.
std::string harmless(std::string s) {
  unsigned char before = 0;
  for (char& c : s) {
    const unsigned char u = static_cast<unsigned char>(c);
    if ((u < 0x20 && u != '\n' && u != '\t') || u == 0x7f || (before == 0xc2 && u >= 0x80 && u < 0xa0)) c = '?';
    before = u;
  }
  return s;
}

/// Prints what a picture is, and the checksum of what is read from it.
void print_picture(const std::string& path) {
  const ImageInfo info = probe_image(path);
  const Tensor pixels = read_image(path), stored = camo::read_mask(path);
  auto sum = [](const Tensor& x) { return crc32(x.read<uint8_t>(), x.numel()); };
  std::printf("%s, %lld x %lld pixels (width x height), %d channel%s of %d bits, EXIF orientation %d\n",
              info.format.c_str(), (long long)info.width, (long long)info.height, info.channels,
              info.channels > 1 ? "s" : "", info.bits, info.orientation);
  std::printf("CRC-32 as a photograph (upright, RGB) %08x, as a mask (as stored, grey) %08x\n", sum(pixels),
              sum(stored));
}

/// "looks like pvt_v2_b2: 332 of 332 tensors, timm names"
std::string looks_like(const SafeHeader& header) {
  std::vector<std::pair<std::string, Shape>> shapes;
  for (const TensorInfo& t : header.tensors)
    if (t.shape.rank <= kMaxRank) shapes.emplace_back(t.name, Shape(std::span(t.shape.begin(), t.shape.end())));
  const nn::Likeness like = nn::likeness(shapes);
  if (2 * like.there < like.wanted || like.there == 0) return "looks like none of the backbones of `camo backbones`";
  return text("looks like ", like.backbone, ": ", like.there, " of ", like.wanted, " tensors, ", like.reading);
}

}  // namespace

int inspect_command(const Arguments& words) {
  bool stats = false, hashes = false;
  int64_t max_header = ReadOptions().max_header >> 20;
  Command command{
      .name = "inspect",
      .summary =
          "Lists the tensors of a weight file or checkpoint with their types and shapes, its metadata, and the "
          "backbone that it looks like.  Of a picture it tells size, channels, EXIF orientation and a "
          "checksum of the pixels.",
      .usage = "camo inspect FILE [flags]",
      .options = {{"stats", &stats, "show range, mean and count of NaN of each tensor"},
                  {"hash", &hashes, "show a digest of each tensor (type, shape and bits) and one of all"},
                  {"max-header", &max_header, "largest header of FILE that is read, in MiB", 1, 95}},
      .rest = "FILE"};
  const CommandLine line = read(command, words);
  check<ConfigError>(line.rest.size() == 1, "camo inspect: needs one FILE");
  if (is_picture(line.rest[0])) return print_picture(line.rest[0]), 0;
  const ReadOptions limits{.max_header = max_header << 20};
  const SafeHeader header = read_tensors_header(line.rest[0], limits);
  const bool read = stats || hashes;
  const SafeTensors file = read ? read_tensors(line.rest[0], limits) : SafeTensors();
  check<WeightsError>(!read || file.tensors.size() == header.tensors.size(), line.rest[0],
                      ": changes while it is read");
  size_t width = 4;
  for (const TensorInfo& t : header.tensors) width = std::max(width, t.name.size());
  uint64_t all = 0;
  int64_t numbers = 0, bytes = 0;
  for (size_t i = 0; i < header.tensors.size(); ++i) {
    const TensorInfo& t = header.tensors[i];
    std::printf("%-*s  %-4s %-20s", int(width), t.name.c_str(), std::string(t.type->name).c_str(),
                text(t.shape).c_str());
    numbers += t.shape.numel(), bytes += t.end - t.begin;
    if (read) {
      const Tensor& x = file.tensors[i].second;
      if (stats) std::printf("  %s", statistics(x).c_str());
      if (hashes) std::printf("  %016llx", (unsigned long long)digest(x));
      all ^= hash(text(t.name, digest(x)));
    }
    std::printf("\n");
  }
  for (const auto& [key, value] : header.metadata)
    std::printf("%s: %s\n", harmless(key).c_str(), harmless(value).c_str());
  const char* sums = !header.verified ? "no checksums" : read ? "checksums right" : "the header's checksum right";
  std::printf("%s: %zu tensors, %lld numbers, %s, %s", header.format.c_str(), header.tensors.size(), (long long)numbers,
              bytes_text(double(bytes)).c_str(), sums);
  if (hashes) std::printf(", digest of all %016llx", (unsigned long long)all);
  std::printf("\n%s\n", looks_like(header).c_str());
  return 0;
}

}  // namespace camo::program
