// JPEG by libjpeg-turbo, in its libjpeg form: the simpler TurboJPEG form refuses legal sampling factors.
#include <csetjmp>
#include <cstdio>
// jpeglib.h needs FILE, jerror.h needs jpeglib.h.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <cstdlib>
#include <memory>

#include "tensor/image/codec.h"

namespace camo::detail {
namespace {

/// libjpeg reports errors through these functions, which leave by longjmp.  That skips destructors, so the functions
/// that call setjmp own nothing.
struct JpegErrors {
  jpeg_error_mgr base;  // first, so that its address is that of the whole
  std::jmp_buf back;
  char problem[JMSG_LENGTH_MAX] = "";

  JpegErrors() {
    jpeg_std_error(&base);
    base.error_exit = [](j_common_ptr c) { fail(c); };
    base.emit_message = [](j_common_ptr c, int level) {
      if (level < 0 && loses_pixels(c->err->msg_code)) fail(c);
    };
  }
  static void fail(j_common_ptr c) {
    auto* self = reinterpret_cast<JpegErrors*>(c->err);
    self->base.format_message(c, self->problem);
    std::longjmp(self->back, 1);
  }
  /// Whether a warning means that pixels were made up.  The others are about bytes that belong nowhere.
  static bool loses_pixels(int warning) {
    return warning == JWRN_HIT_MARKER || warning == JWRN_JPEG_EOF || warning == JWRN_HUFF_BAD_CODE ||
           warning == JWRN_ARITH_BAD_CODE || warning == JWRN_MUST_RESYNC || warning == JWRN_BOGUS_PROGRESSION ||
           warning == JWRN_NOT_SEQUENTIAL;
  }
};

struct JpegReader {
  JpegErrors errors;
  jpeg_decompress_struct c{};
  jpeg_progress_mgr progress{};

  JpegReader() { c.err = &errors.base; }
  ~JpegReader() { jpeg_destroy_decompress(&c); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
};

/// A progressive picture may repeat its scans without end; decoding then takes hours.
void limit_scans(j_common_ptr c) {
  constexpr int kMostScans = 500;
  if (reinterpret_cast<j_decompress_ptr>(c)->input_scan_number <= kMostScans) return;
  auto* self = reinterpret_cast<JpegErrors*>(c->err);
  std::snprintf(self->problem, sizeof self->problem, "more than %d scans", kMostScans);
  std::longjmp(self->back, 1);
}

/// Reads the header and starts decoding.
bool jpeg_begin(JpegReader& r, const std::vector<uint8_t>& bytes, bool grey) {
  if (setjmp(r.errors.back)) return false;
  jpeg_create_decompress(&r.c);
  r.progress.progress_monitor = limit_scans;
  r.c.progress = &r.progress;
  jpeg_mem_src(&r.c, bytes.data(), bytes.size());
  jpeg_read_header(&r.c, TRUE);
  const bool four = r.c.num_components == 4;
  r.c.out_color_space = four ? JCS_CMYK : grey ? JCS_GRAYSCALE : JCS_RGB;
  r.c.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&r.c);
  return true;
}

bool jpeg_pixels(JpegReader& r, uint8_t* pixels, size_t row) {
  if (setjmp(r.errors.back)) return false;
  while (r.c.output_scanline < r.c.output_height) {
    JSAMPROW to = pixels + r.c.output_scanline * row;
    jpeg_read_scanlines(&r.c, &to, 1);
  }
  jpeg_finish_decompress(&r.c);
  return true;
}

/// Ink to light.  Files store 255 minus the ink, as Adobe does: colour = (255 - ink) (255 - black) / 255.
Tensor cmyk_to_rgb(const Tensor& x) {
  auto [H, W, C] = dims<3>(x, "image");
  Tensor y = empty({H, W, 3}, DType::u8);
  const uint8_t* in = x.read<uint8_t>();
  uint8_t* out = y.write<uint8_t>();
  for (int64_t i = 0; i < H * W; ++i)
    for (int64_t c = 0; c < 3; ++c) out[3 * i + c] = uint8_t((in[4 * i + c] * in[4 * i + 3] + 127) / 255);
  return y;
}

struct JpegWriter {
  JpegErrors errors;
  jpeg_compress_struct c{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;

  JpegWriter() { c.err = &errors.base; }
  ~JpegWriter() {
    jpeg_destroy_compress(&c);
    std::free(bytes);
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;
};

bool jpeg_write(JpegWriter& w, const uint8_t* pixels, int64_t height, int64_t width, int channels, int quality) {
  if (setjmp(w.errors.back)) return w.bytes = nullptr, false;  // libjpeg may have freed it to make a longer one
  jpeg_create_compress(&w.c);
  jpeg_mem_dest(&w.c, &w.bytes, &w.size);
  w.c.image_height = JDIMENSION(height), w.c.image_width = JDIMENSION(width);
  w.c.input_components = channels;
  w.c.in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&w.c);  // colour at half resolution
  jpeg_set_quality(&w.c, quality, TRUE);
  w.c.dct_method = JDCT_ISLOW;
  jpeg_start_compress(&w.c, TRUE);
  while (w.c.next_scanline < w.c.image_height) {
    auto row = const_cast<JSAMPROW>(pixels + int64_t(w.c.next_scanline) * width * channels);
    jpeg_write_scanlines(&w.c, &row, 1);
  }
  jpeg_finish_compress(&w.c);
  return true;
}

}  // namespace

Tensor decode_jpeg(const std::vector<uint8_t>& bytes, const ImageInfo& info, Channels wanted, std::string& problem) {
  Tensor x;
  if (wanted == Channels::alpha) return problem = "a JPEG has no alpha channel", x;
  const auto reader = std::make_unique<JpegReader>();
  bool ok = jpeg_begin(*reader, bytes, wanted == Channels::grey);
  const jpeg_decompress_struct& c = reader->c;
  if (ok && (c.output_height != info.stored_height || c.output_width != info.stored_width))
    return problem = "damaged JPEG: it has two frames of different sizes", x;
  if (ok) {
    x = empty({info.stored_height, info.stored_width, c.output_components}, DType::u8);
    ok = jpeg_pixels(*reader, x.write<uint8_t>(), size_t(info.stored_width * c.output_components));
  }
  if (!ok) problem = text("truncated or damaged JPEG: ", reader->errors.problem);
  return ok && x.dim(2) == 4 ? cmyk_to_rgb(x) : x;
}

std::vector<uint8_t> encode_jpeg(const Tensor& image, int64_t height, int64_t width, int channels, int quality,
                                 std::string& problem) {
  const auto writer = std::make_unique<JpegWriter>();
  if (!jpeg_write(*writer, image.read<uint8_t>(), height, width, channels, quality))
    return problem = writer->errors.problem, std::vector<uint8_t>();
  return {writer->bytes, writer->bytes + writer->size};
}

}  // namespace camo::detail
