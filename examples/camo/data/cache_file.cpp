// The file of decoded pictures.
//
//   magic     16 bytes
//   digest    u64, of the sources and of the rules by which they are read
//   count     i64
//   sizes     count times i64 height, i64 width
//   checksum  u64, CRC-32 of the bytes before it
//   pictures  each: height width 3 bytes of photograph, height width bytes of mask, u64 CRC-32 of both
//
// Numbers are in the processor's byte order: the file stays on its machine.
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "examples/camo/data/cache.h"
#include "examples/camo/data/check.h"
#include "examples/camo/data/loader.h"
#include "examples/camo/data/meter.h"
#include "examples/camo/options/format.h"
#include "tensor/io/checksum.h"
#include "tensor/io/file.h"
#include "tensor/random.h"

namespace camo::program {
namespace {

constexpr char kMagic[17] = "camo pictures 1\n";
constexpr int64_t kMagicBytes = 16, kNumber = 8;

/// What the file begins with, and where each picture lies.
struct Plan {
  std::string header;
  std::vector<ImageSize> sizes;
  std::vector<int64_t> begin;
  int64_t bytes = 0;  // of the whole file
};

Plan plan_of(const std::vector<Pair>& pairs, const Reading& how) {
  Plan plan;
  auto number = [&](uint64_t x) { plan.header.append(reinterpret_cast<const char*>(&x), kNumber); };
  std::string sources = rules(how);
  for (const Pair& p : pairs) sources += stamped(p) + "\n";
  plan.header.assign(kMagic, kMagicBytes);
  number(hash(sources)), number(pairs.size());
  for (const Pair& p : pairs) {
    plan.sizes.push_back(size_of(probe_image(p.image), how));
    number(uint64_t(plan.sizes.back().height)), number(uint64_t(plan.sizes.back().width));
  }
  number(crc32(plan.header.data(), int64_t(plan.header.size())));
  plan.bytes = int64_t(plan.header.size());
  for (const ImageSize& s : plan.sizes) {
    plan.begin.push_back(plan.bytes);
    plan.bytes += 4 * s.height * s.width + kNumber;
  }
  return plan;
}

uint64_t checksum(const Picture& p) {
  return crc32(p.mask.raw(), p.mask.bytes(), crc32(p.image.raw(), p.image.bytes()));
}

/// The file, if it is what the plan says.  ConfigError if it is none of Camo's.
std::optional<InputFile> open_planned(const std::string& path, const Plan& plan) {
  if (!std::filesystem::exists(path)) return {};
  InputFile file = InputFile::open<ConfigError>(path, "cache");
  std::string header(plan.header.size(), '\0');
  check<ConfigError>(file.read(0, header.data(), kMagicBytes) && header.starts_with("camo pictures "), "cache: ", path,
                     ": exists and holds no decoded photographs [another name]");
  const bool same = file.size() == plan.bytes && file.read(0, header.data(), int64_t(header.size()));
  if (!same || header != plan.header) return {};
  return file;
}

void write_planned(const std::string& path, const Plan& plan, const std::vector<Pair>& pairs, const Reading& how,
                   int64_t threads) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  const std::filesystem::space_info disk = std::filesystem::space(folder, error);
  check<MemoryError>(error || int64_t(disk.available) >= plan.bytes, "cache: ", path, ": needs ",
                     bytes_text(double(plan.bytes)), ", the disk has ", bytes_text(double(disk.available)), " left");
  OutputFile out(path, plan.bytes);
  out.write(plan.header.data(), int64_t(plan.header.size()));
  Loader<Picture> loader([&](int64_t i) { return read_pair(pairs[size_t(i)], how); }, in_order(int64_t(pairs.size())),
                         threads > 1 ? threads : 0, 2 * threads);
  Meter meter("decoding the photographs", int64_t(pairs.size()));
  for (size_t i = 0; i < pairs.size(); ++i) {
    const Picture p = *loader.next();
    check<DataError>(p.image.dim(0) == plan.sizes[i].height && p.image.dim(1) == plan.sizes[i].width, pairs[i].image,
                     ": has changed while it was read");
    const uint64_t sum = checksum(p);
    out.write(p.image.raw(), p.image.bytes()), out.write(p.mask.raw(), p.mask.bytes()), out.write(&sum, kNumber);
    meter(int64_t(i) + 1);
  }
  out.commit(/*durable=*/false);  // after a power cut the checksums tell
}

class InFile : public DecodedPictures {
 public:
  InFile(std::string path, InputFile file, const Plan& plan, const std::vector<Pair>& pairs, const Reading& how)
      : path_(std::move(path)), file_(std::move(file)), how_(how) {
    for (size_t i = 0; i < pairs.size(); ++i)
      place_[pairs[i].image + "\n" + pairs[i].mask] = {plan.sizes[i], plan.begin[i]};
  }

  Picture load(const Pair& pair) override {
    const auto [size, begin] = place_.at(pair.image + "\n" + pair.mask);
    const auto [h, w] = size;
    Picture out{empty({h, w, 3}, DType::u8), empty({h, w, 1}, DType::u8)};
    uint64_t sum = 0;
    const bool read = file_.read(begin, out.image.raw_write(), out.image.bytes()) &&
                      file_.read(begin + out.image.bytes(), out.mask.raw_write(), out.mask.bytes()) &&
                      file_.read(begin + 4 * h * w, &sum, kNumber);
    if (read && sum == checksum(out)) return out;
    std::call_once(told_, [&] {
      std::fprintf(stderr, "note: %s: %s is damaged in it and decoded again [remove the file]\n", path_.c_str(),
                   pair.name.c_str());
    });
    return read_pair(pair, how_);
  }

 private:
  struct Place {
    ImageSize size;
    int64_t begin;
  };
  const std::string path_;
  const InputFile file_;
  const Reading how_;
  std::unordered_map<std::string, Place> place_;
  std::once_flag told_;
};

}  // namespace

std::shared_ptr<DecodedPictures> decoded_in_file(const std::string& path, const std::vector<Pair>& pairs,
                                                 const Reading& how, int64_t threads) {
  const Plan plan = plan_of(pairs, how);
  if (std::optional<InputFile> file = open_planned(path, plan))
    return std::make_shared<InFile>(path, std::move(*file), plan, pairs, how);
  const char* why = std::filesystem::exists(path) ? " (it was damaged, or of other photographs)" : "";
  write_planned(path, plan, pairs, how, threads);
  std::fprintf(stderr, "note: %s: holds %zu decoded photographs now, %s%s\n", path.c_str(), pairs.size(),
               bytes_text(double(plan.bytes)).c_str(), why);
  std::optional<InputFile> file = open_planned(path, plan);
  check<DataError>(file.has_value(), "cache: ", path, ": was changed by another program");
  return std::make_shared<InFile>(path, std::move(*file), plan, pairs, how);
}

}  // namespace camo::program
