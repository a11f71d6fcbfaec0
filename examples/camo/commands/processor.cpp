// Ends the program with a message, and not with an illegal instruction, on a processor that lacks what it was built
// for.
#include <unistd.h>

#include <cstring>

#include "examples/camo/commands/commands.h"

namespace camo::program {
namespace {

/// Runs before any other code of the program, and uses only instructions that every x86-64 processor has.
#ifdef __x86_64__
[[gnu::constructor(101), gnu::target("arch=x86-64")]] void check_processor() {
  const char* lacks = nullptr;
  __builtin_cpu_init();
#ifdef __AVX512BF16__
  if (!__builtin_cpu_supports("avx512bf16")) lacks = "AVX512-BF16";
#endif
#ifdef __AVX512VNNI__
  if (!__builtin_cpu_supports("avx512vnni")) lacks = "AVX512-VNNI";
#endif
#ifdef __AVX512BW__
  if (!__builtin_cpu_supports("avx512bw")) lacks = "AVX512-BW";
#endif
#ifdef __AVX512DQ__
  if (!__builtin_cpu_supports("avx512dq")) lacks = "AVX512-DQ";
#endif
#ifdef __AVX512VL__
  if (!__builtin_cpu_supports("avx512vl")) lacks = "AVX512-VL";
#endif
#ifdef __AVX512F__
  if (!__builtin_cpu_supports("avx512f")) lacks = "AVX-512";
#endif
#ifdef __FMA__
  if (!__builtin_cpu_supports("fma")) lacks = "FMA";
#endif
#ifdef __AVX2__
  if (!__builtin_cpu_supports("avx2")) lacks = "AVX2";
#endif
#ifdef __SSE4_2__
  if (!__builtin_cpu_supports("sse4.2")) lacks = "SSE4.2";
#endif
  if (!lacks) return;
  const char* const parts[] = {"camo: this processor has no ", lacks,
                               ", which this build uses [configure with -DCAMO_ARCH=x86-64-v2 or v3]\n"};
  for (const char* part : parts) [[maybe_unused]] ssize_t n = ::write(2, part, std::strlen(part));
  ::_exit(6);
}
#endif

}  // namespace

void link_processor_check() {}

}  // namespace camo::program
