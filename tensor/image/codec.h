// The decoders and encoders of one format each.  Internal to tensor/image/.
#pragma once

#include <string>
#include <vector>

#include "tensor/image/image.h"

namespace camo::detail {

/// What a decoder returns of a picture's channels.
enum class Channels { colour, grey, alpha };

/// Decodes a picture whose header is `info`: u8 (stored height, stored width, 1 or 3), not turned.  On failure sets
/// `problem` and returns anything.  `grey` asks for luma where that is cheap; the result may still have three channels.
Tensor decode_png(const std::vector<uint8_t>& bytes, const ImageInfo& info, Channels wanted, std::string& problem);
Tensor decode_jpeg(const std::vector<uint8_t>& bytes, const ImageInfo& info, Channels wanted, std::string& problem);

/// Encodes u8 (H, W, 1 or 3); on failure sets `problem`.
std::vector<uint8_t> encode_png(const Tensor& image, int64_t height, int64_t width, int channels, std::string& problem);
std::vector<uint8_t> encode_jpeg(const Tensor& image, int64_t height, int64_t width, int channels, int quality,
                                 std::string& problem);

}  // namespace camo::detail
