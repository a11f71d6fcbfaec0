#include "tensor/image/image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/gradient_check.h"
#include "tests/image/picture_bytes.h"

using namespace camo;
using test::largest_difference;
using namespace camo::test::picture;

TEST_CASE("PNG round-trips bit for bit, in RGB and grey, whatever the suffix") {
  Folder folder;
  for (int64_t c : {1, 3}) {
    Tensor x = pattern(13, 7, c);
    write_png(folder.file("a.jpg"), x);
    CHECK(equal_bits(c == 1 ? read_mask(folder.file("a.jpg")) : read_image(folder.file("a.jpg")), x));
  }
  Tensor grey = pattern(5, 4, 1);
  write_png(folder.file("g.png"), grey.reshape(Shape{5, 4}));
  Tensor rgb = read_image(folder.file("g.png"));
  CHECK(rgb.shape() == Shape{5, 4, 3});
  for (int64_t i = 0; i < 60; ++i) CHECK(rgb.read<uint8_t>()[i] == grey.read<uint8_t>()[i / 3]);
  ImageInfo info = probe_image(folder.file("g.png"));
  CHECK((info.format == "png" && info.height == 5 && info.width == 4 && info.channels == 1 && info.bits == 8));
}

TEST_CASE("PNG variants follow the stated rules") {
  Folder folder;
  auto image = [&](const Bytes& b) { return to_vector<int64_t>(read_image(folder.put("x.png", b))); };
  auto mask = [&](const Bytes& b) { return to_vector<int64_t>(read_mask(folder.put("x.png", b))); };
  using V = std::vector<int64_t>;
  SUBCASE("16 bits are rounded") {
    CHECK(mask(png(2, 1, 16, 0, false, {0, 0xff, 0xff, 0x01, 0x7f})) == V{255, 1});
    CHECK(mask(png(2, 1, 16, 0, false, {0, 0x80, 0x00, 0x00, 0x90})) == V{128, 1});
    CHECK(image(png(1, 1, 16, 2, false, {0, 0xff, 0xff, 0x80, 0x80, 0, 0})) == V{255, 128, 0});
  }
  SUBCASE("1, 2 and 4 bits are spread over 0..255") {
    CHECK(mask(png(8, 1, 1, 0, false, {0, 0b10110000})) == V{255, 0, 255, 255, 0, 0, 0, 0});
    CHECK(mask(png(4, 1, 2, 0, false, {0, 0b00011011})) == V{0, 85, 170, 255});
    CHECK(mask(png(2, 1, 4, 0, false, {0, 0x1f})) == V{17, 255});
  }
  SUBCASE("palettes are looked up, in masks by luma") {
    auto palette = [](Bytes& b) {
      add_chunk(b, "PLTE", {0, 0, 0, 255, 255, 255, 255, 0, 0});
      add_chunk(b, "tRNS", {0, 128});
    };
    CHECK(image(png(3, 1, 8, 3, false, {0, 2, 1, 0}, palette)) == V{255, 0, 0, 255, 255, 255, 0, 0, 0});
    CHECK(mask(png(3, 1, 8, 3, false, {0, 2, 1, 0}, palette)) == V{76, 255, 0});
  }
  SUBCASE("luma is rounded") {  // 0.587 * 255 is 149.7, 0.114 * 255 is 29.1
    CHECK(mask(png(2, 1, 8, 2, false, {0, 0, 255, 0, 0, 0, 255})) == V{150, 29});
  }
  SUBCASE("alpha is dropped") {
    CHECK(image(png(1, 1, 8, 6, false, {0, 9, 8, 7, 0})) == V{9, 8, 7});
    CHECK(mask(png(2, 1, 8, 4, false, {0, 200, 0, 100, 255})) == V{200, 100});
  }
  SUBCASE("interlaced") {  // 3 x 3: pass 1 has (0,0); 5 (2,0) (2,2) after 4 (0,2); 6 odd columns; 7 odd rows
    Bytes raw = {0, 1, /*4*/ 0, 3, /*5*/ 0, 7, 9, /*6*/ 0, 2, 0, 8, /*7*/ 0, 4, 5, 6};
    CHECK(mask(png(3, 3, 8, 0, true, raw)) == V{1, 2, 3, 4, 5, 6, 7, 8, 9});
  }
  SUBCASE("gamma and profiles change nothing; a damaged profile is an error") {
    CHECK(mask(png(1, 1, 8, 0, false, {0, 100}, [](Bytes& b) { add_chunk(b, "gAMA", big(100000)); })) == V{100});
    Bytes odd = png(1, 1, 8, 0, false, {0, 100}, [](Bytes& b) { add_chunk(b, "iCCP", {1, 2, 3}); });
    CHECK(mask(odd) == V{100});
    odd[44] ^= 1;
    CHECK_THROWS_AS(mask(odd), DataError);
  }
  SUBCASE("eXIf turns the image but not the mask") {
    auto exif = [](Bytes& b) {
      add_chunk(b, "eXIf", {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0});
    };
    Bytes turned = png(2, 1, 8, 0, false, {0, 10, 20}, exif);
    CHECK(image(turned) == V{10, 10, 10, 20, 20, 20});
    CHECK(read_image(folder.file("x.png")).shape() == Shape{2, 1, 3});
    CHECK(read_mask(folder.file("x.png")).shape() == Shape{1, 2, 1});
  }
}

