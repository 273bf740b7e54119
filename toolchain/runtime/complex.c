/* Complex multiplication and division as annex G of C11 asks, and powers to integers. */
#include "toolchain/runtime/runtime.h"

#define INFINITE(x) __builtin_isinf(x)
#define NAN_(x) __builtin_isnan(x)

/* When both parts came out as not a number although a factor is infinite, the product is infinite. */
#define MULTIPLY(name, type, copysign)                                                                                 \
  _Complex type name(type a, type b, type c, type d) {                                                                 \
    type ac = a * c, bd = b * d, ad = a * d, bc = b * c;                                                               \
    type x = ac - bd, y = ad + bc;                                                                                     \
    if (NAN_(x) && NAN_(y)) {                                                                                          \
      int again = 0;                                                                                                   \
      if (INFINITE(a) || INFINITE(b)) {                                                                                \
        a = copysign(INFINITE(a) ? (type)1 : (type)0, a);                                                              \
        b = copysign(INFINITE(b) ? (type)1 : (type)0, b);                                                              \
        if (NAN_(c))                                                                                                   \
          c = copysign((type)0, c);                                                                                    \
        if (NAN_(d))                                                                                                   \
          d = copysign((type)0, d);                                                                                    \
        again = 1;                                                                                                     \
      }                                                                                                                \
      if (INFINITE(c) || INFINITE(d)) {                                                                                \
        c = copysign(INFINITE(c) ? (type)1 : (type)0, c);                                                              \
        d = copysign(INFINITE(d) ? (type)1 : (type)0, d);                                                              \
        if (NAN_(a))                                                                                                   \
          a = copysign((type)0, a);                                                                                    \
        if (NAN_(b))                                                                                                   \
          b = copysign((type)0, b);                                                                                    \
        again = 1;                                                                                                     \
      }                                                                                                                \
      if (!again && (INFINITE(ac) || INFINITE(bd) || INFINITE(ad) || INFINITE(bc))) {                                  \
        if (NAN_(a))                                                                                                   \
          a = copysign((type)0, a);                                                                                    \
        if (NAN_(b))                                                                                                   \
          b = copysign((type)0, b);                                                                                    \
        if (NAN_(c))                                                                                                   \
          c = copysign((type)0, c);                                                                                    \
        if (NAN_(d))                                                                                                   \
          d = copysign((type)0, d);                                                                                    \
        again = 1;                                                                                                     \
      }                                                                                                                \
      if (again) {                                                                                                     \
        x = (type)__builtin_inf() * (a * c - b * d);                                                                   \
        y = (type)__builtin_inf() * (a * d + b * c);                                                                   \
      }                                                                                                                \
    }                                                                                                                  \
    return __builtin_complex(x, y);                                                                                    \
  }

MULTIPLY(__mulsc3, float, __builtin_copysignf)
MULTIPLY(__muldc3, double, __builtin_copysign)
MULTIPLY(__mulxc3, long double, __builtin_copysignl)

/* What is left when a plain quotient is not a number in both parts: zero divisors, infinite dividends, infinite
 * divisors. */
#define REPAIR(type, copysign, x, y, a, b, c, d, denominator)                                                          \
  if (NAN_(x) && NAN_(y)) {                                                                                            \
    if ((denominator) == 0 && (!NAN_(a) || !NAN_(b))) {                                                                \
      x = copysign((type)__builtin_inf(), c) * a;                                                                      \
      y = copysign((type)__builtin_inf(), c) * b;                                                                      \
    } else if ((INFINITE(a) || INFINITE(b)) && __builtin_isfinite(c) && __builtin_isfinite(d)) {                       \
      a = copysign(INFINITE(a) ? (type)1 : (type)0, a);                                                                \
      b = copysign(INFINITE(b) ? (type)1 : (type)0, b);                                                                \
      x = (type)__builtin_inf() * (a * c + b * d);                                                                     \
      y = (type)__builtin_inf() * (b * c - a * d);                                                                     \
    } else if ((INFINITE(c) || INFINITE(d)) && __builtin_isfinite(a) && __builtin_isfinite(b)) {                       \
      c = copysign(INFINITE(c) ? (type)1 : (type)0, c);                                                                \
      d = copysign(INFINITE(d) ? (type)1 : (type)0, d);                                                                \
      x = (type)0 * (a * c + b * d);                                                                                   \
      y = (type)0 * (b * c - a * d);                                                                                   \
    }                                                                                                                  \
  }

