#include "tensor/image/image.h"

#include <png.h>
#include <turbojpeg.h>

#include <csetjmp>
#include <cstring>
#include <utility>

#include "tensor/image/header.h"

namespace camo {
namespace {

/// libpng reports errors by longjmp, which skips destructors.  So the functions that call setjmp own nothing, and what
/// they work on lives here.
struct PngReader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const uint8_t* bytes = nullptr;
  size_t size = 0, at = 0;
  char problem[128] = "";

  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }

  static void error(png_structp png, png_const_charp what) {
    auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
    std::snprintf(self->problem, sizeof self->problem, "%s", what);
    png_longjmp(png, 1);
  }
  static void read(png_structp png, png_bytep to, size_t n) {
    auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
    if (n > self->size - self->at) png_error(png, "ends too early");
    std::memcpy(to, self->bytes + self->at, n);
    self->at += n;
  }
};

/// Reads the header and asks for 8-bit grey or RGB without alpha.  Returns the number of channels, 0 on error.
int png_begin(PngReader& r) {
  // The second handler is for warnings, which count as errors here.
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, PngReader::error, PngReader::error);
  if (!r.png) return 0;
  if (setjmp(png_jmpbuf(r.png))) return 0;
  r.info = png_create_info_struct(r.png);
  if (!r.info) return 0;
  png_set_read_fn(r.png, &r, PngReader::read);
  png_set_user_limits(r.png, 0x7fffffff, 0x7fffffff);  // no limit here: the caller has checked the number of pixels
  png_set_crc_action(r.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_keep_unknown_chunks(r.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);  // colour profiles: content ignored
  png_read_info(r.png, r.info);
  int colour = png_get_color_type(r.png, r.info), bits = png_get_bit_depth(r.png, r.info);
  if (bits == 16) png_set_scale_16(r.png);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(r.png);
  if (colour == PNG_COLOR_TYPE_GRAY && bits < 8) png_set_expand_gray_1_2_4_to_8(r.png);
  png_set_strip_alpha(r.png);
  png_set_interlace_handling(r.png);
  png_read_update_info(r.png, r.info);
  return png_get_channels(r.png, r.info);
}

bool png_pixels(PngReader& r, png_bytepp rows) {
  if (setjmp(png_jmpbuf(r.png))) return false;
  png_read_image(r.png, rows);
  png_read_end(r.png, nullptr);
  return true;
}

Tensor decode_png(const std::vector<uint8_t>& bytes, const ImageInfo& info, std::string& problem) {
  PngReader reader;
  reader.bytes = bytes.data(), reader.size = bytes.size();
  int channels = png_begin(reader);
  Tensor x;
  bool ok = (channels == 1 || channels == 3) &&
            int64_t(png_get_image_height(reader.png, reader.info)) == info.stored_height &&
            int64_t(png_get_image_width(reader.png, reader.info)) == info.stored_width;
  if (ok) {
    x = empty({info.stored_height, info.stored_width, channels}, DType::u8);
    std::vector<png_bytep> rows(info.stored_height);
    uint8_t* pixels = x.write<uint8_t>();
    for (int64_t y = 0; y < info.stored_height; ++y) rows[y] = pixels + y * info.stored_width * channels;
    ok = png_pixels(reader, rows.data());
  }
  if (!ok) problem = text("truncated or damaged PNG: ", reader.problem);
  return x;
}

/// A TurboJPEG handle that closes itself.
struct Turbo {
  tjhandle handle;
  explicit Turbo(tjhandle handle) : handle(handle) {}
  ~Turbo() {
    if (handle) tjDestroy(handle);
  }
  Turbo(const Turbo&) = delete;
  Turbo& operator=(const Turbo&) = delete;
};

