// Files that break the letter of their format and that every viewer shows, and files that have lost pixels.
#include <doctest/doctest.h>

#include <cstdio>
// jpeglib.h needs FILE.
#include <jpeglib.h>

#include "autograd/gradient_check.h"
#include "tests/image/picture_bytes.h"

using namespace camo;
using namespace camo::test::picture;
using test::largest_difference;

namespace {

/// How to write a JPEG that write_jpeg does not: the sampling factors of each component, and the colour space.
struct Odd {
  std::vector<std::pair<int, int>> sampling;  // horizontal, vertical
  J_COLOR_SPACE space = JCS_YCbCr;
};

/// x (H, W, C) as a JPEG of quality 98.
Bytes jpeg(const Tensor& x, const Odd& odd) {
  jpeg_error_mgr errors;
  jpeg_compress_struct c{};
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* out = nullptr;
  unsigned long n = 0;
  jpeg_mem_dest(&c, &out, &n);
  c.image_height = JDIMENSION(x.dim(0)), c.image_width = JDIMENSION(x.dim(1)), c.input_components = int(x.dim(2));
  c.in_color_space = x.dim(2) == 4 ? JCS_CMYK : x.dim(2) == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&c);
  jpeg_set_colorspace(&c, odd.space);
  jpeg_set_quality(&c, 98, TRUE);
  for (size_t i = 0; i < odd.sampling.size(); ++i)
    c.comp_info[i].h_samp_factor = odd.sampling[i].first, c.comp_info[i].v_samp_factor = odd.sampling[i].second;
  jpeg_start_compress(&c, TRUE);
  Tensor copy = x.clone();
  for (int64_t y = 0; y < x.dim(0); ++y) {
    JSAMPROW row = copy.write<uint8_t>() + y * x.dim(1) * x.dim(2);
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  Bytes bytes(out, out + n);
  std::free(out), jpeg_destroy_compress(&c);
  return bytes;
}

size_t find(const Bytes& bytes, uint8_t marker) {
  for (size_t i = 0; i + 1 < bytes.size(); ++i)
    if (bytes[i] == 0xff && bytes[i + 1] == marker) return i;
  return bytes.size();
}

Bytes with(Bytes bytes, size_t at, const Bytes& more) {
  bytes.insert(bytes.begin() + int64_t(at), more.begin(), more.end());
  return bytes;
}

}  // namespace

TEST_CASE("a truncated or damaged picture is an error, never half a picture") {
  Folder folder;
  constexpr size_t kEnd = 12;  // bytes of the chunk IEND
  write_jpeg(folder.file("a"), smooth(48, 64));
  write_png(folder.file("b"), pattern(9, 11, 3));
  for (const char* name : {"a", "b"}) {
    Bytes whole = slurp(folder.file(name));
    for (size_t n = 0; n < whole.size(); ++n) {
      CAPTURE(n);
      if (name == std::string("b") && n + kEnd == whole.size()) continue;  // only the mark of the end is cut off
      CHECK_THROWS_AS(read_image(folder.put("cut", Bytes(whole.begin(), whole.begin() + int64_t(n)))), DataError);
    }
  }
  Bytes whole = slurp(folder.file("b"));
  Tensor right = read_image(folder.file("b"));
  for (size_t bit = 0; bit < whole.size() * 8; bit += 3) {
    Bytes bad = whole;
    bad[bit / 8] ^= uint8_t(1 << bit % 8);
    Tensor got = right;  // an accepted file must give the right pixels
    try {
      got = read_image(folder.put("bad", bad));
    } catch (const DataError&) {}
    CHECK(equal_bits(got, right));
  }
}

