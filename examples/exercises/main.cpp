// Runs the exercises that are linked in, all or those named.  --blanks: each must still be one.
#include <algorithm>
#include <cstdio>
#include <exception>

#include "examples/exercises/exercise.h"

namespace camo::exercises {

std::vector<Exercise>& exercises() {
  static std::vector<Exercise> all;
  return all;
}

bool add_exercise(Exercise e) {
  exercises().push_back(std::move(e));
  return true;
}

namespace {

/// The exit code of one exercise.
int run(const Exercise& e) {
  try {
    e.check();
    std::printf("%s: solved\n", e.name.c_str());
    return 0;
  } catch (const Todo& blank) {
    std::printf("%s: %s\n  to write: %s\n", e.name.c_str(), e.task.c_str(), blank.what.c_str());
    return 3;
  } catch (const Wrong& wrong) {
    std::printf("%s: not yet. %s\n", e.name.c_str(), wrong.sentence.c_str());
  } catch (const std::exception& error) {
    std::printf("%s: not yet. It throws: %s\n", e.name.c_str(), error.what());
  }
  return 1;
}

}  // namespace
}  // namespace camo::exercises

int main(int argc, char** argv) {
  using namespace camo::exercises;
  const std::vector<std::string> words(argv + 1, argv + argc);
  const bool blanks = std::count(words.begin(), words.end(), "--blanks") > 0;
  std::sort(exercises().begin(), exercises().end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  int worst = 0, ran = 0;
  for (const Exercise& e : exercises()) {
    if (!blanks && !words.empty() && std::find(words.begin(), words.end(), e.name) == words.end()) continue;
    const int code = run(e);
    ++ran, worst = std::max(worst, blanks ? int(code != (e.broken ? 1 : 3)) : code);
  }
  if (ran != 1) std::printf("%d exercises\n", ran);
  return ran == 0 ? 2 : worst;
}