TEST_CASE("JPEG keeps a smooth picture; a colour mask is read as luma") {
  Folder folder;
  Tensor x = smooth(45, 61);
  write_jpeg(folder.file("x.png"), x, 98);  // the suffix is wrong on purpose
  CHECK(probe_image(folder.file("x.png")).format == "jpeg");
  CHECK(largest_difference(read_image(folder.file("x.png")), x) <= 12);  // chroma is stored at half resolution
  CHECK(read_mask(folder.file("x.png")).shape() == Shape{45, 61, 1});
  Tensor grey = smooth(20, 20);
  write_jpeg(folder.file("grey"), grey.reshape(Shape{20, 60, 1}), 98);
  CHECK(largest_difference(read_mask(folder.file("grey")), grey.reshape(Shape{20, 60, 1})) <= 20);
}

TEST_CASE("all eight EXIF orientations are applied to images, and none to masks") {
  Folder folder;
  Tensor x = smooth(40, 24);
  write_jpeg(folder.file("x"), x, 98);
  Bytes plain = slurp(folder.file("x"));
  Tensor stored = read_image(folder.file("x"));
  const int64_t H = 40, W = 24;
  auto source = [&](int o, int64_t i, int64_t j) -> std::pair<int64_t, int64_t> {  // as in the EXIF standard
    switch (o) {
      case 2: return {i, W - 1 - j};
      case 3: return {H - 1 - i, W - 1 - j};
      case 4: return {H - 1 - i, j};
      case 5: return {j, i};
      case 6: return {H - 1 - j, i};
      case 7: return {H - 1 - j, W - 1 - i};
      case 8: return {j, W - 1 - i};
      default: return {i, j};
    }
  };
  for (int o = 0; o <= 9; ++o) {
    CAPTURE(o);
    std::string path = folder.put("o", with_exif(plain, o, o % 2));
    Tensor y = read_image(path);
    bool swap = o >= 5 && o <= 8;
    REQUIRE(y.shape() == (swap ? Shape{W, H, 3} : Shape{H, W, 3}));
    ImageInfo info = probe_image(path);
    CHECK((info.height == y.dim(0) && info.width == y.dim(1) && info.stored_height == H && info.stored_width == W));
    CHECK(read_mask(path).shape() == Shape{H, W, 1});
    bool equal = true;
    for (int64_t i = 0; i < y.dim(0); ++i)
      for (int64_t j = 0; j < y.dim(1); ++j) {
        auto [a, b] = source(o, i, j);
        for (int64_t c = 0; c < 3; ++c)
          equal &= y.read<uint8_t>()[(i * y.dim(1) + j) * 3 + c] == stored.read<uint8_t>()[(a * W + b) * 3 + c];
      }
    CHECK(equal);
  }
}

TEST_CASE("a picture in memory is read, written and refused as one in a file") {
  Folder folder;
  const auto refusal = [](const auto& f) -> std::string {
    try {
      f();
    } catch (const DataError& e) {
      return e.what();
    }
    return "";
  };
  const Tensor x = smooth(24, 17);
  write_png(folder.file("x.png"), x), write_jpeg(folder.file("x.jpg"), x);
  CHECK(encode_png(x) == slurp(folder.file("x.png")));
  for (const std::string name : {"x.png", "x.jpg"}) {
    const std::string path = folder.file(name);
    const Bytes whole = slurp(path);
    CHECK(equal_bits(decode_image(whole, path), read_image(path)));
    CHECK(probe_image(whole, path).width == 17);
    for (size_t n = 0; n < whole.size(); n += n < 40 ? 1 : 17) {  // cut anywhere
      const Bytes cut(whole.begin(), whole.begin() + int64_t(n));
      folder.put(name, cut);
      CHECK(refusal([&] { decode_image(cut, path); }) == refusal([&] { read_image(path); }));
      CHECK(refusal([&] { probe_image(cut, path); }) == refusal([&] { probe_image(path); }));
    }
  }
  CHECK_THROWS_AS(decode_image({'G', 'I', 'F', '8', '9', 'a'}, "x"), NoPicture);
  CHECK_THROWS_AS(decode_image(png(9000, 9000, 8, 2, false, {0}), "x"), PictureTooLarge);
}

