#include "tensor/image/image.h"

#include <cstring>

#include "tensor/image/codec.h"
#include "tensor/image/header.h"

namespace camo {
namespace {

/// Repeats one channel three times, or converts three to ITU-R 601 luma, rounded.
Tensor with_channels(const Tensor& x, int64_t channels) {
  auto [H, W, C] = dims<3>(x, "image");
  if (C == channels) return x;
  Tensor y = empty({H, W, channels}, DType::u8);
  const uint8_t* in = x.read<uint8_t>();
  uint8_t* out = y.write<uint8_t>();
  for (int64_t i = 0; i < H * W; ++i) {
    if (channels == 3) out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = in[i];
    else out[i] = uint8_t((in[3 * i] * 19595 + in[3 * i + 1] * 38470 + in[3 * i + 2] * 7471 + 32768) >> 16);
  }
  return y;
}

/// Undoes an EXIF orientation: 2 to 4 mirror one or both axes; 5 to 8 swap the axes and then mirror.
Tensor upright(const Tensor& x, int orientation) {
  if (orientation == 1) return x;
  auto [H, W, C] = dims<3>(x, "image");
  bool swap = orientation >= 5;
  bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Tensor y = empty({swap ? W : H, swap ? H : W, C}, DType::u8);
  const uint8_t* in = x.read<uint8_t>();
  uint8_t* out = y.write<uint8_t>();
  for (int64_t i = 0; i < y.dim(0); ++i)
    for (int64_t j = 0; j < y.dim(1); ++j) {
      int64_t row = swap ? j : i, column = swap ? i : j;
      if (from_bottom) row = H - 1 - row;
      if (from_right) column = W - 1 - column;
      std::memcpy(out, in + (row * W + column) * C, size_t(C));
      out += C;
    }
  return y;
}

Tensor decode(const std::vector<uint8_t>& bytes, const ImageInfo& info, const std::string& path,
              detail::Channels wanted, const char* op) {
  std::string problem;
  const auto decode_format = info.format == "png" ? detail::decode_png : detail::decode_jpeg;
  Tensor x = decode_format(bytes, info, wanted, problem);
  check<DataError>(problem.empty(), op, ": ", path, ": ", problem);
  return with_channels(x, wanted == detail::Channels::colour ? 3 : 1);
}

Tensor read(const std::string& path, detail::Channels wanted, const char* op, ImageInfo* header) {
  auto file = InputFile::open<DataError>(path, op);
  ImageInfo info = detail::probe_image(detail::PictureSource(file), path, op);
  std::vector<uint8_t> bytes(file.size());
  check<DataError>(file.read(0, bytes.data(), file.size()), op, ": ", path, ": cannot be read to its end");
  if (header) *header = info;
  return decode(bytes, info, path, wanted, op);
}

/// Checks an image to be written; returns height, width and channels.
std::array<int, 3> writable(const Tensor& x, const char* op) {
  check<DTypeError>(x.dtype() == DType::u8, op, ": takes u8, got ", x.dtype());
  int64_t C = x.rank() == 3 ? x.dim(2) : 1;
  check((x.rank() == 2 || x.rank() == 3) && (C == 1 || C == 3) && x.numel() > 0, op,
        ": takes (H, W, 3), (H, W, 1) or (H, W) with a pixel at least, got ", x.shape());
  check(x.numel() / C <= max_pixels(), op, ": at most ", max_pixels(), " pixels, got ", x.shape());
  return {int(x.dim(0)), int(x.dim(1)), int(C)};
}

}  // namespace

Tensor read_image(const std::string& path, Orientation orientation) {
  ImageInfo info;
  Tensor x = read(path, detail::Channels::colour, "read_image", &info);
  return orientation == Orientation::upright ? upright(x, info.orientation) : x;
}

Tensor decode_image(const std::vector<uint8_t>& bytes, const std::string& name, Orientation orientation) {
  const ImageInfo info = detail::probe_image(detail::PictureSource(bytes), name, "read_image");
  const Tensor x = decode(bytes, info, name, detail::Channels::colour, "read_image");
  return orientation == Orientation::upright ? upright(x, info.orientation) : x;
}

Tensor read_mask(const std::string& path, MaskChannel channel) {
  return read(path, channel == MaskChannel::luma ? detail::Channels::grey : detail::Channels::alpha, "read_mask",
              nullptr);
}

std::vector<uint8_t> encode_png(const Tensor& image) {
  auto [H, W, C] = writable(image, "encode_png");
  std::string problem;
  std::vector<uint8_t> bytes = detail::encode_png(image, H, W, C, problem);
  check<DataError>(problem.empty(), "encode_png: ", problem);
  return bytes;
}

std::vector<uint8_t> encode_jpeg(const Tensor& image, int quality) {
  auto [H, W, C] = writable(image, "encode_jpeg");
  check<ConfigError>(quality >= 1 && quality <= 100, "encode_jpeg: quality must lie in 1..100, got ", quality);
  std::string problem;
  std::vector<uint8_t> bytes = detail::encode_jpeg(image, H, W, C, quality, problem);
  check<DataError>(problem.empty(), "encode_jpeg: ", problem);
  return bytes;
}

void write_png(const std::string& path, const Tensor& image) {
  write_file(path, std::span<const uint8_t>(encode_png(image)), false);
}

void write_jpeg(const std::string& path, const Tensor& image, int quality) {
  write_file(path, std::span<const uint8_t>(encode_jpeg(image, quality)), false);
}

}  // namespace camo
