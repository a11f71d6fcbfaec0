// PNG by libpng.
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "tensor/image/codec.h"

namespace camo::detail {
namespace {

/// libpng reports errors by longjmp, which skips destructors.  So the functions that call setjmp own nothing, and what
/// they work on lives here.
struct PngReader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const uint8_t* bytes = nullptr;
  size_t size = 0, at = 0;
  bool ends_between_chunks = false;
  char problem[128] = "";

  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }

  static void error(png_structp png, png_const_charp what) {
    auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
    std::snprintf(self->problem, sizeof self->problem, "%s", what);
    png_longjmp(png, 1);
  }
  /// libpng warns of side chunks that no pixel depends on, and of data after the last pixel.  Only one warning is about
  /// pixels: after the last of them, the checksum of all.
  static void warning(png_structp png, png_const_charp what) {
    if (std::strstr(what, "incorrect data check")) error(png, what);
  }
  static void read(png_structp png, png_bytep to, size_t n) {
    auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
    constexpr size_t kChunkHeader = 8;
    self->ends_between_chunks = n == kChunkHeader && self->at == self->size;
    if (n > self->size - self->at) png_error(png, "ends too early");
    std::memcpy(to, self->bytes + self->at, n);
    self->at += n;
  }
};

/// Reads the header and asks for 8-bit channels, and for an alpha channel or none.  Returns the number of channels, 0 on
/// error.
int png_begin(PngReader& r, bool alpha) {
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, PngReader::error, PngReader::warning);
  if (!r.png) return 0;
  if (setjmp(png_jmpbuf(r.png))) return 0;
  r.info = png_create_info_struct(r.png);
  if (!r.info) return 0;
  png_set_read_fn(r.png, &r, PngReader::read);
  png_set_user_limits(r.png, 0x7fffffff, 0x7fffffff);  // no limit here: the caller has checked the number of pixels
  png_set_crc_action(r.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_benign_errors(r.png, 1);                                          // as warnings
  png_set_keep_unknown_chunks(r.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);  // colour profiles: content ignored
  png_read_info(r.png, r.info);
  int colour = png_get_color_type(r.png, r.info), bits = png_get_bit_depth(r.png, r.info);
  if (bits == 16) png_set_scale_16(r.png);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(r.png);
  if (colour == PNG_COLOR_TYPE_GRAY && bits < 8) png_set_expand_gray_1_2_4_to_8(r.png);
  if (!alpha) png_set_strip_alpha(r.png);
  else if (png_get_valid(r.png, r.info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(r.png);
  png_set_interlace_handling(r.png);
  png_read_update_info(r.png, r.info);
  return png_get_channels(r.png, r.info);
}

bool png_pixels(PngReader& r, png_bytepp rows) {
  if (setjmp(png_jmpbuf(r.png))) return false;
  png_read_image(r.png, rows);
  return true;
}

/// Reads what follows the last row: the checksums, and any chunks.  A file that ends between two chunks lacks only the
/// mark of its end.
bool png_end(PngReader& r) {
  if (setjmp(png_jmpbuf(r.png))) return r.ends_between_chunks;
  png_read_end(r.png, nullptr);
  return true;
}

}  // namespace

Tensor decode_png(const std::vector<uint8_t>& bytes, const ImageInfo& info, Channels wanted, std::string& problem) {
  PngReader reader;
  reader.bytes = bytes.data(), reader.size = bytes.size();
  const bool alpha = wanted == Channels::alpha;
  const int channels = png_begin(reader, alpha);
  const int64_t H = info.stored_height, W = info.stored_width;
  Tensor x;
  bool ok = channels > 0 && int64_t(png_get_image_height(reader.png, reader.info)) == H &&
            int64_t(png_get_image_width(reader.png, reader.info)) == W;
  if (ok && alpha != (channels % 2 == 0)) return problem = "has no alpha channel", x;
  if (ok) {
    x = empty({H, W, channels}, DType::u8);
    std::vector<png_bytep> rows(H);
    uint8_t* pixels = x.write<uint8_t>();
    for (int64_t y = 0; y < H; ++y) rows[y] = pixels + y * W * channels;
    ok = png_pixels(reader, rows.data()) && png_end(reader);
  }
  if (!ok) problem = text("truncated or damaged PNG: ", reader.problem);
  if (!ok || !alpha) return x;
  Tensor last = empty({H, W, 1}, DType::u8);
  for (int64_t i = 0; i < H * W; ++i) last.write<uint8_t>()[i] = x.read<uint8_t>()[i * channels + channels - 1];
  return last;
}

std::vector<uint8_t> encode_png(const Tensor& image, int64_t height, int64_t width, int channels,
                                std::string& problem) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.height = png_uint_32(height), header.width = png_uint_32(width);
  header.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::vector<uint8_t> bytes(size);
  if (!png_image_write_to_memory(&header, bytes.data(), &size, 0, image.raw(), 0, nullptr)) problem = header.message;
  bytes.resize(size);
  return bytes;
}

}  // namespace camo::detail
