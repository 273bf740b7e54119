/* Conversions between 128-bit integers and floating point, rounded to nearest even as the others are. */
#include "toolchain/runtime/runtime.h"

static int leading_zeros(uint128 value) {
  uint64_t high = (uint64_t)(value >> 64);
  return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)value);
}

/* 64 bits that round as the whole would: the leading ones, the lost ones kept as a last bit. The value is the result
 * times two to the power of *exponent. 64 bits are more than any of the types but long double hold, twice over. */
static uint64_t narrow(uint128 value, int *exponent) {
  *exponent = 0;
  if (value >> 64 == 0)
    return (uint64_t)value;
  int shift = 64 - leading_zeros(value);
  *exponent = shift;
  uint64_t lost = (value & (((uint128)1 << shift) - 1)) != 0;
  return (uint64_t)(value >> shift) | lost;
}

static double power_of_two(int exponent) {
  union {
    uint64_t bits;
    double value;
  } power = {(uint64_t)(exponent + 1023) << 52};
  return power.value;
}

static uint128 magnitude(int128 value) { return value < 0 ? -(uint128)value : (uint128)value; }

/* The product with a power of two is exact, except that a float may overflow, as it must. The sign is applied before
 * rounding, for the directed modes. */
static double to_double(uint128 value, int negative) {
  int exponent;
  uint64_t bits = narrow(value, &exponent);
  if (bits >> 63 == 0) {
    int64_t whole = (int64_t)bits;
    return (double)(negative ? -whole : whole) * power_of_two(exponent);
  }
  int64_t half = (int64_t)(bits >> 1 | (bits & 1));
  return (double)(negative ? -half : half) * power_of_two(exponent + 1);
}

static float to_float(uint128 value, int negative) {
  int exponent;
  uint64_t bits = narrow(value, &exponent);
  int64_t half = (int64_t)(bits >> 1 | (bits & 1));
  if (bits >> 63 == 0) {
    half = (int64_t)bits;
    exponent--;
  }
  return (float)((double)(float)(negative ? -half : half) * power_of_two(exponent + 1));
}

static long double to_long_double(uint128 value, int negative) {
  uint64_t high = (uint64_t)(value >> 64);
  long double sum_high = (long double)high * 18446744073709551616.0L;
  long double low = (long double)(uint64_t)value;
  return negative ? -sum_high - low : sum_high + low;
}

double __floattidf(int128 value) { return to_double(magnitude(value), value < 0); }
double __floatuntidf(uint128 value) { return to_double(value, 0); }
float __floattisf(int128 value) { return to_float(magnitude(value), value < 0); }
float __floatuntisf(uint128 value) { return to_float(value, 0); }
long double __floattixf(int128 value) { return to_long_double(magnitude(value), value < 0); }
long double __floatuntixf(uint128 value) { return to_long_double(value, 0); }

/* Truncates; the value is below 2^128. */
static uint128 from_long_double(long double value) {
  union {
    long double value;
    struct {
      uint64_t significand;
      uint16_t exponent;
    } parts;
  } bits = {value};
  int shift = (bits.parts.exponent & 0x7fff) - 16383 - 63;
  if (shift >= 64)
    return (uint128)bits.parts.significand << 64 << (shift - 64 < 64 ? shift - 64 : 63);
  if (shift >= 0)
    return (uint128)bits.parts.significand << shift;
  return shift > -64 ? bits.parts.significand >> -shift : 0;
}

uint128 __fixunsxfti(long double value) { return value < 0 ? -from_long_double(-value) : from_long_double(value); }
int128 __fixxfti(long double value) {
  return value < 0 ? -(int128)from_long_double(-value) : (int128)from_long_double(value);
}
uint128 __fixunsdfti(double value) { return __fixunsxfti(value); }
uint128 __fixunssfti(float value) { return __fixunsxfti(value); }
int128 __fixdfti(double value) { return __fixxfti(value); }
int128 __fixsfti(float value) { return __fixxfti(value); }
