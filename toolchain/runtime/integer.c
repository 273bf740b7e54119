/* Integer functions: multiplication and shifts of 128 bits, counting of bits, arithmetic that traps on overflow. */
#include "toolchain/runtime/runtime.h"

/* Built from 64-bit halves, so that the compiler does not call these functions for them. */
union halves {
  uint128 whole;
  struct {
    uint64_t low, high;
  } half;
};

int128 __multi3(int128 left, int128 right) {
  union halves a = {(uint128)left}, b = {(uint128)right}, result;
  __asm__("mulq %3" : "=a"(result.half.low), "=d"(result.half.high) : "0"(a.half.low), "rm"(b.half.low) : "cc");
  result.half.high += a.half.low * b.half.high + a.half.high * b.half.low;
  return (int128)result.whole;
}

int128 __ashlti3(int128 value, int count) {
  union halves v = {(uint128)value};
  if (count & 64) {
    v.half.high = v.half.low << (count & 63);
    v.half.low = 0;
  } else if (count & 63) {
    v.half.high = v.half.high << count | v.half.low >> (64 - count);
    v.half.low <<= count;
  }
  return (int128)v.whole;
}

uint128 __lshrti3(uint128 value, int count) {
  union halves v = {value};
  if (count & 64) {
    v.half.low = v.half.high >> (count & 63);
    v.half.high = 0;
  } else if (count & 63) {
    v.half.low = v.half.low >> count | v.half.high << (64 - count);
    v.half.high >>= count;
  }
  return v.whole;
}

int128 __ashrti3(int128 value, int count) {
  union halves v = {(uint128)value};
  int64_t high = (int64_t)v.half.high;
  if (count & 64) {
    v.half.low = (uint64_t)(high >> (count & 63));
    v.half.high = (uint64_t)(high >> 63);
  } else if (count & 63) {
    v.half.low = v.half.low >> count | (uint64_t)high << (64 - count);
    v.half.high = (uint64_t)(high >> count);
  }
  return (int128)v.whole;
}

int __popcountdi2(uint64_t value) {
  value -= value >> 1 & 0x5555555555555555u;
  value = (value & 0x3333333333333333u) + (value >> 2 & 0x3333333333333333u);
  value = (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0fu;
  return (int)(value * 0x0101010101010101u >> 56);
}

int __popcountsi2(uint32_t value) { return __popcountdi2(value); }
int __popcountti2(uint128 value) { return __popcountdi2((uint64_t)value) + __popcountdi2((uint64_t)(value >> 64)); }

int __paritydi2(uint64_t value) { return __popcountdi2(value) & 1; }
int __paritysi2(uint32_t value) { return __popcountdi2(value) & 1; }
int __parityti2(uint128 value) { return __popcountti2(value) & 1; }

int __clzdi2(uint64_t value) { return __builtin_clzll(value); }
int __clzsi2(uint32_t value) { return __builtin_clz(value); }
int __clzti2(uint128 value) {
  uint64_t high = (uint64_t)(value >> 64);
  return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)value);
}

int __ctzdi2(uint64_t value) { return __builtin_ctzll(value); }
int __ctzsi2(uint32_t value) { return __builtin_ctz(value); }
int __ctzti2(uint128 value) {
  uint64_t low = (uint64_t)value;
  return low ? __builtin_ctzll(low) : 64 + __builtin_ctzll((uint64_t)(value >> 64));
}

/* One more than the place of the lowest bit set, 0 for none. */
int __ffsdi2(uint64_t value) { return value ? __builtin_ctzll(value) + 1 : 0; }
int __ffsti2(uint128 value) { return value ? __ctzti2(value) + 1 : 0; }

/* Bits below the sign that equal it. */
int __clrsbdi2(int64_t value) {
  uint64_t differing = (uint64_t)(value ^ value >> 63);
  return differing ? __builtin_clzll(differing) - 1 : 63;
}
int __clrsbti2(int128 value) {
  uint128 differing = (uint128)(value < 0 ? ~value : value);
  return differing ? __clzti2(differing) - 1 : 127;
}

uint32_t __bswapsi2(uint32_t value) { return __builtin_bswap32(value); }
uint64_t __bswapdi2(uint64_t value) { return __builtin_bswap64(value); }

/* 0, 1, 2: less, equal, greater. */
int __cmpti2(int128 left, int128 right) { return (left > right) - (left < right) + 1; }
int __ucmpti2(uint128 left, uint128 right) { return (left > right) - (left < right) + 1; }
int128 __negti2(int128 value) { return (int128)(-(uint128)value); }

#define TRAPPING(suffix, type)                                                                                         \
  type __addv##suffix##3(type left, type right) {                                                                      \
    type result;                                                                                                       \
    if (__builtin_add_overflow(left, right, &result))                                                                  \
      __builtin_trap();                                                                                                \
    return result;                                                                                                     \
  }                                                                                                                    \
  type __subv##suffix##3(type left, type right) {                                                                      \
    type result;                                                                                                       \
    if (__builtin_sub_overflow(left, right, &result))                                                                  \
      __builtin_trap();                                                                                                \
    return result;                                                                                                     \
  }                                                                                                                    \
  type __negv##suffix##2(type value) { return __subv##suffix##3(0, value); }                                           \
  type __absv##suffix##2(type value) { return value < 0 ? __negv##suffix##2(value) : value; }

TRAPPING(si, int32_t)
TRAPPING(di, int64_t)
TRAPPING(ti, int128)

int32_t __mulvsi3(int32_t left, int32_t right) {
  int32_t result;
  if (__builtin_mul_overflow(left, right, &result))
    __builtin_trap();
  return result;
}

int64_t __mulvdi3(int64_t left, int64_t right) {
  int64_t result;
  if (__builtin_mul_overflow(left, right, &result))
    __builtin_trap();
  return result;
}

/* The low 128 bits of the product, and whether it did not fit. */
int128 __muloti4(int128 left, int128 right, int *overflow) {
  int128 result = (int128)((uint128)left * (uint128)right);
  int128 least = (int128)((uint128)1 << 127);
  *overflow = 0;
  if (left == least || right == least)
    *overflow = left != 0 && right != 0 && left != 1 && right != 1;
  else if (left != 0 && (result / left != right || (left == -1 && result == least)))
    *overflow = 1;
  return result;
}

int128 __mulvti3(int128 left, int128 right) {
  int overflow;
  int128 result = __muloti4(left, right, &overflow);
  if (overflow)
    __builtin_trap();
  return result;
}
