/* Division of 128-bit integers. */
#include "toolchain/runtime/runtime.h"

static uint64_t high(uint128 value) { return (uint64_t)(value >> 64); }

/* The processor's own division; the quotient must fit, that is, top < divisor. */
static uint64_t divide_step(uint64_t top, uint64_t bottom, uint64_t divisor, uint64_t *remainder) {
  uint64_t quotient;
  __asm__("divq %4" : "=a"(quotient), "=d"(*remainder) : "0"(bottom), "1"(top), "rm"(divisor) : "cc");
  return quotient;
}

uint128 __udivmodti4(uint128 dividend, uint128 divisor, uint128 *remainder) {
  uint64_t rest;
  if (high(divisor) == 0) {
    uint64_t by = (uint64_t)divisor;
    uint64_t top = 0, carry = high(dividend);
    if (carry >= by) { /* also where the divisor is zero: the processor raises the fault */
      top = divide_step(0, carry, by, &carry);
    }
    uint64_t bottom = divide_step(carry, (uint64_t)dividend, by, &rest);
    if (remainder)
      *remainder = rest;
    return (uint128)top << 64 | bottom;
  }
  if (divisor > dividend) {
    if (remainder)
      *remainder = dividend;
    return 0;
  }
  /* The divisor's leading 64 bits give a quotient that is right or one too large (Knuth, volume 2, 4.3.1). */
  int shift = __builtin_clzll(high(divisor));
  uint64_t leading = high(divisor << shift);
  uint64_t quotient = divide_step(high(dividend) >> 1, (uint64_t)(dividend >> 1), leading, &rest);
  quotient >>= 63 - shift;
  if (quotient)
    quotient--;
  uint128 difference = dividend - divisor * quotient;
  if (difference >= divisor) {
    difference -= divisor;
    quotient++;
  }
  if (remainder)
    *remainder = difference;
  return quotient;
}

uint128 __udivti3(uint128 dividend, uint128 divisor) { return __udivmodti4(dividend, divisor, 0); }

uint128 __umodti3(uint128 dividend, uint128 divisor) {
  uint128 remainder;
  __udivmodti4(dividend, divisor, &remainder);
  return remainder;
}

static uint128 magnitude(int128 value) { return value < 0 ? -(uint128)value : (uint128)value; }

int128 __divmodti4(int128 dividend, int128 divisor, int128 *remainder) {
  uint128 rest;
  uint128 quotient = __udivmodti4(magnitude(dividend), magnitude(divisor), &rest);
  if (remainder)
    *remainder = (int128)(dividend < 0 ? -rest : rest);
  return (int128)((dividend < 0) != (divisor < 0) ? -quotient : quotient);
}

int128 __divti3(int128 dividend, int128 divisor) { return __divmodti4(dividend, divisor, 0); }

int128 __modti3(int128 dividend, int128 divisor) {
  int128 remainder;
  __divmodti4(dividend, divisor, &remainder);
  return remainder;
}