TEST_CASE("a JPEG with bytes that belong nowhere has the pixels of one without") {
  Folder folder;
  write_jpeg(folder.file("a"), smooth(40, 56));
  const Bytes clean = slurp(folder.file("a"));
  const Tensor want = read_image(folder.file("a"));
  Bytes junk(248);
  for (size_t i = 0; i < junk.size(); ++i) junk[i] = i % 2 ? 0x34 : 0x12;
  const size_t tables = find(clean, 0xdb), frame = find(clean, 0xc0), codes = find(clean, 0xc4);
  auto same = [&](const char* where, const Bytes& bytes) {
    CAPTURE(where);
    CHECK(equal_bits(read_image(folder.put("odd", bytes)), want));
    CHECK(probe_image(folder.file("odd")).width == 56);
  };
  same("before the end", with(clean, clean.size() - 2, junk));
  same("after the end", with(clean, clean.size(), junk));
  same("before the tables", with(clean, tables, {0xff, 0xff, 0xff}));
  same("before the frame", with(clean, frame, {0, 0}));
  same("before the codes", with(clean, codes, {0, 0}));
  CHECK_THROWS_AS(read_image(folder.put("odd", with(clean, frame, Bytes(10000)))), DataError);
}

TEST_CASE("a JPEG may sample its components in any legal way") {
  Folder folder;
  const Tensor x = smooth(72, 104);
  using S = std::vector<std::pair<int, int>>;
  for (const S& s :
       {S{{1, 1}, {1, 1}, {1, 1}}, S{{2, 1}, {2, 1}, {2, 1}}, S{{2, 2}, {1, 2}, {1, 2}}, S{{2, 2}, {2, 1}, {2, 1}},
        S{{2, 2}, {1, 1}, {1, 1}}, S{{4, 1}, {1, 1}, {1, 1}}, S{{2, 4}, {1, 1}, {1, 1}}, S{{3, 1}, {1, 1}, {1, 1}},
        S{{2, 2}, {2, 1}, {1, 2}}, S{{1, 1}, {2, 2}, {2, 2}}}) {
    CAPTURE(s[0].first * 10 + s[0].second);
    CHECK(largest_difference(read_image(folder.put("x", jpeg(x, {s}))), x) <= 40);
    CHECK(read_mask(folder.file("x")).shape() == Shape{72, 104, 1});
  }
  CHECK(largest_difference(read_image(folder.put("x", jpeg(x, {{}, JCS_RGB}))), x) <= 4);
  const Tensor grey = smooth(24, 30).reshape(Shape{72, 30, 1});
  CHECK(largest_difference(read_mask(folder.put("x", jpeg(grey, {{{2, 2}}, JCS_GRAYSCALE}))), grey) <= 30);
}

TEST_CASE("CMYK and YCCK become RGB: 255 minus ink is stored, and black darkens all") {
  Folder folder;
  Tensor x = empty({16, 16, 4}, DType::u8), want = empty({16, 16, 3}, DType::u8);
  for (int64_t i = 0; i < 256; ++i)
    for (int64_t c = 0; c < 4; ++c) {
      const int64_t stored[] = {200, 120, 40, 128};
      x.write<uint8_t>()[4 * i + c] = uint8_t(stored[c]);
      if (c < 3) want.write<uint8_t>()[3 * i + c] = uint8_t((stored[c] * 128 + 127) / 255);
    }
  for (J_COLOR_SPACE space : {JCS_CMYK, JCS_YCCK})
    CHECK(largest_difference(read_image(folder.put("x", jpeg(x, {{}, space}))), want) <= 2);
  CHECK(largest_difference(read_mask(folder.file("x")), full({16, 16, 1}, 67, DType::u8)) <= 2);  // luma of 100, 60, 20
}

