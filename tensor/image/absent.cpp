// Replaces image.cpp, png.cpp and jpeg.cpp in a build without libpng and libjpeg-turbo (-DCAMO_IMAGES=auto or off).  Programs
// still link; reading or writing a picture throws an error that says why.
#include "tensor/image/image.h"

namespace camo {
namespace {

[[noreturn]] void refuse(const char* op, const std::string& path) {
  throw DataError(
      text(op, ": ", path, ": this build has neither libpng nor libjpeg-turbo [configure with -DCAMO_IMAGES=on]"));
}

}  // namespace

Tensor read_image(const std::string& path, Orientation) { refuse("read_image", path); }
Tensor decode_image(const std::vector<uint8_t>&, const std::string& name, Orientation) { refuse("read_image", name); }
Tensor read_mask(const std::string& path, MaskChannel) { refuse("read_mask", path); }
void write_png(const std::string& path, const Tensor&) { refuse("write_png", path); }
std::vector<uint8_t> encode_png(const Tensor&) { refuse("encode_png", "a picture"); }
void write_jpeg(const std::string& path, const Tensor&, int) { refuse("write_jpeg", path); }
std::vector<uint8_t> encode_jpeg(const Tensor&, int) { refuse("encode_jpeg", "a picture"); }

}  // namespace camo
