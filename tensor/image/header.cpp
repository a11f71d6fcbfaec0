// Reads the header of a PNG or JPEG file: format, size, bit depth, orientation.
#include "tensor/image/header.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace camo {
namespace {

constexpr int64_t kMaxFile = int64_t(1) << 30;
constexpr int64_t kMostAstray = 4096;
std::atomic<int64_t> pixel_limit = kMaxPixels;

/// A big-endian number of n bytes, as in PNG and JPEG headers.
uint32_t big(const uint8_t* p, int n) {
  uint32_t x = 0;
  for (int i = 0; i < n; ++i) x = x << 8 | p[i];
  return x;
}

/// The orientation in a TIFF block: first directory, tag 0x112, one 16-bit number.  Anything malformed
/// counts as upright.
int tiff_orientation(const uint8_t* p, int64_t n) {
  if (n < 14) return 1;
  bool little = p[0] == 'I';
  auto number = [&](int64_t at, int bytes) {
    uint32_t x = 0;
    for (int i = 0; i < bytes; ++i) x = x << 8 | p[little ? at + bytes - 1 - i : at + i];
    return x;
  };
  if ((std::memcmp(p, "II", 2) != 0 && std::memcmp(p, "MM", 2) != 0) || number(2, 2) != 42) return 1;
  int64_t at = number(4, 4);
  if (at > n - 2) return 1;
  int64_t entries = number(at, 2);
  for (at += 2; entries > 0 && at + 12 <= n; --entries, at += 12) {
    if (number(at, 2) != 0x112 || number(at + 2, 2) != 3) continue;
    uint32_t value = number(at + 8, 2);
    return value >= 1 && value <= 8 ? int(value) : 1;
  }
  return 1;
}

std::string png_header(const detail::PictureSource& file, ImageInfo& info) {
  uint8_t h[29];
  if (!file.read(0, h, 29) || std::memcmp(h + 12, "IHDR", 4) != 0) return "truncated or damaged PNG header";
  info.format = "png";
  info.stored_width = big(h + 16, 4), info.stored_height = big(h + 20, 4);
  info.bits = h[24];
  info.channels = h[25] == 2 ? 3 : h[25] == 4 ? 2 : h[25] == 6 ? 4 : 1;
  uint8_t c[8];  // length and name of a chunk; an eXIf chunk counts only before the pixels
  for (int64_t at = 33; file.read(at, c, 8); at += 12 + int64_t(big(c, 4))) {
    int64_t length = big(c, 4);
    if (std::memcmp(c + 4, "IDAT", 4) == 0) break;
    if (std::memcmp(c + 4, "eXIf", 4) != 0 || length > 65536) continue;
    std::vector<uint8_t> exif(length);
    if (file.read(at + 8, exif.data(), length)) info.orientation = tiff_orientation(exif.data(), length);
  }
  return {};
}

std::string jpeg_header(const detail::PictureSource& file, ImageInfo& info) {
  info.format = "jpeg";
  uint8_t h[10];
  int64_t astray = 0;  // bytes between segments, and fill bytes
  for (int64_t at = 2; file.read(at, h, 4);) {
    if (h[0] != 0xff || h[1] == 0xff || h[1] == 0) {
      if (++astray > kMostAstray) return "damaged JPEG header";
      ++at;
      continue;
    }
    int marker = h[1];
    int64_t length = big(h + 2, 2);
    if (length < 2) return "damaged JPEG header";
    bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      if (!file.read(at, h, 10)) break;
      info.bits = h[4], info.stored_height = big(h + 5, 2), info.stored_width = big(h + 7, 2), info.channels = h[9];
      if (marker == 0xc3 || (marker >= 0xc5 && marker != 0xc9 && marker != 0xca))
        return "lossless or hierarchical JPEG is not supported [convert it to PNG]";
      if (info.bits != 8) return text(info.bits, "-bit JPEG is not supported [convert it to PNG]");
      if (info.channels != 1 && info.channels != 3 && info.channels != 4)
        return text("JPEG with ", info.channels, " channels is not supported");
      return {};
    }
    if (marker == 0xda || marker == 0xd9) return "JPEG has no frame header";
    if (marker == 0xe1 && length >= 8) {
      std::vector<uint8_t> exif(length - 2);
      if (!file.read(at + 4, exif.data(), length - 2)) break;
      if (std::memcmp(exif.data(), "Exif\0\0", 6) == 0)
        info.orientation = tiff_orientation(exif.data() + 6, length - 8);
    }
    at += 2 + length;
  }
  return "truncated JPEG header";
}

