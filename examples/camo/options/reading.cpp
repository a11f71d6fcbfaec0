#include "examples/camo/options/reading.h"

namespace camo::program {

Options options(Reading& r) {
  return {{"images", &r.images, "folder of photographs, with --masks in place of --data"},
          {"masks", &r.masks, "folder of their masks"},
          {"mask-above", &r.mask_above, "object where a mask's value is larger", 0, 254},
          {"mask-alpha", &r.mask_alpha, "the mask is the alpha channel of its file"},
          choice("mask-resize", &r.mask_resize, "bring masks of another size to that of their photograph"),
          choice("exif", &r.exif, "turn photographs as their EXIF orientation says; masks are never turned"),
          {"max-pixels", &r.max_pixels, "most pixels of a picture", 1, 4e9}};
}

void validate(const Reading& r, const std::string& command) {
  check<ConfigError>(r.images.empty() == r.masks.empty(), command, ": --images and --masks go together");
}

std::string pixels(ImageSize size) { return text(size.height, " x ", size.width); }

ImageSize size_of(const ImageInfo& photograph, const Reading& how) {
  if (how.exif == Exif::apply) return {photograph.height, photograph.width};
  return {photograph.stored_height, photograph.stored_width};
}

Tensor read_mask(const std::string& path, const Reading& how) {
  Tensor mask = camo::read_mask(path, how.channel());
  if (how.mask_above == Reading{}.mask_above && !how.mask_alpha) return mask;
  uint8_t* p = mask.write<uint8_t>();
  for (int64_t i = 0; i < mask.numel(); ++i) p[i] = p[i] > how.mask_above ? 255 : 0;
  return mask;
}

}  // namespace camo::program
