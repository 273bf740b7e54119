/* C that makes gcc use much of its instruction repertoire. compilers.c checks that the verifier knows all of what comes
 * out, at every optimisation level; it is compiled, never run. */
#include <immintrin.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LOOPS(type, name)                                                                                              \
  void name##_add(type *restrict a, const type *restrict b, const type *restrict c, int n) {                           \
    for (int i = 0; i < n; i++)                                                                                        \
      a[i] = (type)(b[i] + c[i] * a[i] - b[n - i]);                                                                    \
  }                                                                                                                    \
  type name##_reduce(const type *a, int n) {                                                                           \
    type sum = 0, most = a[0], least = a[0];                                                                           \
    for (int i = 0; i < n; i++) {                                                                                      \
      sum = (type)(sum + a[i]);                                                                                        \
      most = a[i] > most ? a[i] : most;                                                                                \
      least = a[i] < least ? a[i] : least;                                                                             \
    }                                                                                                                  \
    return (type)(sum + most - least);                                                                                 \
  }                                                                                                                    \
  void name##_masked(type *restrict a, const type *restrict b, const int *restrict mask, int n) {                      \
    for (int i = 0; i < n; i++)                                                                                        \
      if (mask[i] > 3)                                                                                                 \
        a[i] = b[i];                                                                                                   \
  }                                                                                                                    \
  void name##_convert(double *restrict d, float *restrict f, int *restrict k, const type *restrict a, int n) {         \
    for (int i = 0; i < n; i++) {                                                                                      \
      d[i] = (double)a[i];                                                                                             \
      f[i] = (float)a[i];                                                                                              \
      k[i] = (int)a[i];                                                                                                \
    }                                                                                                                  \
  }                                                                                                                    \
  void name##_stride(type *a, const type *b, int n) {                                                                  \
    for (int i = 0; i < n; i++)                                                                                        \
      a[i] = (type)(b[2 * i] - b[2 * i + 1]);                                                                          \
  }
LOOPS(int8_t, s8)
LOOPS(uint8_t, u8)
LOOPS(int16_t, s16)
LOOPS(uint16_t, u16)
LOOPS(int32_t, s32)
LOOPS(uint32_t, u32)
LOOPS(int64_t, s64)
LOOPS(uint64_t, u64)
LOOPS(float, f32)
LOOPS(double, f64)
LOOPS(long double, f80)

#define INTEGERS(type, name)                                                                                           \
  type name##_divide(type a, type b, type *r) {                                                                        \
    *r = (type)(a % b);                                                                                                \
    return (type)(a / b);                                                                                              \
  }                                                                                                                    \
  type name##_shift(type a, int n) { return (type)((a << n) ^ (a >> (n + 1)) ^ (a >> 3)); }                            \
  type name##_rotate(type a, int n) { return (type)((a << (n & 31)) | ((unsigned long)a >> (-n & 31))); }              \
  int name##_bits(type a, type b) { return (a > b) + (a == 3) - (a < 0) + ((a & 64) ? 7 : b != 0); }                   \
  type name##_overflow(type a, type b) {                                                                               \
    type c;                                                                                                            \
    return (type)(__builtin_mul_overflow(a, b, &c) ? 1 : c + __builtin_add_overflow(a, b, &c));                        \
  }                                                                                                                    \
  type name##_atomic(_Atomic type *a, type b) {                                                                        \
    atomic_fetch_add(a, b);                                                                                            \
    atomic_fetch_or(a, 4);                                                                                             \
    type old = atomic_exchange(a, b);                                                                                  \
    atomic_compare_exchange_strong(a, &old, 7);                                                                        \
    return (type)(atomic_fetch_xor(a, b) + old + atomic_load(a));                                                      \
  }
INTEGERS(int8_t, i8)
INTEGERS(uint16_t, i16)
INTEGERS(int32_t, i32)
INTEGERS(uint32_t, j32)
INTEGERS(int64_t, i64)
INTEGERS(uint64_t, j64)
INTEGERS(__int128, i128x)
#undef INTEGERS