Tensor decode_jpeg(const std::vector<uint8_t>& bytes, const ImageInfo& info, bool grey, std::string& problem) {
  Turbo turbo(tjInitDecompress());
  check<MemoryError>(turbo.handle, "read_image: libjpeg-turbo has no memory");
  int width = 0, height = 0, sampling = 0, space = 0;
  bool ok = tjDecompressHeader3(turbo.handle, bytes.data(), bytes.size(), &width, &height, &sampling, &space) == 0;
  ok = ok && width == info.stored_width && height == info.stored_height;
  Tensor x;
  if (ok) {
    x = empty({height, width, grey ? 1 : 3}, DType::u8);
    ok = tjDecompress2(turbo.handle, bytes.data(), bytes.size(), x.write<uint8_t>(), width, 0, height,
                       grey ? TJPF_GRAY : TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) == 0;
  }
  if (!ok) problem = text("truncated or damaged JPEG: ", tjGetErrorStr2(turbo.handle));
  return x;
}

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

Tensor read(const std::string& path, bool mask, const char* op) {
  auto file = InputFile::open<DataError>(path, op);
  ImageInfo info = detail::probe_image(file, path, op);
  std::vector<uint8_t> bytes(file.size());
  check<DataError>(file.read(0, bytes.data(), file.size()), op, ": ", path, ": cannot be read to its end");
  std::string problem;
  Tensor x = info.format == "png" ? decode_png(bytes, info, problem) : decode_jpeg(bytes, info, mask, problem);
  check<DataError>(problem.empty(), op, ": ", path, ": ", problem);
  return mask ? with_channels(x, 1) : upright(with_channels(x, 3), info.orientation);
}

/// Checks an image to be written; returns height, width and channels.
std::array<int, 3> writable(const Tensor& x, const char* op) {
  check<DTypeError>(x.dtype() == DType::u8, op, ": takes u8, got ", x.dtype());
  int64_t C = x.rank() == 3 ? x.dim(2) : 1;
  check((x.rank() == 2 || x.rank() == 3) && (C == 1 || C == 3) && x.numel() > 0, op,
        ": takes (H, W, 3), (H, W, 1) or (H, W) with a pixel at least, got ", x.shape());
  check(x.numel() / C <= kMaxPixels, op, ": at most ", kMaxPixels, " pixels, got ", x.shape());
  return {int(x.dim(0)), int(x.dim(1)), int(C)};
}

}  // namespace

Tensor read_image(const std::string& path) { return read(path, false, "read_image"); }
Tensor read_mask(const std::string& path) { return read(path, true, "read_mask"); }

void write_png(const std::string& path, const Tensor& image) {
  auto [H, W, C] = writable(image, "write_png");
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.height = png_uint_32(H), header.width = png_uint_32(W);
  header.format = C == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::vector<uint8_t> bytes(size);
  bool ok = png_image_write_to_memory(&header, bytes.data(), &size, 0, image.raw(), 0, nullptr);
  check<DataError>(ok, "write_png: ", path, ": ", header.message);
  write_file(path, std::span<const uint8_t>(bytes.data(), size), false);
}

void write_jpeg(const std::string& path, const Tensor& image, int quality) {
  auto [H, W, C] = writable(image, "write_jpeg");
  check<ConfigError>(quality >= 1 && quality <= 100, "write_jpeg: quality must lie in 1..100, got ", quality);
  Turbo turbo(tjInitCompress());
  check<MemoryError>(turbo.handle, "write_jpeg: libjpeg-turbo has no memory");
  int sampling = C == 3 ? TJSAMP_420 : TJSAMP_GRAY;
  std::vector<uint8_t> bytes(tjBufSize(W, H, sampling));
  unsigned char* to = bytes.data();
  unsigned long size = bytes.size();
  bool ok = tjCompress2(turbo.handle, image.read<uint8_t>(), W, 0, H, C == 3 ? TJPF_RGB : TJPF_GRAY, &to, &size,
                        sampling, quality, TJFLAG_ACCURATEDCT | TJFLAG_NOREALLOC) == 0;
  check<DataError>(ok, "write_jpeg: ", path, ": ", tjGetErrorStr2(turbo.handle));
  write_file(path, std::span<const uint8_t>(bytes.data(), size), false);
}

}  // namespace camo
