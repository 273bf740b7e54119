/* Multiplies square matrices of doubles, row by row so that the inner loop is contiguous: floating point and strided
 * memory. */
#include <string.h>

#include "measure.h"

#define SIZE 512

static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static void multiply(void) {
  memset(c, 0, sizeof c);
  for (int i = 0; i < SIZE; i++)
    for (int k = 0; k < SIZE; k++) {
      double factor = a[i][k];
      for (int j = 0; j < SIZE; j++)
        c[i][j] += factor * b[k][j];
    }
}

static uint64_t work(void) {
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) {
      a[i][j] = (double)((i * 7 + j * 13) % 17) / 16;
      b[i][j] = (double)((i * 11 + j * 3) % 19) / 16;
    }
  for (int pass = 0; pass < 48; pass++) {
    multiply();
    /* The next pass needs the last one's result, scaled down so that it stays exact to look at. */
    for (int i = 0; i < SIZE; i++)
      for (int j = 0; j < SIZE; j++)
        a[i][j] = c[i][j] / SIZE;
  }
  double sum = 0;
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++)
      sum += a[i][j] * (double)(i - j);
  uint64_t bits;
  memcpy(&bits, &sum, sizeof bits);
  return bits;
}

int main(void) { return measure(work, UINT64_C(0x3de369b8e7d67bfa)); }
