// camo synth: synthetic photographs and masks as files, in a layout that `camo train --data` reads.
#include "examples/camo/data/synth.h"

#include <cstdio>
#include <filesystem>

#include "examples/camo/commands/commands.h"
#include "examples/camo/options/files.h"
#include "tensor/image/image.h"

namespace camo::program {

int synth_command(const Arguments& words) {
  namespace fs = std::filesystem;
  std::string out;
  int64_t count = 16, seed = 1;
  ImageSize size{256, 256};
  double difficulty = 0.5;
  Command command{
      .name = "synth",
      .summary =
          "Writes synthetic camouflage as files: photographs OUT/Image/NAME.png and masks OUT/GT/NAME.png.  "
          "camo train --data OUT reads them.",
      .usage = "camo synth --out DIR --count N [flags]",
      .options = {{"out", &out, "folder to make"},
                  {"count", &count, "number of pictures", 1, 1e6},
                  {"size", &size, "size of the pictures in pixels", 16, 4096},
                  {"difficulty", &difficulty, "0: easy to see; 1: hard", 0, 1},
                  {"seed", &seed, "decides every picture", 0, 9e15}}};
  read(command, words);
  check<ConfigError>(!out.empty(), "camo synth: needs --out");
  for (const char* part : {"Image", "GT"}) {
    fs::path folder = fs::path(out) / part;
    check<ConfigError>(!fs::exists(folder), "camo synth --out: ", folder.string(), " exists already");
    make_folder(folder, "camo synth --out");
  }
  for (int64_t i = 0; i < count; ++i) {
    SynthPair made = make_synthetic(uint64_t(seed), uint64_t(i), size.height, size.width, difficulty);
    std::string number = std::to_string(i);
    std::string name =
        "synthetic_" + std::string(std::max<size_t>(number.size(), 6) - number.size(), '0') + number + ".png";
    write_png((fs::path(out) / "Image" / name).string(), made.image);
    write_png((fs::path(out) / "GT" / name).string(), made.mask);
  }
  std::printf("%lld pairs in %s [camo train --data %s]\n", (long long)count, out.c_str(), out.c_str());
  return 0;
}

}  // namespace camo::program
