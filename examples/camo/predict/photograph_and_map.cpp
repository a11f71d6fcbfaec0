#include "examples/camo/predict/photograph_and_map.h"

namespace camo::program {

void check_photograph(const char* op, const Tensor& photograph) {
  check<DTypeError>(photograph.dtype() == DType::u8, op, ": takes a photograph in u8, got ", photograph.dtype());
  check(photograph.rank() == 3 && photograph.dim(2) == 3 && photograph.numel() > 0, op,
        ": takes a photograph (H, W, 3), got ", photograph.shape());
}

void check_map(const char* op, const Tensor& map, int64_t height, int64_t width) {
  check<DTypeError>(map.dtype() == DType::f32, op, ": takes a map in f32, got ", map.dtype());
  check(map.shape() == Shape{height, width, 1} || map.shape() == Shape{height, width}, op, ": the map must be (",
        height, ", ", width, ", 1) like the photograph, got ", map.shape());
  const float* p = map.read<float>();
  for (int64_t i = 0; i < map.numel(); ++i)
    check<DataError>(p[i] >= 0 && p[i] <= 1, op, ": the map must hold probabilities from 0 to 1, got ", p[i],
                     " at row ", i / width, ", column ", i % width);
}

}  // namespace camo::program
