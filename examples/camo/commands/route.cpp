// camo route: pictures of how a trained network routes photographs, and of its experts' outputs.
#include <cstdio>
#include <filesystem>

#include "examples/camo/commands/commands.h"
#include "examples/camo/commands/trained_network.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/options/files.h"
#include "examples/camo/run/checkpoint.h"
#include "examples/camo/run/run_record.h"
#include "tensor/image/image.h"

namespace camo::program {

int route_command(const Arguments& words) {
  namespace fs = std::filesystem;
  std::string weights, out;
  Machine machine;
  Command command{
      .name = "route",
      .summary =
          "Draws how a network routes photographs.  OUT/NAME.png shows, at every scale, the chosen experts and the "
          "answer of each expert.  32 photographs or more also give OUT/groups.png; a run folder also gives "
          "OUT/usage.png.",
      .usage = "camo route --weights F IMAGES... --out DIR [flags]",
      .options = {trained_weights(&weights), {"out", &out, "folder for the pictures"}},
      .rest = "IMAGES",
      .notes =
          "IMAGES: photographs, or folders of them.\n"
          "groups.png: the share of each expert in the choices for groups of photographs.\n"
          "usage.png: the share of each expert in every epoch of the run."};
  Reading reading;
  command.options.add(options(reading).only({"exif", "max-pixels"}));
  command.options.add(options(machine).only({"device", "threads"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(!weights.empty() && !out.empty() && !line.rest.empty(),
                     "camo route: needs --weights, --out and photographs or folders of them");
  set_max_pixels(reading.max_pixels);
  auto [files, refused] = photographs(line.rest, "camo route");
  auto target = [&](const std::string& file) {
    return (fs::path(out) / (fs::path(file).stem().string() + ".png")).string();
  };
  for (const std::string& file : files)
    check<ConfigError>(!fs::exists(target(file)), "camo route --out: ", target(file), " exists");
  for (RunFile picture : {RunFile::groups, RunFile::usage})
    check<ConfigError>(!fs::exists(run_file(out, picture)), "camo route --out: ", run_file(out, picture), " exists");
  TrainedNetwork loaded = open_network(weights, machine);
  std::printf("%s\n", loaded.described.c_str());
  if (!line.has("exif")) reading.exif = loaded.config.reading.exif;
  make_folder(out, "camo route --out");

  moe::Survey survey;
  size_t done = 0;
  {
    moe::Surveyor surveyor(*loaded.model);
    for (const std::string& file : files) {
      Tensor photograph;
      try {
        photograph = read_image(file, reading.orientation());
      } catch (const DataError& e) {
        refused.push_back(e.what());
        continue;
      }
      write_png(target(file), draw_responses(*loaded.model, photograph, loaded.config.size));
      ++done;
    }
    survey = surveyor.result();
  }
  if (survey.images() >= 32) write_png(run_file(out, RunFile::groups), draw_groups(survey));
  if (const std::string metrics = run_file(weights, RunFile::metrics); fs::exists(metrics))
    if (Tensor usage = draw_usage(read_metrics(metrics), scale_names(*loaded.model)); usage.defined())
      write_png(run_file(out, RunFile::usage), usage);
  std::printf("%zu photograph%s: pictures in %s\n", done, done == 1 ? "" : "s", out.c_str());
  report_refused("camo route", refused);
  return refused.empty() ? 0 : 3;
}

}  // namespace camo::program
