/* Numbers to the last bit: floating point of every width, long double, complex, 128-bit integers, rounding. */
#include <complex.h>
#include <fenv.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KEEP __attribute__((noinline, noclone))

static uint64_t state = 88172645463325252u;
static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}
static uint64_t hash = 14695981039346656037u;
static void mix(const void *bytes, size_t length) {
  const unsigned char *at = bytes;
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ at[i]) * 1099511628211u;
}
#define MIX(x)                                                                                                         \
  ({                                                                                                                   \
    __typeof__(x) mixed = (x);                                                                                         \
    mix(&mixed, sizeof mixed);                                                                                         \
  })
/* The padding of a long double is not part of its value; a NaN's sign is nobody's promise. */
static void mix_long(long double x) {
  if (x != x)
    x = 1234567.0L;
  mix(&x, 10);
}
static void mix_double(double x) {
  if (x != x)
    x = 1234567.0;
  mix(&x, 8);
}
static void show(const char *name) { printf("%-12s %016llx\n", name, (unsigned long long)hash); }

static double any_double(void) {
  uint64_t bits = next();
  double value;
  memcpy(&value, &bits, 8);
  return value;
}

typedef unsigned __int128 u128;
typedef __int128 i128;
static u128 any_128(void) {
  u128 value = (u128)next() << 64 | next();
  return value >> (next() % 128);
}
KEEP static u128 udiv(u128 a, u128 b) { return a / b; }
KEEP static u128 umod(u128 a, u128 b) { return a % b; }
KEEP static i128 sdiv(i128 a, i128 b) { return a / b; }
KEEP static i128 smod(i128 a, i128 b) { return a % b; }

static void integers(void) {
  for (int i = 0; i < 20000; i++) {
    u128 a = any_128(), b = any_128();
    if (b == 0)
      b = 1;
    MIX(udiv(a, b));
    MIX(umod(a, b));
    i128 sa = (i128)a, sb = (i128)b;
    if (i & 1)
      sa = -sa;
    if (i & 2)
      sb = -sb;
    if (sb == -1)
      sb = 3;
    MIX(sdiv(sa, sb));
    MIX(smod(sa, sb));
    MIX(a * b);
    MIX(a << (b & 127));
    MIX(a >> (b & 127));
    MIX(sa >> (b & 127));
    MIX(udiv(a | 1, a | 1));
    MIX(udiv(a | (u128)1 << 127, b | (u128)1 << 64));
    i128 product;
    MIX((int)__builtin_mul_overflow(sa, sb, &product));
    MIX(product);
    mix_double((double)a);
    mix_double((double)sa);
    MIX((float)a);
    MIX((float)sa);
    mix_long((long double)a);
    mix_long((long double)sa);
    MIX(__builtin_popcountll((uint64_t)a) + __builtin_parityll((uint64_t)b) + __builtin_clrsbll((long long)b));
    double d = (double)(sa >> 1);
    if (fabs(d) < 1e38)
      MIX((i128)d);
    MIX((u128)(long double)(a >> 1));
    MIX((u128)(float)(a >> 2));
  }
  show("int128");
}

static void arithmetic(void) {
  for (int i = 0; i < 50000; i++) {
    double a = any_double(), b = any_double(), c = (double)(int64_t)next() / 3;
    mix_double(a + b), mix_double(a - b), mix_double(a * b), mix_double(a / b), mix_double(sqrt(fabs(a)));
    mix_double(a * c), mix_double(c / b), mix_double(fma(a, c, b));
    float x = (float)c, y = (float)a;
    mix_double(x + y), mix_double(x * y), mix_double(x / y);
    long double p = (long double)c, q = (long double)a;
    mix_long(p + q), mix_long(p * q), mix_long(p / q), mix_long(sqrtl(fabsl(q)));
    MIX((long)(c / 1e3)), MIX((unsigned)(c / 1e12 < 0 ? 1 : c / 1e12)), MIX((int64_t)(p / 7)), MIX(lrint(c / 1e3)),
        MIX(llrintl(p / 5));
    MIX(a < b), MIX(a >= b), MIX(q == p), MIX(isnan(a) || isinf(b));
  }
  show("arithmetic");
}

static void library(void) {
  for (int i = 0; i < 4000; i++) {
    double a = (double)(int64_t)next() / 9e17, b = (double)(int64_t)next() / 4e17;
    mix_double(sin(a * 10)), mix_double(cos(a)), mix_double(tan(a)), mix_double(exp(a)), mix_double(log(fabs(b)));
    mix_double(pow(fabs(a), b)), mix_double(atan2(a, b)), mix_double(sinh(a)), mix_double(cbrt(b)),
        mix_double(fmod(a, b));
    mix_double(floor(a)), mix_double(ceil(b)), mix_double(trunc(a)), mix_double(round(b)), mix_double(hypot(a, b));
    mix_double(tgamma(a)), mix_double(erf(b)), mix_double(nextafter(a, b)), mix_double(ldexp(a, i % 50)),
        mix_double(remainder(a, b));
    long double p = a, q = b;
    mix_long(sinl(p)), mix_long(expl(p)), mix_long(exp2l(q)), mix_long(expm1l(p)), mix_long(logl(fabsl(q))),
        mix_long(log1pl(fabsl(p)));
    mix_long(powl(fabsl(p), q)), mix_long(atan2l(p, q)), mix_long(floorl(q * 7)), mix_long(ceill(p)),
        mix_long(fmodl(p, q));
    mix_long(rintl(q)), mix_long(asinl(p / 11)), mix_long(acosl(p / 11)), mix_long(log2l(fabsl(p))),
        mix_long(remainderl(p, q));
    mix_long(truncl(q * 3)), mix_long(cbrtl(p));
    mix_double(__builtin_powi(a, i % 17 - 8)), mix_long(__builtin_powil(p, i % 9 - 4));
  }
  show("library");
  char text[64];
  for (int i = 0; i < 2000; i++) {
    double value = any_double();
    if (value != value)
      continue;
    int length = snprintf(text, sizeof text, "%.17g %a", value, value);
    mix(text, (size_t)length);
    double back;
    sscanf(text, "%lf", &back);
    MIX(back == value);
    length = snprintf(text, sizeof text, "%.20Lg", (long double)value / 3);
    mix(text, (size_t)length);
  }
  show("text");
}