/// Names the format of a file that is neither PNG nor JPEG, or returns nullptr.
const char* other_format(const uint8_t* h) {
  using namespace std::literals;
  constexpr std::pair<std::string_view, const char*> known[] = {
      {"GIF8"sv, "GIF"},
      {"RIFF"sv, "WebP"},
      {"BM"sv, "BMP"},
      {"II*"sv, "TIFF"},
      {"MM\0*"sv, "TIFF"},
      {"\x1f\x8b"sv, "gzip"},
      {"%PDF"sv, "PDF"},
      {"\0\0\0"sv, "HEIC or AVIF"},
      {"<"sv, "a web page or SVG"},
      {"version https:"sv, "a Git LFS pointer [fetch the file with `git lfs pull`]"}};
  for (auto [magic, what] : known)
    if (std::memcmp(h, magic.data(), magic.size()) == 0) return what;
  return nullptr;
}

}  // namespace

detail::PictureSource::PictureSource(const InputFile& file)
    : size(file.size()), read([&file](int64_t offset, void* to, int64_t n) { return file.read(offset, to, n); }) {}

detail::PictureSource::PictureSource(std::span<const uint8_t> bytes)
    : size(int64_t(bytes.size())), read([bytes](int64_t offset, void* to, int64_t n) {
        if (offset < 0 || n < 0 || offset > int64_t(bytes.size()) - n) return false;
        std::memcpy(to, bytes.data() + offset, size_t(n));
        return true;
      }) {}

ImageInfo detail::probe_image(const PictureSource& file, const std::string& path, const char* op) {
  uint8_t first[16] = {};
  check<DataError>(file.size > 0, op, ": ", path, ": is empty");
  bool read = file.read(0, first, std::min<int64_t>(file.size, 16));
  check<NoPicture>(read && file.size >= 3, op, ": ", path, ": is no PNG or JPEG");
  ImageInfo info;
  std::string problem;
  if (std::memcmp(first, "\x89PNG\r\n\x1a\n", 8) == 0) {
    problem = png_header(file, info);
  } else if (std::memcmp(first, "\xff\xd8\xff", 3) == 0) {
    problem = jpeg_header(file, info);
  } else {
    const char* what = other_format(first);
    throw NoPicture(text(op, ": ", path, ": is no PNG or JPEG", what ? ", but " : "", what ? what : ""));
  }
  check<DataError>(problem.empty(), op, ": ", path, ": ", problem);
  const int64_t w = info.stored_width, h = info.stored_height;
  check<DataError>(w > 0 && h > 0, op, ": ", path, ": has no pixels: ", w, " x ", h);
  check<PictureTooLarge>(w <= kMaxSide && h <= kMaxSide && w * h <= max_pixels(), op, ": ", path, ": at most ",
                         double(max_pixels()) * 1e-6, " megapixels and ", kMaxSide, " a side, its header says ", w,
                         " x ", h, w <= kMaxSide && h <= kMaxSide ? " [--max-pixels]" : "");
  check<PictureTooLarge>(file.size <= kMaxFile, op, ": ", path, ": at most 1 GiB a picture, got ", file.size, " bytes");
  bool turned = info.orientation >= 5;
  info.height = turned ? info.stored_width : info.stored_height;
  info.width = turned ? info.stored_height : info.stored_width;
  return info;
}

int64_t max_pixels() { return pixel_limit; }
void set_max_pixels(int64_t pixels) { pixel_limit = pixels; }

ImageInfo probe_image(const std::string& path) {
  const auto file = InputFile::open<DataError>(path, "probe_image");
  return detail::probe_image(detail::PictureSource(file), path, "probe_image");
}
ImageInfo probe_image(std::span<const uint8_t> bytes, const std::string& name) {
  return detail::probe_image(detail::PictureSource(bytes), name, "probe_image");
}

}  // namespace camo
