// Ends the program with a message, and not with an illegal instruction, on a processor that lacks what it was built
// for.
#include <unistd.h>

#include <cstring>

#include "examples/camo/commands/commands.h"

namespace camo::program {
namespace {

#ifdef __x86_64__
/// Uses only instructions that every x86-64 processor has.  Of what is missing, the oldest decides which build would do.
[[gnu::target("arch=x86-64")]] void check_processor() {
  const char *lacks = nullptr, *arch = "x86-64-v3";
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
#ifdef __BMI2__
  if (!__builtin_cpu_supports("bmi2")) lacks = "BMI2", arch = "x86-64-v2";
#endif
#ifdef __FMA__
  if (!__builtin_cpu_supports("fma")) lacks = "FMA", arch = "x86-64-v2";
#endif
#ifdef __AVX2__
  if (!__builtin_cpu_supports("avx2")) lacks = "AVX2", arch = "x86-64-v2";
#endif
#ifdef __SSE4_2__
  if (!__builtin_cpu_supports("sse4.2")) lacks = "SSE4.2", arch = "x86-64";
#endif
  if (!lacks) return;
  const char* const parts[] = {"camo: this processor has no ", lacks,
                               ", which this build uses [build Camo with cmake -DCAMO_ARCH=", arch, "]\n"};
  for (const char* part : parts) [[maybe_unused]] ssize_t n = ::write(2, part, std::strlen(part));
  ::_exit(6);
}

/// Before any other code of the program, and before that of a shared libcamo.
[[gnu::section(".preinit_array"), gnu::used]] void (*const at_start)() = check_processor;
#endif

}  // namespace

void link_processor_check() {}

}  // namespace camo::program
