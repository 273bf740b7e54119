/* Measures the verifier: MB/s over a flat file of code, or over code made of instructions that compilers emit. Not a
 * test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verifier/verifier.h"

/* Five bundles as the toolchain emits them: moves, arithmetic, guarded loads and stores, vector code, branches,
 * padding. */
static const uint8_t sample[] = {
    /* push %rbp; mov %rdi,%rbp; mov %gs:0x18(%edi),%rax; test %rax,%rax; je +0x0c; movslq %eax,%rcx; lea
       (%rcx,%rcx,2),%rdx; nop 9 */
    0x55, 0x48, 0x89, 0xfd, 0x65, 0x67, 0x48, 0x8b, 0x47, 0x18, 0x48, 0x85, 0xc0, 0x74, 0x0c, 0x48, 0x63, 0xc8, 0x48,
    0x8d, 0x14, 0x49, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0x0f, 0x1f, 0x44, 0x00, 0x00,
    /* movups %gs:(%eax,%ecx,8),%xmm0; mulps %xmm1,%xmm0; addps %xmm0,%xmm2; movups %xmm2,%gs:0x10(%edx); add
       $0x10,%rcx; nop 8 */
    0x65, 0x67, 0x0f, 0x10, 0x04, 0xc8, 0x0f, 0x59, 0xc1, 0x0f, 0x58, 0xd0, 0x65, 0x67, 0x0f, 0x11, 0x52, 0x10, 0x48,
    0x83, 0xc1, 0x10, 0x66, 0x90, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00,
    /* mov 8(%rsp),%r12; mov %r13,0x20(%rsp); mov 0x1000(%rip),%eax; xor %ecx,%ecx; sub $1,%r12; jne -0x19; nop 7 */
    0x4c, 0x8b, 0x64, 0x24, 0x08, 0x4c, 0x89, 0x6c, 0x24, 0x20, 0x8b, 0x05, 0x00, 0x10, 0x00, 0x00, 0x31, 0xc9, 0x49,
    0x83, 0xec, 0x01, 0x90, 0x75, 0xe7, 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00,
    /* vmovdqu %gs:(%esi),%ymm0; vpaddd %ymm1,%ymm0,%ymm0; vmovdqu %ymm0,%gs:(%edi); nop 8; nop 8 */
    0x65, 0x67, 0xc5, 0xfe, 0x6f, 0x06, 0xc5, 0xfd, 0xfe, 0xc1, 0x65, 0x67, 0xc5, 0xfe, 0x7f, 0x07, 0x0f, 0x1f, 0x84,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00,
    /* pop %r15; pop %rbp; add $0x18,%esp; or %r14,%rsp; andq; orq; ret; nop 5; nop 5 */
    0x41, 0x5f, 0x5d, 0x83, 0xc4, 0x18, 0x4c, 0x09, 0xf4, 0x48, 0x81, 0x24, 0x24, 0xe0, 0xff, 0xff, 0x7f, 0x4c, 0x09,
    0x34, 0x24, 0xc3, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0x0f, 0x1f, 0x44, 0x00, 0x00};

/* Processor time, so that what else the machine does counts less. */
static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint8_t *read_file(const char *name, size_t *length) {
  FILE *file = fopen(name, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0)
    return NULL;
  *length = (size_t)ftell(file) / 32 * 32;
  rewind(file);
  uint8_t *code = malloc(*length + 1);
  if (code && fread(code, 1, *length, file) != *length)
    code = NULL;
  fclose(file);
  return code;
}

static int ascending(const void *a, const void *b) {
  double first = *(const double *)a, second = *(const double *)b;
  return (first > second) - (first < second);
}

int main(int count, char **arguments) {
  size_t length = sizeof sample * 50000;
  uint8_t *code = count > 1 ? read_file(arguments[1], &length) : malloc(length);
  void *scratch = code ? malloc(verifier_scratch_size(length)) : NULL;
  if (!scratch) {
    fprintf(stderr, "speed: no code\n");
    return 1;
  }
  for (size_t i = 0; count == 1 && i < length; i += sizeof sample)
    memcpy(code + i, sample, sizeof sample);
  struct verifier_input input = {.code = code, .length = length, .offset = 0x20000, .calls = 30};
  struct verifier_outcome outcome;
  double rates[15];
  for (int i = 0; i < 15; i++) {
    double start = now();
    verifier_check(&input, scratch, NULL, NULL, &outcome);
    rates[i] = (double)length / (now() - start) / 1e6;
  }
  qsort(rates, 15, sizeof *rates, ascending);
  printf("%zu bytes, %llu instructions, %llu violations: %.0f MB/s (%.0f to %.0f)\n", length,
         (unsigned long long)outcome.instructions, (unsigned long long)outcome.violations, rates[7], rates[0],
         rates[14]);
  return 0;
}
