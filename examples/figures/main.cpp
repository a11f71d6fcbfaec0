// figures ROOT: draws every figure of the chapters into its place below ROOT.  figures ROOT --check: says which differ.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "examples/figures/figures.h"

using namespace camo::figures;

namespace {

const Figure kFigures[] = {
    {"tensor/figures/views.svg", "a storage of six numbers, and three tensors that point into it", views},
    {"autograd/figures/frames.svg", "the backward pass of a a + a in four frames", frames},
    {"autograd/figures/softmax.svg", "the Jacobian of a softmax of three numbers, and the gradient that it gives",
     softmax},
    {"tensor/figures/tree.svg", "four pieces of a sum, computed by two threads and added as one tree", tree},
    {"cuda/figures/grid.svg", "a grid of blocks, a block of warps, a warp of 32 lanes", grid},
    {"cuda/figures/butterfly.svg", "eight lanes add their numbers in three exchanges", butterfly},
    {"examples/figures/loop.svg", "one training step, from photographs to weights", loop},
    {"examples/figures/reading_path.svg", "the chapters, and which to read before which", reading_path},
};

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: figures ROOT [--check]\n"), 2;
  const std::filesystem::path root = argv[1];
  const bool check = argc > 2 && std::string(argv[2]) == "--check";
  int stale = 0;
  for (const Figure& figure : kFigures) {
    const std::string drawn = figure.draw().file(figure.label);
    const auto path = root / figure.path;
    if (check) {
      if (contents(path) == drawn) continue;
      ++stale, std::fprintf(stderr, "%s is not what the program draws  [build/figures .]\n", figure.path.c_str());
    } else {
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path, std::ios::binary) << drawn;
    }
  }
  std::printf("%zu figures%s\n", std::size(kFigures), check ? (stale ? ", some stale" : ", all as drawn") : " drawn");
  return stale > 0;
}
