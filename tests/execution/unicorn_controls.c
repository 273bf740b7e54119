/* Owns the list of escapes. The code is assembled here; each breaks one rule of docs/machine-code.md, and what it does
 * then is what the engine must say of it. See unicorn_controls.h. */
#include "tests/execution/unicorn_controls.h"

#include <stdio.h>
#include <string.h>

#include <signet/layout.h>

#include "tests/execution/unicorn_engine.h"
#include "verifier/verifier.h"

/* %rax, %rbx and %rsi hold addresses outside the window, %rdi one of its data as an offset; %ecx is 1. */
#define OUTSIDE UINT64_C(0x00007e0012345670)

#define CONTROLS(X)                                                                                                    \
  X("accessed memory outside", "mov (%rax),%ecx")                                                                      \
  X("accessed memory outside", "mov %ecx,8(%rbx)")                                                                     \
  X("accessed memory outside", "mov %fs:0,%rcx")                                                                       \
  X("accessed memory outside", "mov %rcx,%gs:(%rax)")                                                                  \
  X("accessed memory outside", "mov 0x10000,%eax")                                                                     \
  X("accessed memory outside", "mov 0x80000(%rdi),%eax")                                                               \
  X("accessed memory outside", "mov -0x100000(%r14),%eax")                                                             \
  X("accessed memory outside", "bts %rax,0x40000(%r14)")                                                               \
  X("accessed memory outside", "movsb")                                                                                \
  X("accessed memory outside", "mov %eax,%esi; mov %edi,%edi; lea (%r14,%rdi),%rdi; rep movsb")                        \
  X("accessed memory outside", "push (%rax)")                                                                          \
  X("accessed memory outside", "movabs 0x1122334455667788,%eax")                                                       \
  X("accessed memory outside", "mov -0x7fffffff(%rip),%eax")                                                           \
  X("accessed memory outside", "movups (%rax),%xmm0")                                                                  \
  X("accessed memory outside", "fldl (%rax)")                                                                          \
  X("accessed memory outside", "lock xadd %ecx,(%rax)")                                                                \
  X("accessed memory outside", "cmpxchg16b (%rbx)")                                                                    \
  X("accessed memory outside", "fnsave (%rax)")                                                                        \
  X("went on outside", "jmp *%rax")                                                                                    \
  X("went on outside", "push %rax; ret")                                                                               \
  X("went on outside", "call *%rbx")                                                                                   \
  X("changed %r14", "mov %rax,%r14")                                                                                   \
  X("changed %r14", "xchg %r14,%rcx")                                                                                  \
  X("changed %r14", "inc %r14b")                                                                                       \
  X("changed %r14", "mulx %rax,%rcx,%r14")                                                                             \
  X("changed %r14", "lea 0x40000(%r14),%rdi; movq (%rdi),%r14")                                                        \
  X("%rsp is outside", "mov %rax,%rsp")                                                                                \
  X("%rsp is outside", "mov %eax,%esp; nop")                                                                           \
  X("%rsp is outside", "lea 0x7fffffff(%rsp),%rsp; lea 0x7fffffff(%rsp),%rsp; lea 0x7fffffff(%rsp),%rsp")              \
  X("%rsp is outside", "xchg %rax,%rsp")                                                                               \
  X("accessed memory outside", "lea 0x40000(%r14),%rbp; movq $0,(%rbp); leave; nop; mov (%rsp),%rbp; leave")           \
  X("base of %gs", "mov $0xc0000101,%ecx; wrmsr")                                                                      \
  X("base of %fs", "mov $0xc0000100,%ecx; wrmsr")                                                                      \
  X("base of %gs", "swapgs")                                                                                           \
  X("an interrupt", "xor %eax,%eax; mov $0x2b,%al; mov %eax,%ds")                                                      \
  X("a control register", "mov %cr0,%rax; xor $0x10000,%rax; mov %rax,%cr0")                                           \
  X("a control register", "mov %cr4,%rax; xor $4,%rax; mov %rax,%cr4")                                                 \
  X("a control register", "mov %rdi,%cr3")                                                                             \
  X("a debug register", "mov %rdi,%dr0")                                                                               \
  X("a flag that is not", "std")                                                                                       \
  X("a flag that is not", "push $0x40202; popf")                                                                       \
  X("a flag that is not", "cli")                                                                                       \
  X("a system call", "syscall")                                                                                        \
  X("an interrupt", "int $0x80")                                                                                       \
  X("output port", "in $0x60,%al")                                                                                     \
  X("output port", "mov $0x80,%edx; out %al,%dx")                                                                      \
  X("halted", "hlt")                                                                                                   \
  X("by another way than the entry table", "movabs $0x560000000000,%rax; jmp *%rax")                                   \
  X("by another way than the entry table", "mov $0x10008,%eax; jmp *%gs:(%eax)")                                       \
  X("is no code of its own", "lea 0x20fc0(%r14),%rax; jmp *%rax")

