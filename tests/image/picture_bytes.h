// Pictures as bytes, made by hand: PNG files of stored deflate blocks, so the reader is tested against the format and not
// against libpng; and pictures to write.
#pragma once

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "tensor/image/image.h"
#include "tensor/io/file.h"
#include "tensor/random.h"

namespace camo::test::picture {

using Bytes = std::vector<uint8_t>;

struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / text("camo_image_", getpid())).string();
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return path + "/" + name; }
  std::string put(const std::string& name, const Bytes& bytes) const {
    std::ofstream(file(name), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), int64_t(bytes.size()));
    return file(name);
  }
};

inline Bytes slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

inline void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }
inline Bytes big(uint32_t x) { return {uint8_t(x >> 24), uint8_t(x >> 16), uint8_t(x >> 8), uint8_t(x)}; }

inline void add_chunk(Bytes& png, const std::string& name, const Bytes& data) {
  Bytes body(name.begin(), name.end());
  append(body, data);
  uint32_t crc = ~0u;
  for (uint8_t b : body) {
    crc ^= b;
    for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  append(png, big(uint32_t(data.size())));
  append(png, body);
  append(png, big(~crc));
}

/// A PNG with the filtered rows `raw`; `extra` chunks go before the pixels.
inline Bytes png(uint32_t w, uint32_t h, int bits, int colour, bool interlaced, const Bytes& raw,
                 const std::function<void(Bytes&)>& extra = {}) {
  Bytes out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, header = big(w);
  append(header, big(h));
  append(header, {uint8_t(bits), uint8_t(colour), 0, 0, interlaced});
  add_chunk(out, "IHDR", header);
  if (extra) extra(out);
  uint32_t a = 1, b = 0;
  for (uint8_t x : raw) a = (a + x) % 65521, b = (b + a) % 65521;
  Bytes z = {
      0x78, 0x01, 1, uint8_t(raw.size()), uint8_t(raw.size() >> 8), uint8_t(~raw.size()), uint8_t(~raw.size() >> 8)};
  append(z, raw);
  append(z, big(b << 16 | a));
  add_chunk(out, "IDAT", z);
  add_chunk(out, "IEND", {});
  return out;
}

/// An image whose pixels all differ.
inline Tensor pattern(int64_t h, int64_t w, int64_t c) {
  Tensor x = empty({h, w, c}, DType::u8);
  for (int64_t i = 0; i < x.numel(); ++i) x.write<uint8_t>()[i] = uint8_t(hash(text(i)) >> 32);
  return x;
}

/// A smooth image, which JPEG preserves well.
inline Tensor smooth(int64_t h, int64_t w) {
  Tensor x = empty({h, w, 3}, DType::u8);
  for (int64_t i = 0; i < h * w; ++i)
    for (int64_t c = 0; c < 3; ++c)
      x.write<uint8_t>()[i * 3 + c] =
          uint8_t(128 + 90 * std::sin(0.05 * double(i / w) + double(c)) * std::cos(0.07 * double(i % w)));
  return x;
}

inline Bytes with_exif(Bytes jpeg, int orientation, bool little) {
  Bytes app = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0};
  if (little)
    append(app,
           {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, uint8_t(orientation), 0, 0, 0, 0, 0, 0, 0});
  else
    append(app,
           {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, uint8_t(orientation), 0, 0, 0, 0, 0, 0});
  jpeg.insert(jpeg.begin() + 2, app.begin(), app.end());
  return jpeg;
}

}  // namespace camo::test::picture
