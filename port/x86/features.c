/* Owns the table from CPUID's bits to the verifier's features. Called once by a port as it prepares; no lock. */
#include "port/x86/features.h"

#include <cpuid.h>
#include <stddef.h>

#include "verifier/verifier.h"

uint32_t x86_features(bool *avx) {
  uint32_t a, b, c, d, found = 0;
  __cpuid_count(1, 0, a, b, c, d);
  bool ymm = false;
  if (c & bit_OSXSAVE) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    ymm = (low & 6) == 6;
  }
  uint32_t b7 = 0, c7 = 0, leaf_a, leaf_d, extended_c = 0;
  if (__get_cpuid_max(0, NULL) >= 7)
    __cpuid_count(7, 0, leaf_a, b7, c7, leaf_d);
  if (__get_cpuid_max(0x80000000, NULL) >= 0x80000001)
    __cpuid_count(0x80000001, 0, leaf_a, b, extended_c, leaf_d);
  const struct {
    bool present;
    enum verifier_feature bit;
  } table[] = {
      {c & bit_SSE3, VERIFIER_FEATURE_SSE3},
      {c & bit_SSSE3, VERIFIER_FEATURE_SSSE3},
      {c & bit_SSE4_1, VERIFIER_FEATURE_SSE4_1},
      {c & bit_SSE4_2, VERIFIER_FEATURE_SSE4_2},
      {c & bit_POPCNT, VERIFIER_FEATURE_POPCNT},
      {ymm && (c & bit_AVX), VERIFIER_FEATURE_AVX},
      {ymm && (b7 & bit_AVX2), VERIFIER_FEATURE_AVX2},
      {ymm && (c & bit_FMA), VERIFIER_FEATURE_FMA},
      {b7 & bit_BMI, VERIFIER_FEATURE_BMI1},
      {b7 & bit_BMI2, VERIFIER_FEATURE_BMI2},
      {extended_c & (1 << 5), VERIFIER_FEATURE_LZCNT},
      {c & bit_MOVBE, VERIFIER_FEATURE_MOVBE},
      {ymm && (c & bit_F16C), VERIFIER_FEATURE_F16C},
      {c & bit_AES, VERIFIER_FEATURE_AES},
      {c & bit_PCLMUL, VERIFIER_FEATURE_PCLMUL},
      {b7 & bit_SHA, VERIFIER_FEATURE_SHA},
      {b7 & bit_ADX, VERIFIER_FEATURE_ADX},
      {c & bit_CMPXCHG16B, VERIFIER_FEATURE_CX16},
      {c & bit_RDRND, VERIFIER_FEATURE_RDRAND},
      {b7 & bit_RDSEED, VERIFIER_FEATURE_RDSEED},
      {ymm && (c7 & bit_VAES), VERIFIER_FEATURE_VAES},
      {ymm && (c7 & bit_VPCLMULQDQ), VERIFIER_FEATURE_VPCLMUL},
      {c7 & bit_GFNI, VERIFIER_FEATURE_GFNI},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (table[i].present)
      found |= 1u << table[i].bit;
  *avx = ymm && (c & bit_AVX);
  return found;
}
