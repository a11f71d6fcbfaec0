// camo route: pictures of where a trained network sends photographs, and what its experts make of them.
#include <cstdio>
#include <filesystem>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/run/checkpoint.h"
#include "examples/camo/run/run_record.h"
#include "tensor/image/image.h"

namespace camo::program {

int route_command(const Arguments& words) {
  namespace fs = std::filesystem;
  std::string weights, out, device = "cpu";
  int64_t threads = 0;
  Command command{
      .name = "route",
      .summary =
          "Draws how photographs are routed: OUT/NAME.png with the chosen experts and each "
          "expert's answer at every\n"
          "scale, of 32 photographs and more OUT/groups.png, of a run folder OUT/usage.png.",
      .usage = "camo route --weights F IMAGES... --out DIR [flags]",
      .options = {{"weights", &weights, "a run folder or checkpoint; its averaged (EMA) weights where it has them"},
                  {"out", &out, "folder for the pictures"},
                  choice("device", &device, "where to compute", {"cpu", "cuda"}),
                  {"threads", &threads, "threads that compute; 0: one per core", 0, 1024}},
      .rest = "IMAGES"};
  const Given given = read(command, words);
  check<ConfigError>(!weights.empty() && !out.empty() && !given.rest.empty(),
                     "camo route: needs --weights, --out and photographs or folders of them");
  const std::vector<std::string> files = photographs(given.rest, "camo route");
  auto target = [&](const std::string& file) {
    return (fs::path(out) / (fs::path(file).stem().string() + ".png")).string();
  };
  for (const std::string& file : files)
    check<ConfigError>(!fs::exists(target(file)), "camo route --out: ", target(file), " exists");
  Loaded loaded = load_model(weights, device);
  loaded.config.threads = threads, apply_machine(loaded.config);
  std::printf("%s\n", loaded.described.c_str());
  std::error_code error;
  fs::create_directories(out, error);
  check<ConfigError>(!error, "camo route --out ", out, ": cannot be made: ", error.message());

  moe::Survey survey;
  {
    moe::Surveyor surveyor(*loaded.model);
    for (const std::string& file : files)
      write_png(target(file), draw_responses(*loaded.model, read_image(file), loaded.config.size));
    survey = surveyor.result();
  }
  if (survey.images() >= 32) write_png(out + "/groups.png", draw_groups(survey));
  if (const std::string metrics = run_file(weights, RunFile::metrics); fs::exists(metrics))
    if (Tensor usage = draw_usage(read_metrics(metrics), scale_names(*loaded.model)); usage.defined())
      write_png(out + "/usage.png", usage);
  std::printf("%zu photographs: pictures in %s\n", files.size(), out.c_str());
  return 0;
}

}  // namespace camo::program
