// Dropout and drop-path.  The mask is a pure function of the key, so the backward pass computes it again.
//
// Element (or sample) i is kept if uniform(word i of the stream) >= p, with four words per Philox block.  So the mask
// is the same for every dtype, device and number of threads.
#pragma once

#include <cmath>

#include "tensor/random.h"

namespace camo {

/// 0 with probability p, else x / (1 - p); 0 <= p < 1.  The backward pass is the same function of dy with the same key.
Tensor dropout(const Tensor& x, double p, const RandomKey& key);
/// The same, but for whole samples of the leading axis.
Tensor drop_path(const Tensor& x, double p, const RandomKey& key);

namespace kernel {
/// Tests uniform(word) >= p with integers: uniform has 24 bits.
struct Keep {
  explicit Keep(double p) : cut(uint32_t(std::ceil(p * 0x1p24))) {}
  CAMO_HD bool operator()(uint32_t word) const { return word >> 8 >= cut; }
  uint32_t cut;
};

void dropout(Cpu, const Tensor& x, double p, const RandomKey& key, Tensor y);
void dropout(Cuda, const Tensor& x, double p, const RandomKey& key, Tensor y);
void drop_path(Cpu, const Tensor& x, double p, const RandomKey& key, Tensor y);
void drop_path(Cuda, const Tensor& x, double p, const RandomKey& key, Tensor y);
}  // namespace kernel

}  // namespace camo
