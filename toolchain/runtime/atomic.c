/* Atomic operations on what the processor has no single instruction for: 16 bytes, with cmpxchg16b, and objects of any
 * size, under locks chosen by address. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "toolchain/runtime/runtime.h"

static bool compare_exchange(volatile void *object, uint128 *expected, uint128 value) {
  uint64_t low = (uint64_t)*expected, high = (uint64_t)(*expected >> 64);
  bool same;
  __asm__ volatile("lock cmpxchg16b %1"
                   : "=@ccz"(same), "+m"(*(volatile uint128 *)object), "+a"(low), "+d"(high)
                   : "b"((uint64_t)value), "c"((uint64_t)(value >> 64))
                   : "memory");
  *expected = (uint128)high << 64 | low;
  return same;
}

uint128 __atomic_load_16(const volatile void *object, int order) {
  (void)order;
  uint128 seen = 0;
  compare_exchange((volatile void *)object, &seen, 0);
  return seen;
}

bool __atomic_compare_exchange_16(volatile void *object, void *expected, uint128 value, bool weak, int success,
                                  int failure) {
  (void)weak, (void)success, (void)failure;
  uint128 seen;
  memcpy(&seen, expected, sizeof seen);
  bool same = compare_exchange(object, &seen, value);
  if (!same)
    memcpy(expected, &seen, sizeof seen);
  return same;
}

#define UPDATE(name, expression, result)                                                                               \
  uint128 name(volatile void *object, uint128 value, int order) {                                                      \
    (void)order;                                                                                                       \
    uint128 old = 0, new;                                                                                              \
    do                                                                                                                 \
      new = (expression);                                                                                              \
    while (!compare_exchange(object, &old, new));                                                                      \
    return result;                                                                                                     \
  }

UPDATE(__atomic_exchange_16, value, old)
UPDATE(__atomic_fetch_add_16, old + value, old)
UPDATE(__atomic_fetch_sub_16, old - value, old)
UPDATE(__atomic_fetch_and_16, old &value, old)
UPDATE(__atomic_fetch_or_16, old | value, old)
UPDATE(__atomic_fetch_xor_16, old ^ value, old)
UPDATE(__atomic_fetch_nand_16, ~(old &value), old)
UPDATE(__atomic_add_fetch_16, old + value, new)
UPDATE(__atomic_sub_fetch_16, old - value, new)
UPDATE(__atomic_and_fetch_16, old &value, new)
UPDATE(__atomic_or_fetch_16, old | value, new)
UPDATE(__atomic_xor_fetch_16, old ^ value, new)
UPDATE(__atomic_nand_fetch_16, ~(old &value), new)

void __atomic_store_16(volatile void *object, uint128 value, int order) { __atomic_exchange_16(object, value, order); }

/* ---- Any size ---- */

#define LOCKS 64u
static uint32_t locks[LOCKS];

static uint32_t *lock(const volatile void *object) {
  uint32_t *word = &locks[(uintptr_t)object / 64 % LOCKS];
  while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
    __builtin_ia32_pause();
  return word;
}

static void unlock(uint32_t *word) { __atomic_store_n(word, 0, __ATOMIC_RELEASE); }

bool __atomic_is_lock_free(size_t size, const volatile void *object) {
  return (size == 1 || size == 2 || size == 4 || size == 8 || size == 16) && (uintptr_t)object % size == 0;
}

void generic_load(size_t size, const volatile void *object, void *result, int order) __asm__("__atomic_load");
void generic_load(size_t size, const volatile void *object, void *result, int order) {
  (void)order;
  uint32_t *held = lock(object);
  memcpy(result, (const void *)object, size);
  unlock(held);
}

void generic_store(size_t size, volatile void *object, const void *value, int order) __asm__("__atomic_store");
void generic_store(size_t size, volatile void *object, const void *value, int order) {
  (void)order;
  uint32_t *held = lock(object);
  memcpy((void *)object, value, size);
  unlock(held);
}

void generic_exchange(size_t size, volatile void *object, const void *value, void *result,
                      int order) __asm__("__atomic_exchange");
void generic_exchange(size_t size, volatile void *object, const void *value, void *result, int order) {
  (void)order;
  uint32_t *held = lock(object);
  /* `value` and `result` may be the same. */
  for (size_t i = 0; i < size; i++) {
    unsigned char old = ((volatile unsigned char *)object)[i];
    ((volatile unsigned char *)object)[i] = ((const unsigned char *)value)[i];
    ((unsigned char *)result)[i] = old;
  }
  unlock(held);
}

bool generic_compare_exchange(size_t size, volatile void *object, void *expected, const void *value, int success,
                              int failure) __asm__("__atomic_compare_exchange");
bool generic_compare_exchange(size_t size, volatile void *object, void *expected, const void *value, int success,
                              int failure) {
  (void)success, (void)failure;
  uint32_t *held = lock(object);
  bool same = memcmp((const void *)object, expected, size) == 0;
  if (same)
    memcpy((void *)object, value, size);
  else
    memcpy(expected, (const void *)object, size);
  unlock(held);
  return same;
}
