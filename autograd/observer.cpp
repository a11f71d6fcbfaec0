#include "autograd/observer.h"

namespace camo {
namespace {
thread_local Observer* t_newest = nullptr;
}  // namespace

Observer::Observer() : older_(t_newest) { t_newest = this; }

Observer::~Observer() {
  Observer** at = &t_newest;
  while (*at && *at != this) at = &(*at)->older_;
  if (*at) *at = older_;  // null: destroyed on another thread, where it is not in the list
}

Observer* Observer::newest() { return t_newest; }

}  // namespace camo
