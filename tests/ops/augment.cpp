// Augmentation of photographs and masks.  It takes bytes and has no gradient, so each case converts
// its inputs to bytes.
#include "tensor/ops/augment.h"

#include "tensor/ops/layout.h"
#include "tests/op_case.h"

namespace camo::test {
namespace {

/// Numbers 0, 1, ..., 255; half of them are 0 or 255.
double byte(int, int64_t j, double z) {
  return j % 2 ? (z > 0 ? 255 : 0) : std::min(255., std::floor(std::abs(z) * 90));
}

std::vector<PictureChange> changes(int64_t B) {
  std::vector<PictureChange> out(static_cast<size_t>(B));
  for (size_t b = 0; b < out.size(); ++b) {
    out[b].angle = b % 3 == 0 ? 0 : 0.2 * double(b % 3) - 0.3;
    out[b].flip = b % 2;
    if (b % 4 == 1) out[b].colour[0][1] = 0.3f, out[b].colour[2][2] = 1.2f, out[b].shift = -0.05f;
  }
  return out;
}

const std::map<Check, std::string> kBytes = {
    {Check::gradient, "bytes have no gradient"}, {Check::single_input, "one input only"}, {Check::bf16, "takes bytes"}};

const bool photographs = add_case(
    {.name = "augment: photographs",
     .inputs = {{5, 17, 12, 3}},
     .run = [](const Vars& x) { return Var(change_photographs(cast(x[0].value(), DType::u8), changes(x[0].dim(0)))); },
     .value = byte,
     .sizes = {{{1, 1, 1, 3}}, {{2, 1, 33, 3}}, {{0, 4, 4, 3}}, {{3, 40, 31, 3}}},
     .errors = {{[] {
                   change_photographs(zeros({2, 4, 4, 3}, DType::u8), {PictureChange{}});
                 },
                 {"change_photographs", "(2, 4, 4, 3)", "1 changes"}},
                {[] {
                   change_photographs(zeros({1, 4, 4, 1}, DType::u8), {PictureChange{}});
                 },
                 {"change_photographs", "(1, 4, 4, 1)"}},
                {[] {
                   change_photographs(zeros({1, 4, 4, 3}), {PictureChange{}});
                 },
                 {"change_photographs", "u8", "f32"}}},
     .bench_inputs = {{8, 352, 352, 3}},
     .bytes = 8. * 352 * 352 * 3 * 5,
     .timed = [](const Vars& x) -> std::function<Var(const Vars&)> {
       return [bytes = cast(x[0].value(), DType::u8)](const Vars& x) {
         return Var(change_photographs(bytes, changes(x[0].dim(0))));
       };
     },
     .except = kBytes});

const bool normalised =
    add_case({.name = "augment: photographs of another normalisation",
              .inputs = {{2, 9, 7, 3}},
              .run =
                  [](const Vars& x) {
                    const Normalisation other{{0.1f, 0.2f, 0.3f}, {0.5f, 0.25f, 2}};
                    return Var(change_photographs(cast(x[0].value(), DType::u8), changes(x[0].dim(0)), other));
                  },
              .value = byte,
              .except = kBytes});

const bool masks = add_case(
    {.name = "augment: masks",
     .inputs = {{5, 17, 12, 1}},
     .run = [](const Vars& x) { return Var(change_masks(cast(x[0].value(), DType::u8), changes(x[0].dim(0)))); },
     .value = byte,
     .sizes = {{{1, 1, 1, 1}}, {{3, 40, 31, 1}}},
     .errors = {{[] {
                   change_masks(zeros({1, 4, 4, 3}, DType::u8), {PictureChange{}});
                 },
                 {"change_masks", "(1, 4, 4, 3)"}}},
     .except = kBytes});

}  // namespace
}  // namespace camo::test
