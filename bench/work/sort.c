/* qsort of the C library with a comparison function: an indirect call for every comparison. */
#include "measure.h"

#define COUNT 2000000

static uint64_t *numbers;

static int compare(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

static uint64_t work(void) {
  uint64_t seed = 3, sum = 0;
  numbers = malloc(COUNT * sizeof *numbers);
  if (!numbers)
    abort();
  for (int pass = 0; pass < 1; pass++) {
    for (uint32_t i = 0; i < COUNT; i++)
      numbers[i] = measure_random(&seed);
    qsort(numbers, COUNT, sizeof *numbers, compare);
    for (uint32_t i = 1; i < COUNT; i++) {
      if (numbers[i - 1] > numbers[i])
        return 0;
      sum = sum * 31 + numbers[i];
    }
  }
  return sum;
}

int main(void) { return measure(work, UINT64_C(0x690c5211aaeafb8e)); }
