// Writes the seeds: make_seeds FOLDER writes FOLDER/TARGET/NAME.  Each file is small and made here.
#include <cstdio>
// jpeglib.h needs FILE.
#include <jpeglib.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "tensor/io/io.h"
#include "tests/io/torch_writer.h"

namespace {

using namespace camo;
using namespace camo::torch_writer;

std::string g_folder;

void put(const std::string& name, const std::string& bytes) {
  const std::filesystem::path path = std::filesystem::path(g_folder) / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string header_and(const std::string& header, size_t data) {
  return raw<uint64_t>(header.size()) + header + std::string(data, '\1');
}

void safetensors() {
  const NamedTensors tensors = {{"layer.weight", from<float>({1, 2, 3, 4, 5, 6}, {2, 3})},
                                {"steps", from<int64_t>({7}, {})},
                                {"mask", from<uint8_t>({0, 1}, {2})},
                                {"half", full({2}, 1.5, DType::bf16)}};
  const std::filesystem::path folder = std::filesystem::path(g_folder) / "safetensors";
  std::filesystem::create_directories(folder);
  write_safetensors(folder / "checksums", tensors, {{"model", "{\"a\": 1}"}});
  write_safetensors(folder / "plain", tensors, {}, false);
  write_safetensors(folder / "empty", {}, {}, false);
  put("safetensors/f16", header_and(R"({"\u00e9\ud83d\ude00":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", 4));
  put("safetensors/zero",
      header_and(R"({"a":{"dtype":"F64","shape":[0,9],"data_offsets":[0,0]},"__metadata__":{"k":"v"}} )", 0));
  put("safetensors/small_types", header_and(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},)"
                                            R"("b":{"dtype":"I32","shape":[],"data_offsets":[1,5]},)"
                                            R"("c":{"dtype":"BOOL","shape":[1,1],"data_offsets":[5,6]}})",
                                            6));
}

void index() {
  put("index/both", R"({"metadata": {"total_size": 12, "note": "x"}, "weight_map": {"x": "a", "y": "a", "z": "b"}})");
  put("index/one", R"({"weight_map": {"z": "b"}})");
  put("index/missing", R"({"weight_map": {"x": "a"}, "metadata": {"list": [1, {"a": null}]}})");
  put("index/outside", R"({"weight_map": {"x": "../a", "\u00e9": "c"}})");
}

const std::string kFloats(24, '\1');
const View kPlain = {"FloatStorage", "0", 6, 0, {2, 3}, {3, 1}};

/// One pickle for each kind of file.
std::vector<std::pair<std::string, std::string>> pickles() {
  const std::string state = global("collections", "OrderedDict") + "q\0)Rq\1("s + str("a.weight") + "q\2" +
                            tensor(kPlain) + "q\3" + str("steps") + tensor({"LongStorage", "1", 3, 2, {}, {}}) + "u}" +
                            str("_metadata") + "h\0)R("s + str("") + "}" + str("version") + "K\1susb";
  const std::string rest = str("epoch") + "M\1\2" + str("lr") + "G12345678" + str("big") +
                           "\x8a\x09"
                           "123456789" +
                           str("list") + "](NJ\1\2\3\4e" + "\x88\x89";
  const std::string sized = global("torch._utils", "_rebuild_tensor_v2") + "("s + storage("FloatStorage", "0", 6) +
                            "K\1" + global("torch", "Size") + "K\2\x85\x85RK\2\x85\x89NtR";
  const std::string parameter = global("torch._utils", "_rebuild_parameter") + "("s + sized + "\x88)tR";
  const std::string body = "}\x94\x8c\1w\x94" + tensor(kPlain) + "s\x8c\2os\x8c\6system\x93.";
  const std::pair<const char*, int64_t> kinds[] = {{"Double", 3}, {"BFloat16", 12}, {"Long", 3},
                                                   {"Int", 6},    {"Short", 12},    {"Char", 24},
                                                   {"Byte", 24},  {"Bool", 24},     {"Half", 12}};
  std::string types;  // a view of every second number of each storage type
  for (size_t i = 0; i < std::size(kinds); ++i) {
    const auto [kind, n] = kinds[i];
    types += str(kind) + tensor({kind + "Storage"s, std::to_string(i), n, 0, {(n + 1) / 2}, {2}});
  }
  return {{"state_dict", pickle(state)},
          {"types", pickle(dict(types))},
          {"wrapped", pickle(dict(rest + str("model") + dict(str("w") + parameter)))},
          {"views", pickle(dict(str("t") + tensor({"FloatStorage", "0", 6, 0, {3, 2}, {1, 3}}) + str("s") +
                                tensor({"FloatStorage", "0", 6, 2, {4, 2}, {0, 1}}) + str("e") +
                                tensor({"ByteStorage", "9", 0, 0, {0}, {1}})))},
          {"half", pickle(dict(str("h") + tensor({"HalfStorage", "1", 12, 0, {4}, {1}})))},
          {"protocol4", "\x80\x04\x95" + raw<uint64_t>(body.size()) + body},
          {"cycle", pickle("]q\0h\0a"s)},
          {"system", pickle(global("os", "system") + "("s + str("echo") + "tR")}};
}

void torch() {
  for (const auto& [name, words] : pickles()) {
    put("pickle/" + name, words);
    put("torch/" + name, file(words, ten_storages()));
  }
  const std::string words = pickle(dict(str("w") + tensor(kPlain)));
  put("torch/narrow", file(words, {kFloats}, {.wide = false}));
  put("torch/sentinels", file(words, {kFloats}, {.sentinels = true}));
  put("torch/sizes_first", zip({{"a/data.pkl", words, 0}, {"a/data/0", kFloats, 0}}, {.wide = false}));
  put("torch/deflate", zip({{"a/data.pkl", words, 0, 8}}));
}

