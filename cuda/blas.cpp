#include "cuda/blas.h"

namespace camo::cuda {

namespace {
bool fractions_of_10_bits = false;
}

bool tf32() { return fractions_of_10_bits; }
void use_tf32(bool on) { fractions_of_10_bits = on; }

}  // namespace camo::cuda
