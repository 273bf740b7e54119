/* What a processor can do, as the verifier names it. For the ports of x86-64 processors. */
#ifndef PORT_X86_FEATURES_H
#define PORT_X86_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

/* Bits of VERIFIER_FEATURES that this processor has, and that are enabled (XCR0). *avx: AVX registers are in use. */
uint32_t x86_features(bool *avx);

#endif
