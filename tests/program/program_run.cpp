#include "tests/program/program_run.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "examples/camo/options/files.h"
#include "examples/camo/record/run_record.h"
#include "tensor/image/image.h"
#include "tensor/io/io.h"
#include "tensor/random.h"

namespace camo::test {

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "camo-test-XXXXXX").string();
  check<DataError>(::mkdtemp(name.data()), "cannot make a temporary folder like ", name);
  path = name;
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

program::TrainConfig tiny_config(const std::string& out) {
  program::TrainConfig c;
  c.data = "synthetic", c.out = out;
  c.count = 12, c.size = {32, 32}, c.batch_size = 2, c.accumulate = 2, c.epochs = 2;
  c.threads = 2, c.workers = 1;
  return c;
}

ProcessResult run_camo(const std::string& arguments, const std::string& environment) {
  return run_program(CAMO_BINARY, arguments, environment);
}

ProcessResult run_program(const std::string& program, const std::string& arguments, const std::string& environment) {
  TempFolder folder;
  const std::string command =
      text(environment, " ", program, " ", arguments, " >", folder / "out", " 2>", folder / "error");
  int status = std::system(command.c_str());
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return {code, program::read_file<DataError>(folder / "out"), program::read_file<DataError>(folder / "error")};
}

void write_pair_files(const std::filesystem::path& image, const std::filesystem::path& mask, int64_t height,
                      int64_t width, int64_t mask_width) {
  for (const std::filesystem::path& file : {image, mask}) std::filesystem::create_directories(file.parent_path());
  write_png(image.string(), full({height, width, 3}, 9, DType::u8));
  write_png(mask.string(), full({height, mask_width, 1}, 255, DType::u8));
}

std::string real_photographs() {
  const char* data = std::getenv("CAMO_DATA");
  const std::string folder = std::string(data ? data : "") + "/camo";
  if (data && std::filesystem::is_directory(folder)) return folder;
  MESSAGE("skipped: no photographs in '" << folder << "' [set CAMO_DATA]");
  return "";
}

uint64_t weights_hash(const std::string& file) {
  uint64_t out = 0;
  for (const auto& [name, x] : read_safetensors(file).tensors)
    out =
        out * 31 + hash(text(name, x.dtype(), x.shape(), hash({static_cast<const char*>(x.raw()), size_t(x.bytes())})));
  return out;
}

Ending ending(const std::string& run) {
  Ending out{weights_hash(run + "/last.safetensors"), weights_hash(run + "/best.safetensors"), {}};
  for (program::JsonObject line : program::read_metrics(run + "/metrics.jsonl")) {
    for (const char* of_the_machine : {"images_per_second", "memory", "seconds"}) line.set(of_the_machine, 0.0);
    std::erase_if(line.items, [](const auto& item) { return item.first.starts_with("seconds_"); });
    out.metrics.push_back(to_json(line));
  }
  return out;
}

}  // namespace camo::test