int counts(unsigned a, unsigned long b) {
  return __builtin_popcount(a) + __builtin_clz(a) + __builtin_ctzl(b) + __builtin_ffsl((long)b) + __builtin_parity(a) +
         (int)__builtin_bswap64(b) + (int)__builtin_bswap32(a) + __builtin_bswap16((uint16_t)a) +
         __builtin_clrsbl((long)b);
}
unsigned long bit_tests(unsigned long a, unsigned n) { return (a >> n & 1) ? a | 1ul << (n + 1) : a & ~(1ul << n); }
unsigned long lowest(unsigned long a, unsigned long b) { return (a & -a) ^ (a & (a - 1)) ^ (a ^ (a - 1)) ^ (~a & b); }
double mathematics(double a, float b, long double c) {
  return sqrt(a) + floor(a) + fabs(a) + copysign(a, b) + sqrtf(b) + (double)sqrtl(c) + (double)fabsl(c) + fmin(a, b) +
         (double)lrint(a) + (double)(long)b + (double)(unsigned long)a + (double)(long)c + rint(a) + (double)rintl(c) +
         fma(a, b, a);
}
long double compare(long double a, long double b, int *r) {
  *r = a < b;
  return a == b ? a : a > b ? b * a : a / b - (long double)*r;
}
int sum(int count, ...) {
  va_list list;
  double total = 0;
  va_start(list, count);
  for (int i = 0; i < count; i++)
    total += i & 1 ? va_arg(list, double) : va_arg(list, int);
  va_end(list);
  return (int)total;
}
int switches(int a, const char *s) {
  switch (a) {
  case 0:
    return 5;
  case 1:
    return s[0];
  case 2:
    return s[1] * 3;
  case 3:
    return s[2] - s[3];
  case 4:
    return a * s[4];
  case 5:
    return s[5] / 7;
  case 6:
    return -s[6];
  default:
    return a % 10;
  }
}
struct large {
  long a[20];
};
struct large copy(const struct large *from, struct large *to) {
  *to = *from;
  return *from;
}
void clear(struct large *a) { memset(a, 0, sizeof *a); }
void *stack(size_t n, void (*use)(void *)) {
  void *p = __builtin_alloca(n);
  use(p);
  return p;
}
int thread_safe(_Atomic int *lock) {
  while (atomic_exchange(lock, 1))
    __builtin_ia32_pause();
  atomic_thread_fence(memory_order_seq_cst);
  return 1;
}
_Complex double complex_product(_Complex double a, _Complex double b) { return a * b / (a + b); }
_Noreturn void trap(void) { __builtin_trap(); }

#ifdef __SSE4_2__
unsigned long crc(unsigned long a, const unsigned char *s, int n) {
  for (int i = 0; i < n; i++)
    a = _mm_crc32_u8((unsigned)a, s[i]);
  return _mm_crc32_u64(a, a);
}
int text(__m128i a, __m128i b) {
  return _mm_cmpistri(a, b, 12) + _mm_cmpestrc(a, 5, b, 6, 0) + _mm_extract_epi8(a, 3) + _mm_testz_si128(a, b);
}
#endif
#ifdef __AES__
__m128i cipher(__m128i a, __m128i k) {
  return _mm_aesenclast_si128(_mm_aesenc_si128(a, k), _mm_aeskeygenassist_si128(_mm_aesimc_si128(k), 1));
}
__m128i carryless(__m128i a, __m128i b) { return _mm_clmulepi64_si128(a, b, 0x11); }
#endif
#ifdef __SHA__
__m128i hash(__m128i a, __m128i b, __m128i c) {
  return _mm_sha256rnds2_epu32(_mm_sha256msg1_epu32(a, b), _mm_sha1rnds4_epu32(a, b, 2), c);
}
#endif
#ifdef __AVX2__
__m256i shuffles(__m256i a, __m256i b, __m128i c) {
  a = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(a, b), 0x1b);
  a = _mm256_blendv_epi8(a, _mm256_sllv_epi32(a, b), _mm256_alignr_epi8(b, a, 4));
  a = _mm256_inserti128_si256(_mm256_permutevar8x32_epi32(a, b), c, 1);
  return _mm256_sad_epu8(a, _mm256_mulhrs_epi16(_mm256_packus_epi32(a, b), _mm256_broadcastb_epi8(c)));
}
int masks(__m256i a, __m256 b) { return _mm256_movemask_epi8(a) + _mm256_movemask_ps(b) + _mm256_testc_si256(a, a); }
void stream(__m256i *to, __m256i a) {
  _mm256_stream_si256(to, a);
  _mm_sfence();
  _mm_prefetch((const char *)to, _MM_HINT_T0);
}
__m128i halves(__m256 a) { return _mm256_cvtps_ph(a, 0); }
unsigned long bits2(unsigned long a, unsigned long b) {
  unsigned long long h;
  return _pdep_u64(a, b) + _pext_u64(a, b) + _mulx_u64(a, b, &h) + h + _bzhi_u64(a, 3);
}
#endif