KEEP static double complex multiply(double complex a, double complex b) { return a * b; }
KEEP static double complex divide(double complex a, double complex b) { return a / b; }
KEEP static float complex multiply_f(float complex a, float complex b) { return a * b; }
KEEP static float complex divide_f(float complex a, float complex b) { return a / b; }
KEEP static long double complex multiply_l(long double complex a, long double complex b) { return a * b; }
KEEP static long double complex divide_l(long double complex a, long double complex b) { return a / b; }
static void complexes(void) {
  static const double special[] = {0, -0.0, 1, -2.5, INFINITY, -INFINITY, NAN, 3e100, 7e-120};
  int count = sizeof special / sizeof *special;
  for (int i = 0; i < count * count * count * count; i++) {
    double complex a = CMPLX(special[i % count], special[i / count % count]);
    double complex b = CMPLX(special[i / count / count % count], special[i / count / count / count]);
    double complex r = multiply(a, b);
    mix_double(creal(r)), mix_double(cimag(r));
    long double complex l = multiply_l(a, b);
    mix_long(creall(l)), mix_long(cimagl(l));
    float complex f = multiply_f(a, b);
    mix_double(crealf(f)), mix_double(cimagf(f));
    r = divide(a, b);
    MIX((int)!!isnan(creal(r))), MIX((int)!!isinf(creal(r))), MIX((int)!!isnan(cimag(r)));
  }
  show("complex");
  for (int i = 0; i < 3000; i++) {
    double complex a = CMPLX((double)(int64_t)next() / 1e18, (double)(int64_t)next() / 1e18);
    double complex b = CMPLX((double)(int64_t)next() / 1e18, (double)(int64_t)next() / 1e18);
    double complex r = divide(a, b), back = multiply(r, b);
    if (cabs(back - a) > cabs(a) * 1e-14)
      printf("division is inexact\n");
    float complex f = divide_f(a, b);
    mix_double(crealf(f)), mix_double(cimagf(f));
    long double complex l = divide_l(a, b);
    if (cabsl(l * b - a) > cabsl(a) * 1e-17L)
      printf("long division is inexact\n");
    mix_double(cabs(csqrt(a))), mix_double(creal(cexp(a)));
  }
  show("complex2");
}

static void environment(void) {
  static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
  for (int i = 0; i < 4; i++) {
    int set = fesetround(modes[i]);
    volatile double a = 1, b = 3;
    volatile long double p = 1, q = 3;
    volatile float f = 16777216.0f, g = 1.0f;
    printf("round %d %d %a %La %a %ld %ld\n", set, fegetround() == modes[i], a / b, p / q, (double)(f + g),
           lrint(2.5 * a), lrint(-2.5 * a));
  }
  fesetround(FE_TONEAREST);
  feclearexcept(FE_ALL_EXCEPT);
  volatile double zero = 0, one = 1, huge = DBL_MAX, tiny = DBL_MIN;
  volatile double sink = one / zero;
  printf("flags %x", (unsigned)fetestexcept(FE_ALL_EXCEPT));
  sink = zero / zero;
  printf(" %d", !!fetestexcept(FE_INVALID));
  feclearexcept(FE_DIVBYZERO);
  printf(" %d%d", !!fetestexcept(FE_DIVBYZERO), !!fetestexcept(FE_INVALID));
  feclearexcept(FE_ALL_EXCEPT);
  sink = huge * huge;
  int overflow = fetestexcept(FE_ALL_EXCEPT);
  feclearexcept(FE_INEXACT);
  printf(" %x %x", (unsigned)overflow, (unsigned)fetestexcept(FE_ALL_EXCEPT));
  feclearexcept(FE_ALL_EXCEPT);
  sink = tiny / 3;
  printf(" %d", !!fetestexcept(FE_UNDERFLOW));
  feclearexcept(FE_ALL_EXCEPT);
  feraiseexcept(FE_OVERFLOW | FE_INVALID);
  printf(" %x", (unsigned)fetestexcept(FE_ALL_EXCEPT & ~FE_INEXACT));
  fenv_t saved;
  feholdexcept(&saved);
  int held = fetestexcept(FE_ALL_EXCEPT);
  sink = one / zero;
  feupdateenv(&saved);
  printf(" %d %x\n", held, (unsigned)fetestexcept(FE_OVERFLOW | FE_INVALID | FE_DIVBYZERO));
  feclearexcept(FE_ALL_EXCEPT);
  volatile long double l = 1, z = 0;
  volatile long double lsink = l / z;
  (void)lsink;
  printf("x87 flags %x\n", (unsigned)fetestexcept(FE_DIVBYZERO));
  fesetround(FE_UPWARD);
  fesetenv(FE_DFL_ENV);
  printf("default %d %x\n", fegetround() == FE_TONEAREST, (unsigned)fetestexcept(FE_ALL_EXCEPT));
  (void)sink;
}

int main(void) {
  integers();
  arithmetic();
  library();
  complexes();
  environment();
  return 0;
}
