/* What __builtin_cpu_supports and __builtin_cpu_is read: facts about the processor, in gcc's layout. */
#include <cpuid.h>

#include "toolchain/runtime/runtime.h"

struct processor_model {
  unsigned vendor, type, subtype, features[1];
} __cpu_model;
unsigned __cpu_features2[4];

enum { VENDOR_INTEL = 1, VENDOR_AMD = 2, VENDOR_OTHER = 3 };

struct bit {
  unsigned char number; /* gcc's */
  unsigned char leaf;   /* 0: leaf 1; 1: leaf 7; 2: leaf 0x80000001 */
  unsigned char word;   /* 0: ebx, 1: ecx, 2: edx */
  unsigned char place;
  unsigned char needs_ymm;
};

static const struct bit bits[] = {
    {0, 0, 2, 15, 0},  /* cmov */
    {2, 0, 1, 23, 0},  /* popcnt */
    {3, 0, 2, 25, 0},  /* sse */
    {4, 0, 2, 26, 0},  /* sse2 */
    {5, 0, 1, 0, 0},   /* sse3 */
    {6, 0, 1, 9, 0},   /* ssse3 */
    {7, 0, 1, 19, 0},  /* sse4.1 */
    {8, 0, 1, 20, 0},  /* sse4.2 */
    {9, 0, 1, 28, 1},  /* avx */
    {10, 1, 0, 5, 1},  /* avx2 */
    {14, 0, 1, 12, 1}, /* fma */
    {16, 1, 0, 3, 0},  /* bmi */
    {17, 1, 0, 8, 0},  /* bmi2 */
    {18, 0, 1, 25, 0}, /* aes */
    {19, 0, 1, 1, 0},  /* pclmul */
};

__attribute__((constructor(101))) int __cpu_indicator_init(void) {
  unsigned words[3][4] = {{0}};
  if (__cpu_model.vendor)
    return 0;
  unsigned highest = __get_cpuid_max(0, words[0]);
  __cpu_model.vendor = words[0][0] == signature_INTEL_ebx ? VENDOR_INTEL
                       : words[0][0] == signature_AMD_ebx ? VENDOR_AMD
                                                          : VENDOR_OTHER;
  unsigned unused;
  __cpuid(1, unused, words[0][0], words[0][1], words[0][2]);
  if (highest >= 7)
    __cpuid_count(7, 0, unused, words[1][0], words[1][1], words[1][2]);
  /* Whether the system keeps the wide registers. */
  int wide = 0;
  if (words[0][1] & bit_OSXSAVE) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    wide = (low & 6) == 6;
  }
  for (unsigned i = 0; i < sizeof bits / sizeof *bits; i++)
    if (words[bits[i].leaf][bits[i].word] >> bits[i].place & 1 && (wide || !bits[i].needs_ymm))
      __cpu_model.features[0] |= 1u << bits[i].number;
  return 0;
}