void legacy() {
  const std::string storage(24, '\1');
  const std::string two = str("w") + legacy_tensor({"FloatStorage", "1", 6, 0, {3, 2}, {1, 3}}) + str("n") +
                          legacy_tensor({"LongStorage", "0", 3, 1, {2}, {1}});
  put("legacy/state", legacy_file(pickle(dict(two)), {{3, storage}, {6, storage}}));
  put("legacy/wrapped",
      legacy_file(pickle(dict(str("epoch") + "K\3" + str("state_dict") + dict(two))), {{3, storage}, {6, storage}}));
  put("legacy/part",
      legacy_file(pickle(dict(str("w") + legacy_tensor(kPlain, "(" + str("1") + "K\0K\6t"s))), {{6, storage}}));
  std::string first = legacy_tensor(kPlain);  // before PyTorch 0.4, text of Python 2
  first.replace(first.find("_rebuild_tensor_v2"), 18, "_rebuild_tensor");
  first.replace(first.find("\x89" + global("collections", "OrderedDict")), 28, "");
  put("legacy/first", legacy_file(pickle("}U\1w"s + first + "s"), {{6, storage}}));
  put("legacy/empty", legacy_file(pickle("}"), {}));
}

void json() {
  put("json/empty", "{}");
  put("json/some", R"({"data": "synthetic", "size": "64x96", "lr": 1e-3, "epochs": 4, "model": "camoxpert-sparse"})");
  put("json/size", R"({"size": 352, "seed": 9007199254740993, "clip": 0.0, "out": "\u00e9\ud83d\ude00"})");
  put("json/wrong", R"({"sise": 1, "lr": -1, "lr": [1, null, 2.5], "a": {"b": {}}})");
  put("json/stages",
      R"({"epochs": 9, "stages": [{"epochs": 3, "freeze": "backbone", "ema": 0.9, "thaw": "every=2"}, {"lr": 1e-4}]})");
}

/// A PNG with these rows, each preceded by its filter byte.
std::string png(int width, int height, int bits, int colour, int interlace, const std::string& rows,
                const std::string& before = "") {
  auto big = [](uint32_t x) { return raw(__builtin_bswap32(x)); };
  auto chunk = [&](const std::string& name, const std::string& data) {
    const std::string body = name + data;
    return big(uint32_t(data.size())) + body + big(crc32(body.data(), int64_t(body.size())));
  };
  std::string packed(compressBound(rows.size()), '\0');
  uLongf n = packed.size();
  compress2(reinterpret_cast<Bytef*>(packed.data()), &n, reinterpret_cast<const Bytef*>(rows.data()), rows.size(), 9);
  packed.resize(n);
  std::string header = big(uint32_t(width)) + big(uint32_t(height));
  for (int x : {bits, colour, 0, 0, interlace}) header += char(x);
  const std::string extra = before.empty() ? "" : chunk(before.substr(0, 4), before.substr(4));
  return "\x89PNG\r\n\x1a\n"s + chunk("IHDR", header) + extra + chunk("IDAT", packed) + chunk("IEND", "");
}

/// A JPEG of 16 x 16 pixels with 1 or 3 channels; `sampling` is the luma's factor in both directions.
std::string jpeg(int channels, int sampling, bool progressive) {
  std::string pixels(16 * 16 * 3, '\0');
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = char(i * 7);
  jpeg_error_mgr errors;
  jpeg_compress_struct c{};
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* out = nullptr;
  unsigned long n = 0;
  jpeg_mem_dest(&c, &out, &n);
  c.image_width = c.image_height = 16;
  c.input_components = channels;
  c.in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&c);
  jpeg_set_quality(&c, 60, TRUE);
  c.comp_info[0].h_samp_factor = c.comp_info[0].v_samp_factor = sampling;
  if (progressive) jpeg_simple_progression(&c);
  jpeg_start_compress(&c, TRUE);
  for (int y = 0; y < 16; ++y) {
    JSAMPROW row = reinterpret_cast<JSAMPROW>(pixels.data()) + y * 16 * channels;
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  std::string bytes(reinterpret_cast<char*>(out), n);
  std::free(out), jpeg_destroy_compress(&c);
  return bytes;
}

void image() {
  put("image/grey.png", png(3, 2, 8, 0, 0, "\0abc\1abc"s));
  put("image/rgb.png", png(2, 2, 8, 2, 0, "\2abcdef\4abcdef"));
  put("image/rgba16.png", png(1, 1, 16, 6, 0, "\0abcdefgh"s));
  put("image/palette.png", png(4, 1, 2, 3, 0, "\0\x1b"s, "PLTEabcdefghijkl"));
  put("image/bits.png", png(9, 1, 1, 0, 0, "\3ab"));
  put("image/interlaced.png", png(2, 2, 8, 0, 1, "\0a\0b\0cd"s));
  const std::string exif = "MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0"s;
  put("image/turned.png", png(2, 1, 8, 0, 0, "\0ab"s, "eXIf" + exif));
  const std::string colour = jpeg(3, 2, false), app1 = "Exif\0\0"s + exif;
  put("image/colour.jpg", colour);
  put("image/turned.jpg",
      colour.substr(0, 2) + "\xff\xe1" + std::string{0, char(app1.size() + 2)} + app1 + colour.substr(2));
  put("image/progressive.jpg", jpeg(3, 1, true));
  put("image/grey.jpg", jpeg(1, 1, false));
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return std::fprintf(stderr, "make_seeds FOLDER\n"), 2;
  g_folder = words[1];
  safetensors(), index(), torch(), legacy(), json(), image();
}
