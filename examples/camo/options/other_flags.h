// What flags of other training programs are called here: a person who brings a command line from CamoXpert's own
// documents, from timm or from PyTorch's examples gets the right word at once.
#pragma once

#include <string>
#include <vector>

namespace camo::program {

/// What to type instead of --`flag` in a command with these options, such as "--data DIR"; empty if nothing is known.
/// Case does not count, and _ stands for -.
std::string other_flag(const std::string& flag, const std::vector<std::string>& options);

struct OtherFlag {
  std::vector<std::string> names;
  std::string advice;  // begins with a flag of Camo's, or says how it is without one
};
const std::vector<OtherFlag>& other_flags();

}  // namespace camo::program
