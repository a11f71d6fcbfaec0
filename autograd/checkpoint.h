// Trading time for memory: run a segment without a graph now, and again, with one, in the backward pass.
// Chen, Xu, Zhang, Guestrin 2016, arXiv:1604.06174.
#pragma once

#include "autograd/var.h"

namespace camo {

/// f(inputs), keeping only the inputs.  The second run draws the same random numbers, and modules with running
/// state must not move it (recomputing() is true then).  Recorded even if no input wants a gradient, because
/// parameters inside f may.
Var checkpoint(const std::function<Var(const Vars&)>& f, const Vars& inputs);

/// True while a checkpointed segment runs for the second time.
bool recomputing();

}  // namespace camo