TEST_CASE("files that cannot be read are refused by name, before memory is allocated") {
  Folder folder;
  auto refuses = [&](const Bytes& bytes, const std::string& words) {
    std::string path = folder.put("x", bytes), what;
    try {
      read_image(path);
    } catch (const DataError& e) {
      what = e.what();
    }
    CAPTURE(what);
    CHECK(what.find(words) != what.npos);
    CHECK(what.find(path) != what.npos);
  };
  auto named = [](std::string s) { return Bytes(s.begin(), s.end()); };
  int64_t before = memory_stats().allocations;
  refuses({}, "is empty");
  refuses({0xff}, "no PNG or JPEG");
  refuses(named("GIF89a..."), "GIF");
  refuses(named("version https://git-lfs.github.com/spec/v1"), "git lfs pull");
  refuses(png(20000, 20000, 8, 0, false, {}), "64 megapixels");
  refuses(png(70000, 1, 8, 0, false, {}), "megapixels");
  refuses(png(0, 4, 8, 0, false, {}), "no pixels");
  Bytes frame = {0xff, 0xd8, 0xff, 0xc0, 0, 17, 12, 0, 16, 0, 16, 3};
  refuses(frame, "12-bit");
  frame[6] = 8, frame[7] = 0xff, frame[9] = 0xff;
  refuses(frame, "64 megapixels");
  CHECK(memory_stats().allocations == before);
  CHECK_THROWS_WITH_AS(read_image(folder.file("none")), doctest::Contains("No such file"), DataError);
  CHECK_THROWS_WITH_AS(read_image(folder.path), doctest::Contains("is a folder"), DataError);
}

TEST_CASE("resize is the triangle filter within one grey level") {
  auto reference = [](const Tensor& x, int64_t h,
                      int64_t w) {  // in f64, both axes at once, normalised at the end
    int64_t H = x.dim(0), W = x.dim(1), C = x.dim(2);
    double sy = double(H) / double(h), sx = double(W) / double(w), ry = std::max(sy, 1.0), rx = std::max(sx, 1.0);
    std::vector<double> out(h * w * C);
    for (int64_t i = 0; i < h; ++i)
      for (int64_t j = 0; j < w; ++j) {
        double total = 0;
        for (int64_t a = 0; a < H; ++a)
          for (int64_t b = 0; b < W; ++b) {
            double weight = std::max(0.0, 1 - std::abs(double(a) + 0.5 - (double(i) + 0.5) * sy) / ry) *
                            std::max(0.0, 1 - std::abs(double(b) + 0.5 - (double(j) + 0.5) * sx) / rx);
            total += weight;
            for (int64_t c = 0; c < C; ++c) out[(i * w + j) * C + c] += weight * x.read<uint8_t>()[(a * W + b) * C + c];
          }
        for (int64_t c = 0; c < C; ++c) out[(i * w + j) * C + c] /= total;
      }
    return from<double>(out, {h, w, C});
  };
  for (auto [H, W, h, w, C] :
       {std::array{17, 23, 9, 40, 3}, {31, 8, 7, 8, 1}, {1, 1, 5, 3, 3}, {64, 50, 3, 1, 2}, {12, 10, 12, 10, 3}}) {
    Tensor x = pattern(H, W, C);
    CHECK(largest_difference(resize_image(x, h, w), reference(x, h, w)) <= 1.0);
  }
  CHECK(equal_bits(resize_image(full({5, 6, 3}, 255, DType::u8), 33, 2), full({33, 2, 3}, 255, DType::u8)));
  CHECK(resize_image(pattern(4, 4, 3), 0, 5).shape() == Shape{0, 5, 3});
  CHECK_THROWS_AS(resize_image(empty({0, 4, 3}, DType::u8), 2, 2), ShapeError);
  CHECK_THROWS_AS(resize_image(zeros({4, 4, 3}), 2, 2), DTypeError);
}
