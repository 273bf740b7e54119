/* Vector instructions from SSE2 to AVX2, through intrinsics and through the compiler's own vectors. */
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KEEP __attribute__((noinline, noclone))
#define AVX __attribute__((target("avx2,fma,bmi,bmi2,lzcnt,popcnt,f16c,aes,pclmul,sha,movbe")))

typedef float floats __attribute__((vector_size(32)));
typedef int32_t ints __attribute__((vector_size(16)));

static uint64_t hash = 14695981039346656037u;
static void mix(const void *bytes, size_t length) {
  const unsigned char *at = bytes;
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ at[i]) * 1099511628211u;
}
static void show(const char *name) { printf("%s %016llx\n", name, (unsigned long long)hash); }

static uint8_t data[4096] __attribute__((aligned(64)));
static uint8_t out[4096] __attribute__((aligned(64)));

KEEP static void sse2(void) {
  for (int i = 0; i + 16 <= 4096; i += 16) {
    __m128i a = _mm_load_si128((const __m128i *)(data + i)),
            b = _mm_loadu_si128((const __m128i *)(data + (i * 7 + 3) % 4000));
    __m128i r = _mm_add_epi32(_mm_mullo_epi16(a, b), _mm_unpacklo_epi8(a, b));
    r = _mm_xor_si128(r, _mm_sad_epu8(a, b));
    r = _mm_shuffle_epi32(_mm_srli_epi64(r, 3), 0x1b);
    r = _mm_adds_epu8(r, _mm_packs_epi32(a, b));
    r = _mm_insert_epi16(r, _mm_extract_epi16(b, 3), 5);
    r = _mm_or_si128(r, _mm_cmpgt_epi8(a, b));
    _mm_store_si128((__m128i *)(out + i), r);
    _mm_stream_si128((__m128i *)(out + (i ^ 16)), _mm_andnot_si128(a, r));
    int m = _mm_movemask_epi8(r);
    mix(&m, sizeof m);
    __m128d d = _mm_cvtepi32_pd(r);
    d = _mm_sqrt_pd(_mm_mul_pd(d, d));
    double pair[2];
    _mm_storeu_pd(pair, d);
    mix(pair, sizeof pair);
  }
  _mm_sfence();
  mix(out, sizeof out);
}
AVX KEEP static void avx2(void) {
  for (int i = 0; i + 32 <= 4096; i += 32) {
    __m256i a = _mm256_load_si256((const __m256i *)(data + i)),
            b = _mm256_loadu_si256((const __m256i *)(data + (i * 5 + 1) % 4000));
    __m256i r = _mm256_maddubs_epi16(a, b);
    r = _mm256_add_epi64(r, _mm256_mul_epu32(a, b));
    r = _mm256_shuffle_epi8(r, b);
    r = _mm256_permutevar8x32_epi32(r, a);
    r = _mm256_permute2x128_si256(r, b, 0x21);
    r = _mm256_blendv_epi8(r, a, b);
    r = _mm256_alignr_epi8(r, a, 5);
    r = _mm256_sllv_epi32(r, _mm256_and_si256(b, _mm256_set1_epi32(31)));
    _mm256_store_si256((__m256i *)(out + i), r);
    _mm256_maskstore_epi32((int *)(out + i), b, a);
    r = _mm256_maskload_epi32((const int *)(data + i), r);
    r = _mm256_xor_si256(r, _mm256_broadcastd_epi32(_mm_loadu_si32(data + i)));
    r = _mm256_xor_si256(r, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(data + i))));
    _mm256_storeu_si256((__m256i *)(out + (i * 3) % 4000), r);
    __m256 f = _mm256_cvtepi32_ps(r);
    f = _mm256_fmadd_ps(f, _mm256_set1_ps(0.5f), _mm256_broadcast_ss((const float *)(const void *)"\1\2\3\4"));
    float back[8];
    _mm256_storeu_ps(back, f);
    mix(back, sizeof back);
    __m128i h = _mm256_cvtps_ph(f, 0);
    mix(&h, sizeof h);
  }
  mix(out, sizeof out);
}
AVX KEEP static void scalar(void) {
  for (int i = 0; i + 8 <= 4096; i += 8) {
    uint64_t x, y, z;
    memcpy(&x, data + i, 8), memcpy(&y, data + (i ^ 512), 8);
    z = _pext_u64(x, y) ^ _pdep_u64(y, x) ^ _bzhi_u64(x, y & 63) ^ _lzcnt_u64(x) ^ _tzcnt_u64(y) ^
        (uint64_t)__builtin_popcountll(x);
    z ^= _blsr_u64(x) ^ _andn_u64(x, y) ^ (x >> 13 | x << 51);
    unsigned long long high;
    z ^= _mulx_u64(x, y, &high) ^ high ^ __builtin_bswap64(x);
    mix(&z, 8);
  }
}
KEEP AVX static void crypto(void) {
  __m128i key = _mm_load_si128((const __m128i *)data), state = key;
  for (int i = 0; i + 16 <= 4096; i += 16) {
    __m128i block = _mm_load_si128((const __m128i *)(data + i));
    state = _mm_aesenc_si128(_mm_xor_si128(state, block), key);
    state = _mm_aesdeclast_si128(state, _mm_aeskeygenassist_si128(key, 3));
    state = _mm_xor_si128(state, _mm_clmulepi64_si128(state, block, 0x10));
    state = _mm_sha256rnds2_epu32(state, block, key);
    state = _mm_sha256msg1_epu32(state, block);
  }
  mix(&state, sizeof state);
}
KEEP static floats vector_add(floats a, floats b) { return a * b + a; }
KEEP static ints vector_int(ints a, ints b) { return (a ^ b) * (a > b) + (b << 2); }

int main(void) {
  uint64_t state = 1;
  for (int i = 0; i < 4096; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    data[i] = (uint8_t)(state >> 56);
  }
  sse2();
  show("sse2");
  floats f = {1, 2, 3, 4, 5, 6, 7, 8};
  f = vector_add(f, f + 0.25f);
  mix(&f, sizeof f);
  ints n = vector_int((ints){1, -2, 3, -4}, (ints){4, -3, 2, 1});
  mix(&n, sizeof n);
  show("vectors");
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma")) {
    avx2();
    show("avx2");
    scalar();
    show("scalar");
  }
  if (__builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul")) {
    crypto();
    show("crypto");
  }
  return 0;
}
