/* Between fuzz.c and its driver. */
#ifndef TESTS_MANIFEST_FUZZ_H
#define TESTS_MANIFEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
extern uint64_t fuzz_accepted, fuzz_refused;

#endif
