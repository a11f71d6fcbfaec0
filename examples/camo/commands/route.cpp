// camo route: pictures of how a trained network routes photographs, and of its experts' outputs.
#include <cstdio>
#include <filesystem>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/trained/checkpoint.h"
#include "examples/camo/trained/trained_network.h"
#include "tensor/image/image.h"
#include "tensor/io/file.h"

namespace camo::program {
namespace {

void pass(moe::CamoXpert& model, const Tensor& photograph, const TrainConfig& c) {
  NoGrad no_grad;
  model.forward(Var(stack({normalised(photograph, c.size, normalisation(c))}).to(model.state().device)));
}

/// The class in a name of COD10K, "COD10K-CAM-1-Aquatic-3-Crab-29": "Aquatic-Crab"; "" for other names.
std::string class_of(const std::string& name) {
  const std::vector<std::string> parts = split(name, '-');
  return parts.size() >= 7 && parts[0] == "COD10K" ? parts[3] + "-" + parts[5] : "";
}

/// A line for each photograph: name, group, and the weight of each expert at each scale.
std::string route_csv(const moe::Survey& survey, const std::vector<ScaleNames>& scales,
                      const std::vector<std::string>& names) {
  std::string out = "photograph,group";
  for (const ScaleNames& scale : scales)
    for (const std::string& expert : scale.experts) out += text(",", scale.title, " ", expert);
  std::vector<int64_t> group;
  if (survey.images() >= 32) group = moe::groups_of(survey.features);
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string kind = class_of(names[i]);
    out += text("\n", csv_field(names[i]), ",", !kind.empty() ? kind : group.empty() ? "" : text(group[i] + 1));
    for (const moe::Survey::Layer& layer : survey.layers) {
      const int64_t E = layer.weight.dim(1);
      for (int64_t e = 0; e < E; ++e) out += text(",", fixed(layer.weight.read<double>()[int64_t(i) * E + e], 4));
    }
  }
  return out + "\n";
}

}  // namespace

int route_command(const Arguments& words) {
  namespace fs = std::filesystem;
  std::string weights, out, csv;
  Machine machine;
  Command command{
      .name = "route",
      .summary =
          "Draws how a network routes photographs.  OUT/NAME.svg shows, at every scale, the chosen experts and the "
          "answer of each expert.  32 photographs or more also give OUT/groups.svg; a run folder also gives "
          "OUT/usage.svg.",
      .usage = "camo route --weights F IMAGES... --out DIR [flags]",
      .options = {trained_weights(&weights),
                  {"out", &out, "folder for the pictures"},
                  {"csv", &csv,
                   "write this table: photograph, its group, and at each scale the weight of each expert"}},
      .rest = "IMAGES",
      .notes =
          "IMAGES: photographs, or folders of them.\n"
          "groups.svg: the share of each expert in the choices for groups of photographs.\n"
          "usage.svg: the share of each expert in every epoch of the run.\n"
          "A photograph's group in the table is the class in a name like COD10K-CAM-1-Aquatic-3-Crab-29, else the "
          "number of "
          "the row in groups.svg."};
  Reading reading;
  command.options.add(options(reading).only({"exif", "max-pixels"}));
  command.options.add(options(machine).only({"device", "threads"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(!weights.empty() && (!out.empty() || !csv.empty()) && !line.rest.empty(),
                     "camo route: needs --weights, --out or --csv, and photographs or folders of them");
  if (!csv.empty()) {
    check<ConfigError>(!fs::exists(csv), "camo route --csv: ", csv, " exists");
    check_writable(csv, "camo route --csv");
  }
  set_max_pixels(reading.max_pixels);
  auto [files, refused] = photographs(line.rest, "camo route");
  const bool pictures = !out.empty();
  auto target = [&](const std::string& file) {
    return (fs::path(out) / (fs::path(file).stem().string() + ".svg")).string();
  };
  for (const std::string& file : files)
    check<ConfigError>(!pictures || !fs::exists(target(file)), "camo route --out: ", target(file), " exists");
  for (RunFile picture : {RunFile::groups, RunFile::usage})
    check<ConfigError>(!pictures || !fs::exists(run_file(out, picture)), "camo route --out: ", run_file(out, picture),
                       " exists");
  TrainedNetwork loaded = open_network(weights, machine);
  std::printf("%s\n", loaded.described.c_str());
  if (!line.has("exif")) reading.exif = loaded.config.reading.exif;
  if (pictures) make_folder(out, "camo route --out");

  const TrainConfig& c = loaded.config;
  moe::Survey survey;
  std::vector<std::string> names;
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
      if (pictures)
        write_file(target(file),
                   draw_responses(*loaded.model, photograph, c.size, normalisation(c)).file("routing of " + file),
                   false);
      else pass(*loaded.model, photograph, c);
      names.push_back(fs::path(file).stem().string());
    }
    survey = surveyor.result();
  }
  const size_t done = names.size();
  if (!csv.empty()) write_file(csv, route_csv(survey, scale_names(*loaded.model), names));
  if (pictures && survey.images() >= 32)
    write_file(run_file(out, RunFile::groups), draw_groups(survey).file("share of each expert by groups of images"),
               false);
  if (const std::string metrics = run_file(weights, RunFile::metrics); pictures && fs::exists(metrics))
    if (const std::optional<Svg> usage = draw_usage(read_metrics(metrics), scale_names(*loaded.model)))
      write_file(run_file(out, RunFile::usage), usage->file("share of each expert"), false);
  std::printf("%zu photograph%s: %s\n", done, done == 1 ? "" : "s",
              pictures ? text("pictures in ", out).c_str() : csv.c_str());
  report_refused("camo route", refused);
  return refused.empty() ? 0 : 3;
}

}  // namespace camo::program
