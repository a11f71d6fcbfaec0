// mma and ldmatrix by the layouts of the PTX ISA, "Matrix Fragments for mma.m16n8k16" and "ldmatrix", and cp.async by
// "Asynchronous copy".
#include "cuda/emulate/tile.h"

#include <algorithm>

#include "cuda/emulate/block.h"

namespace camo::emulate {
namespace {

/// Number `half` of the two bf16 in a word.
float number(uint32_t word, int half) { return std::bit_cast<float>(half ? word & 0xffff0000u : word << 16); }

struct Product {
  float* c;
  const uint32_t *a, *b;
};

/// c (16, 8) += a (16, 16) b (16, 8).  Lane 4 g + t holds
///   a: rows g and g + 8, columns 2 t, 2 t + 1 and the same + 8     word (row / 8) + 2 (column / 8)
///   b: rows 2 t, 2 t + 1 and the same + 8, column g                word row / 8
///   c: rows g and g + 8, columns 2 t, 2 t + 1                      number 2 (row / 8) + column % 2
/// Sums are in f32 by ascending k; a GPU's order within the 16 is its own.
void multiply(void* const* lanes) {
  const auto lane = [&](int l) -> const Product& { return *static_cast<const Product*>(lanes[l]); };
  float c[16][8];
  for (int m = 0; m < 16; ++m)
    for (int n = 0; n < 8; ++n) {
      float sum = lane(m % 8 * 4 + n / 2).c[m / 8 * 2 + n % 2];
      for (int k = 0; k < 16; ++k) {
        const uint32_t a = lane(m % 8 * 4 + k % 8 / 2).a[m / 8 + k / 8 * 2], b = lane(n * 4 + k % 8 / 2).b[k / 8];
        sum += number(a, k % 2) * number(b, k % 2);
      }
      c[m][n] = sum;
    }
  for (int m = 0; m < 16; ++m)
    for (int n = 0; n < 8; ++n) lane(m % 8 * 4 + n / 2).c[m / 8 * 2 + n % 2] = c[m][n];
}

struct Rows {
  uint32_t* out;
  uint16_t row[8];  // what stands at this lane's address when it comes, so that a barrier that is missing before shows
  int count;
  bool turned;
};

/// Matrix i has its 8 rows at the addresses of lanes 8 i to 8 i + 7.  Lane l gets numbers 2 (l % 4) and the next of row
/// l / 4, or, turned, of column l / 4.
void distribute(void* const* lanes) {
  const auto lane = [&](int l) -> const Rows& { return *static_cast<const Rows*>(lanes[l]); };
  const auto at = [&](int matrix, int row, int column) { return uint32_t(lane(8 * matrix + row).row[column]); };
  for (int i = 0; i < lane(0).count; ++i)
    for (int l = 0; l < 32; ++l) {
      const int major = l / 4, minor = l % 4 * 2;
      lane(l).out[i] = lane(0).turned ? at(i, minor, major) | at(i, minor + 1, major) << 16
                                      : at(i, major, minor) | at(i, major, minor + 1) << 16;
    }
}

bool aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

}  // namespace

void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Place place) {
  Product mine{c, a, b};
  together(Op::mma, &mine, multiply, place);
}

void load_matrix(uint32_t* out, int count, const void* row, bool turned, Place place) {
  Block& b = *now;
  const bool used = b.current % 32 < 8 * count;  // the addresses of the other lanes are not read
  if (used && !(aligned(row) && b.shared.holds(row, 16)))
    inside(b, [&] {
      throw broken(b, b.current,
                   "ldmatrix takes rows of 16 bytes in shared memory, aligned to 16, got an address that is ",
                   b.shared.holds(row, 16) ? "not aligned" : "elsewhere", " at ", place.line);
    });
  Rows mine{out, {}, count, turned};
  if (used) std::memcpy(mine.row, row, sizeof mine.row);
  together(Op::load_matrix, &mine, distribute, place);
}

void copy_async(void* to, const void* from, Place place) {
  Block& b = *now;
  inside(b, [&] {
    if (!aligned(to) || !aligned(from) || !b.shared.holds(to, 16))
      throw broken(b, b.current, "cp.async copies 16 bytes to shared memory, both ends aligned to 16, got ",
                   aligned(to) && aligned(from) ? "a target elsewhere" : "an address that is not aligned", " at line ",
                   place.line);
    if (b.copies.empty()) b.copies.resize(size_t(b.size));
    std::memset(to, poison_byte(), 16);
    b.copies[size_t(b.current)].pending.push_back({to, from, 0});
  });
}

void commit_copies() {
  Block& b = *now;
  if (b.copies.empty()) b.copies.resize(size_t(b.size));
  AsyncCopies& mine = b.copies[size_t(b.current)];
  ++mine.groups;
  for (AsyncCopies::Copy& copy : mine.pending)
    if (copy.group == 0) copy.group = mine.groups;
}

void wait_copies(int left) {
  Block& b = *now;
  if (b.copies.empty()) return;
  AsyncCopies& mine = b.copies[size_t(b.current)];
  std::erase_if(mine.pending, [&](const AsyncCopies::Copy& copy) {
    if (copy.group == 0 || copy.group > mine.groups - left) return false;
    if (copy.from) std::memcpy(copy.to, copy.from, 16);
    else std::memset(copy.to, 0, 16);
    return true;
  });
}

}  // namespace camo::emulate
