/* Owns the kernel's randomness. Any processor, with or without the kernel lock; own lock.
 *
 * A state of 32 bytes, hashed from the processor's generator at the start. Every request hashes fresh words into it,
 * takes its bytes from hashes of it, and replaces it by another hash of it: what was given out cannot be computed from
 * a state that is learned later, and one that was learned is worth nothing after the next request. BLAKE2b hides its
 * input, and inputs of one length each cannot be extended. */
#include "kernel/object.h"

#include "port/pc/instructions.h"
#include "port/pc/pc.h"
#include "port/pc/spin.h"

#define RDRAND (1u << 30) /* CPUID 1, ecx */
#define RDSEED (1u << 18) /* CPUID 7, ebx */
#define TRIES 100
#define SEED_WORDS 16
#define OUTPUT 32u

static struct {
  struct pc_spin lock;
  uint8_t state[OUTPUT];
} random;

/* What is hashed. */
struct input {
  uint8_t state[OUTPUT];
  uint64_t fresh[2];
  uint64_t number; /* of the output; 0: the next state */
};

static bool draw(bool (*read)(uint64_t *value), uint64_t *value) {
  for (unsigned i = 0; i < TRIES; i++) {
    if (read(value))
      return true;
    pc_pause();
  }
  return false;
}

static bool has_seed(void) {
  uint32_t found[4];
  pc_cpuid(0, 0, found);
  if (found[0] < 7)
    return false;
  pc_cpuid(7, 0, found);
  return found[1] & RDSEED;
}

void pc_random_prepare(void) {
  uint32_t found[4];
  uint64_t words[2 * SEED_WORDS] = {0};
  pc_cpuid(1, 0, found);
  if (!(found[2] & RDRAND))
    pc_refuse("this processor has no RDRAND, and Signet has no other source of random numbers; use a processor that "
              "has it (qemu: -cpu max)");
  bool seeds = has_seed();
  for (unsigned i = 0; i < SEED_WORDS; i++) {
    if (!draw(pc_read_random, &words[i]))
      pc_refuse("this processor's RDRAND gives no random numbers");
    if (i && words[i] == words[i - 1])
      pc_refuse("this processor's RDRAND is broken: it gives 0x%lx twice", words[i]);
    /* One that is exhausted is done without: RDRAND is seeded from the same source. */
    if (seeds)
      (void)draw(pc_read_seed, &words[SEED_WORDS + i]);
  }
  blake2b_256(random.state, words, sizeof words);
  memset(words, 0, sizeof words);
}

void port_random(void *bytes, size_t length) {
  struct input input = {.number = 0};
  uint8_t output[OUTPUT];
  pc_spin_lock(&random.lock);
  for (unsigned i = 0; i < 2; i++)
    (void)draw(pc_read_random, &input.fresh[i]);
  memcpy(input.state, random.state, sizeof input.state);
  blake2b_256(random.state, &input, sizeof input);
  pc_spin_unlock(&random.lock);
  for (uint8_t *to = bytes; length;) {
    size_t part = length < OUTPUT ? length : OUTPUT;
    input.number++;
    blake2b_256(output, &input, sizeof input);
    memcpy(to, output, part);
    to += part;
    length -= part;
  }
  memset(&input, 0, sizeof input);
  memset(output, 0, sizeof output);
}
