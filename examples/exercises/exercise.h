// What an exercise is made of.
//
// A file CHAPTER/NN.cpp says what to do, has a blank or a program that is wrong, and checks what is written there; CHAPTER/NN_solution.cpp has a
// solution.  `./run exercise CHAPTER/NN` builds one and says what is still wrong.  Exit codes: 0 solved, 1 something is
// still wrong, 3 nothing is written yet.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tensor/error.h"

namespace camo::exercises {

/// Thrown by a blank.
struct Todo {
  std::string what;
};
/// The blank: replace the call by your lines.
[[noreturn]] inline void todo(const std::string& what) { throw Todo{what}; }

/// Thrown by expect().
struct Wrong {
  std::string sentence;
};
/// Ends the exercise with the sentence unless `good`.
template <class... Words> void expect(bool good, const Words&... sentence) {
  if (!good) throw Wrong{text(sentence...)};
}

struct Exercise {
  std::string name, task;
  std::function<void()> check;
  bool broken = false;  // instead of a blank there is a program that fails
};
std::vector<Exercise>& exercises();
/// Adds one; the result only gives static initialisation something to hold.
bool add_exercise(Exercise e);

}  // namespace camo::exercises