/* A wider type has room for every intermediate product of the narrower one. */
_Complex float __divsc3(float a, float b, float c, float d) {
  double denominator = (double)c * c + (double)d * d;
  float x = (float)(((double)a * c + (double)b * d) / denominator);
  float y = (float)(((double)b * c - (double)a * d) / denominator);
  REPAIR(float, __builtin_copysignf, x, y, a, b, c, d, denominator)
  return __builtin_complex(x, y);
}

/* Without a wider range: Smith's method, on a divisor brought to the middle of the exponents, after Baudin and Smith,
 * "A Robust Complex Division in Scilab" (2012). */
#define DIVIDE(name, type, copysign, fabs, most, least, epsilon)                                                       \
  _Complex type name(type a, type b, type c, type d) {                                                                 \
    type x, y, denominator, ratio;                                                                                     \
    type a0 = a, b0 = b, c0 = c, d0 = d;                                                                               \
    if (fabs(c) >= most / 2 || fabs(d) >= most / 2 || fabs(a) >= most / 2 || fabs(b) >= most / 2) {                    \
      if (fabs(c) >= most / 2 || fabs(d) >= most / 2) {                                                                \
        a /= 2, b /= 2, c /= 2, d /= 2;                                                                                \
      }                                                                                                                \
    }                                                                                                                  \
    if (fabs(c) < least * 2 / epsilon && fabs(d) < least * 2 / epsilon) {                                              \
      type scale = 2 / (epsilon * epsilon);                                                                            \
      if (fabs(a) < most / scale / 4 && fabs(b) < most / scale / 4)                                                    \
        a *= scale, b *= scale, c *= scale, d *= scale;                                                                \
    }                                                                                                                  \
    if (fabs(c) < fabs(d)) {                                                                                           \
      ratio = c / d;                                                                                                   \
      denominator = (c * ratio) + d;                                                                                   \
      if (ratio != 0 && fabs(ratio) > least) {                                                                         \
        x = ((a * ratio) + b) / denominator;                                                                           \
        y = ((b * ratio) - a) / denominator;                                                                           \
      } else {                                                                                                         \
        x = ((c * (a / d)) + b) / denominator;                                                                         \
        y = ((c * (b / d)) - a) / denominator;                                                                         \
      }                                                                                                                \
    } else {                                                                                                           \
      ratio = d / c;                                                                                                   \
      denominator = (d * ratio) + c;                                                                                   \
      if (ratio != 0 && fabs(ratio) > least) {                                                                         \
        x = ((b * ratio) + a) / denominator;                                                                           \
        y = (b - (a * ratio)) / denominator;                                                                           \
      } else {                                                                                                         \
        x = ((d * (b / c)) + a) / denominator;                                                                         \
        y = (b - (d * (a / c))) / denominator;                                                                         \
      }                                                                                                                \
    }                                                                                                                  \
    a = a0, b = b0, c = c0, d = d0;                                                                                    \
    REPAIR(type, copysign, x, y, a, b, c, d, fabs(c) + fabs(d))                                                        \
    return __builtin_complex(x, y);                                                                                    \
  }

DIVIDE(__divdc3, double, __builtin_copysign, __builtin_fabs, __DBL_MAX__, __DBL_MIN__, __DBL_EPSILON__)
DIVIDE(__divxc3, long double, __builtin_copysignl, __builtin_fabsl, __LDBL_MAX__, __LDBL_MIN__, __LDBL_EPSILON__)

#define POWER(name, type)                                                                                              \
  type name(type base, int exponent) {                                                                                 \
    unsigned count = exponent < 0 ? -(unsigned)exponent : (unsigned)exponent;                                          \
    type result = count & 1 ? base : 1;                                                                                \
    while (count >>= 1) {                                                                                              \
      base *= base;                                                                                                    \
      if (count & 1)                                                                                                   \
        result *= base;                                                                                                \
    }                                                                                                                  \
    return exponent < 0 ? 1 / result : result;                                                                         \
  }

POWER(__powisf2, float)
POWER(__powidf2, double)
POWER(__powixf2, long double)
