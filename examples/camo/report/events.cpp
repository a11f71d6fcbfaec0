#include "examples/camo/report/events.h"

#include <unistd.h>

#include <bit>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <utility>

#include "tensor/image/image.h"
#include "tensor/io/checksum.h"
#include "tensor/io/file.h"
#include "tensor/io/wire.h"

namespace camo::program {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "events.out.tfevents.";

using wire::Message;

template <class T> std::string little_endian(T x) {
  std::string out(sizeof x, '\0');
  for (size_t i = 0; i < sizeof x; ++i) out[i] = char(x >> 8 * i);
  return out;
}

uint32_t masked_sum(std::string_view bytes) {
  return std::rotr(crc32c(bytes.data(), int64_t(bytes.size())), 15) + 0xa282ead8u;
}

Message new_event(int64_t step, double wall_time) {
  Message out;  // Event
  out.real64(1, wall_time), out.integer(2, step);
  return out;
}

Message new_value(const std::string& tag) {
  Message out;  // Summary.Value
  out.bytes(1, tag);
  return out;
}

/// Only buckets from the first to the last that holds a number; of several empty ones between, the last one alone.
std::string histogram_proto(const Buckets& b) {
  std::vector<double> limits, counts;
  for (size_t i = 0; i < b.count.size(); ++i) {
    if (b.count[i] == 0) continue;
    if (i > 0 && b.count[i - 1] == 0 && !limits.empty()) limits.push_back(bucket_limits()[i - 1]), counts.push_back(0);
    limits.push_back(bucket_limits()[i]), counts.push_back(double(b.count[i]));
  }
  Message out;  // HistogramProto
  out.real64(1, b.least), out.real64(2, b.most), out.real64(3, double(b.finite)), out.real64(4, b.sum),
      out.real64(5, b.squares);
  out.reals64(6, limits), out.reals64(7, counts);
  return out.encoded();
}

/// A second after that of every event file in the folder, or this one.
int64_t next_second(const std::string& folder) {
  int64_t out = int64_t(std::time(nullptr));
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix)) out = std::max(out, int64_t(std::atoll(name.c_str() + kPrefix.size())) + 1);
  }
  return out;
}

std::string new_file_name(const std::string& folder) {
  char host[256] = "", seconds[32];
  ::gethostname(host, sizeof host - 1);
  std::snprintf(seconds, sizeof seconds, "%010lld", (long long)next_second(folder));
  return text(folder, "/", kPrefix, seconds, ".", host, ".", ::getpid(), ".0");
}

}  // namespace

std::string framed(const std::string& data) {
  const std::string length = little_endian(uint64_t(data.size()));
  return length + little_endian(masked_sum(length)) + data + little_endian(masked_sum(data));
}

EventFile::EventFile(std::string folder) : folder_(std::move(folder)) {
  Message event;
  event.real64(1, double(std::time(nullptr))), event.bytes(3, "brain.Event:2");  // wall_time, file_version
  waiting_ = framed(event.encoded());
}

void EventFile::session_start(int64_t step, double wall_time) {
  Message event = new_event(step, wall_time), session;
  session.integer(1, 1);  // SessionLog: status = START
  event.bytes(7, session.encoded());
  waiting_ += framed(event.encoded());
}

void EventFile::add_summary(std::string& to, const std::string& value, int64_t step, double wall_time) {
  Message event = new_event(step, wall_time), summary;
  summary.bytes(1, value);
  event.bytes(5, summary.encoded());
  to += framed(event.encoded());
}

void EventFile::scalar(const std::string& tag, double x, int64_t step, double wall_time) {
  if (!std::isfinite(float(x))) return;
  Message value = new_value(tag);
  value.real32(2, float(x));  // simple_value
  add_summary(waiting_, value.encoded(), step, wall_time);
}

void EventFile::image(const std::string& tag, const Tensor& picture, int64_t step, double wall_time) {
  const std::vector<uint8_t> png = encode_png(picture);
  Message value = new_value(tag), image;
  image.integer(1, picture.dim(0)), image.integer(2, picture.dim(1));
  image.integer(3, picture.rank() == 3 ? picture.dim(2) : 1);  // colorspace: 1 grey, 3 RGB
  image.bytes(4, std::string_view(reinterpret_cast<const char*>(png.data()), png.size()));
  value.bytes(4, image.encoded());
  add_summary(large_, value.encoded(), step, wall_time);
}

void EventFile::histogram(const std::string& tag, const Buckets& buckets, int64_t step, double wall_time) {
  if (buckets.finite == 0) return;
  Message value = new_value(tag);
  value.bytes(5, histogram_proto(buckets));
  add_summary(large_, value.encoded(), step, wall_time);
}

void EventFile::flush() {
  std::error_code error;
  fs::create_directories(folder_, error);
  check<MemoryError>(!error, folder_, ": cannot be made: ", error.message());
  if (path_.empty()) path_ = new_file_name(folder_);
  const std::string large = std::exchange(large_, {});
  append_file(path_, waiting_ + large);
  waiting_.clear();
}

}  // namespace camo::program
