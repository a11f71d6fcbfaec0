// Checkpointing, which trades time for memory: runs a segment without a graph in the forward pass, and again with a
// graph in the backward pass.  Chen, Xu, Zhang, Guestrin 2016, arXiv:1604.06174.
#pragma once

#include "autograd/var.h"

namespace camo {

/// Computes f(inputs) and keeps only the inputs.  The second run draws the same random numbers.  Modules with running
/// statistics must not update them in it (recomputing() is true then).  A node is recorded even if no input requires a
/// gradient, because parameters inside f may.  `parameters`: the leaves inside f, for observers that wait for a whole
/// gradient.
Var checkpoint(const std::function<Var(const Vars&)>& f, const Vars& inputs, const Vars& parameters = {});

/// True while a checkpointed segment runs for the second time.
bool recomputing();

}  // namespace camo
