/* For libFuzzer's programs: what fuzz.h counts. */
#include "tests/fuzz/fuzz.h"

uint64_t fuzz_accepted, fuzz_refused;