#define ASSEMBLE(reason, text)                                                                                         \
  ".p2align 5, 0x90\n.byte 1\n.p2align 5, 0x90\n" text "\n.p2align 5, 0x90\n.byte 0x0f, 0x0b\n.fill 30, 1, 0x90\n"
__asm__(
    ".pushsection .rodata\n.globl controls_low, controls_high\ncontrols_low:\n" CONTROLS(ASSEMBLE) "controls_high:\n"
                                                                                                   ".popsection");
extern const uint8_t controls_low[], controls_high[];

static const struct {
  const char *reason, *text;
} controls[] = {
#define NAMED(reason, text) {reason, text},
    CONTROLS(NAMED)};
#define CONTROLS_COUNT (sizeof controls / sizeof *controls)

/* The next in the list: its code lies between a bundle that begins with 1 and one that begins with ud2. */
static const uint8_t *take(const uint8_t *at, struct program *program) {
  *program = (struct program){.seed = 1};
  while (*at != 1)
    at += SIGNET_BUNDLE;
  at += SIGNET_BUNDLE;
  while (memcmp(at, "\x0f\x0b\x90\x90", 4) != 0 && program->length < PROGRAM_CODE_MOST) {
    memcpy(program->code + program->length, at, SIGNET_BUNDLE);
    program->length += SIGNET_BUNDLE;
    at += SIGNET_BUNDLE;
  }
  memcpy(program->code + program->length, at, SIGNET_BUNDLE);
  program->length += SIGNET_BUNDLE;
  return at + SIGNET_BUNDLE;
}

static bool refused(const struct program *program) {
  static uint64_t scratch[PROGRAM_CODE_MOST / 8];
  struct verifier_outcome outcome;
  struct verifier_input input = {
      .code = program->code, .length = program->length, .offset = PROGRAM_CODE, .calls = PROGRAM_CALLS};
  return !verifier_check(&input, scratch, NULL, NULL, &outcome);
}

unsigned controls_run(unsigned *tried) {
  static struct program program;
  static struct program_start start;
  struct engine_result result;
  const uint8_t *at = controls_low;
  unsigned noticed = 0;
  start.general[4] = PROGRAM_STACK - 256;
  start.general[0] = start.general[3] = start.general[6] = OUTSIDE;
  start.general[7] = PROGRAM_DATA;
  start.general[1] = 1;
  start.mxcsr = 0x1f80;
  start.x87_control = 0x37f;
  *tried = CONTROLS_COUNT;
  for (size_t i = 0; i < CONTROLS_COUNT; i++) {
    at = take(at, &program);
    engine_run(&program, &start, false, 50, &result);
    if (refused(&program) && result.wrong && strstr(result.wrong, controls[i].reason))
      noticed++;
    else
      printf("# not noticed, or not refused: %s (%s, ended %d)\n", controls[i].text,
             result.wrong ? result.wrong : "nothing", result.end);
  }
  return noticed;
}