TEST_CASE("side chunks that are wrong, and data after the last pixel, do not spoil a PNG") {
  Folder folder;
  auto read = [&](const Bytes& bytes) { return to_vector<int64_t>(read_mask(folder.put("x", bytes))); };
  using V = std::vector<int64_t>;
  auto chunk = [](const char* name, const Bytes& data) { return [=](Bytes& b) { add_chunk(b, name, data); }; };
  const Bytes row = {0, 100, 7};
  CHECK(read(png(2, 1, 8, 0, false, row, chunk("tRNS", Bytes(11)))) == V{100, 7});  // too long for a grey picture
  auto palette = [](Bytes& b) {
    add_chunk(b, "PLTE", {1, 1, 1, 2, 2, 2});
    add_chunk(b, "tRNS", Bytes(40, 1));
  };
  CHECK(read(png(2, 1, 8, 3, false, {0, 1, 0}, palette)) == V{2, 1});
  CHECK(read(png(2, 1, 8, 0, false, row, chunk("bKGD", {0}))) == V{100, 7});
  CHECK(read(png(2, 1, 8, 0, false, row, chunk("gAMA", big(0)))) == V{100, 7});
  CHECK(read(png(2, 1, 8, 0, false, row, chunk("tIME", {7, 0xe8, 13, 32, 25, 61, 61}))) == V{100, 7});
  Bytes longer = row;
  longer.resize(60);
  CHECK(read(png(2, 1, 8, 0, false, longer)) == V{100, 7});  // more rows than the header says
  const Bytes whole = png(2, 1, 8, 0, false, row);
  CHECK(read(Bytes(whole.begin(), whole.end() - 12)) == V{100, 7});  // without IEND
  CHECK(read(with(whole, whole.size(), {0, 0})) == V{100, 7});
  // The checksum of the pixels is the last four bytes of IDAT; its chunk's own checksum is made to fit.
  Bytes bad = Bytes(whole.begin(), whole.end() - 12);
  const size_t data = bad.size() - 4 - (2 + 5 + row.size() + 4);
  Bytes inside(bad.begin() + int64_t(data), bad.end() - 4);
  inside.back() ^= 1;
  bad.resize(data - 8);
  add_chunk(bad, "IDAT", inside);
  add_chunk(bad, "IEND", {});
  CHECK_THROWS_WITH_AS(read(bad), doctest::Contains("incorrect data check"), DataError);
  Bytes extra(whole.begin() + int64_t(data), whole.end() - 16);
  append(extra, {'j', 'u', 'n', 'k'});
  bad.resize(data - 8);
  add_chunk(bad, "IDAT", extra);
  add_chunk(bad, "IEND", {});
  CHECK(read(bad) == V{100, 7});
}

TEST_CASE("a mask may be the alpha channel; a photograph may stay as it is stored") {
  Folder folder;
  const std::string file = folder.put("x.png", png(2, 1, 8, 4, false, {0, 200, 3, 100, 255}));
  CHECK(to_vector<int64_t>(read_mask(file, MaskChannel::alpha)) == std::vector<int64_t>{3, 255});
  auto palette = [](Bytes& b) {
    add_chunk(b, "PLTE", {0, 0, 0, 9, 9, 9});
    add_chunk(b, "tRNS", {0, 128});
  };
  folder.put("x.png", png(2, 1, 8, 3, false, {0, 1, 0}, palette));
  CHECK(to_vector<int64_t>(read_mask(file, MaskChannel::alpha)) == std::vector<int64_t>{128, 0});
  folder.put("x.png", png(2, 1, 8, 0, false, {0, 1, 0}));
  CHECK_THROWS_WITH_AS(read_mask(file, MaskChannel::alpha), doctest::Contains("no alpha channel"), DataError);
  auto exif = [](Bytes& b) {
    add_chunk(b, "eXIf", {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0});
  };
  folder.put("x.png", png(2, 1, 8, 0, false, {0, 10, 20}, exif));
  CHECK(read_image(file).shape() == Shape{2, 1, 3});
  CHECK(read_image(file, Orientation::stored).shape() == Shape{1, 2, 3});
}

TEST_CASE("the limit of pixels can be raised, and the error says how") {
  Folder folder;
  set_max_pixels(10);
  CHECK_THROWS_WITH_AS(read_image(folder.put("x", png(11, 1, 8, 0, false, Bytes(12)))),
                       doctest::Contains("[--max-pixels]"), DataError);
  set_max_pixels(11);
  CHECK(read_image(folder.file("x")).numel() == 33);
  set_max_pixels(kMaxPixels);
}
