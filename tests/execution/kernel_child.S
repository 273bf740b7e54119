/* The crossing itself: every register loaded, a kernel call or a loop, every register stored. For kernel_child.c. */
#include <signet/layout.h>

#define ALL16(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define ALL8(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
/* Those that a process may use, but for %rax and %rdi: the number of each, which is its place in a table, and its name. */
#define GENERAL(X) X(1, rcx) X(2, rdx) X(3, rbx) X(5, rbp) X(6, rsi) X(8, r8) X(9, r9) X(10, r10) X(12, r12) X(13, r13) X(15, r15)
#define LOAD_GENERAL(n, name) movq crossing_in_general + 8 * n(%rip), %name;
#define STORE_GENERAL(n, name) movq %name, crossing_out_general + 8 * n(%rip);
#define LOAD(n) vmovdqu crossing_in_vector + 32 * n(%rip), %ymm##n;
#define STORE(n) vmovdqu %ymm##n, crossing_out_vector + 32 * n(%rip);
/* Values are pushed from the last to the first: so many as crossing_x87_count. */
#define PUSH(n) cmpl $n, crossing_x87_count(%rip); jbe 9f; fldt crossing_in_x87 + 16 * n(%rip);
/* Which kind of thing is in it, then what; both also of registers marked empty. */
#define TAKE(n) fxam; fnstsw crossing_out_x87_kind + 2 * n(%rip); fstpt crossing_out_x87 + 16 * n(%rip);
#define CALL(n) .p2align 6; call *(SIGNET_ENTRY_TABLE + 8 * n)(%r14); jmp crossed;
#define TEN(d, X) X(d##0) X(d##1) X(d##2) X(d##3) X(d##4) X(d##5) X(d##6) X(d##7) X(d##8) X(d##9)

  .text
/* The process's first instruction: what is in its registers? */
  .globl _start
  .p2align 5
_start:
  movq %rax, crossing_out_general + 0(%rip)
  GENERAL(STORE_GENERAL)
  ALL16(STORE)
  stmxcsr crossing_out_mxcsr(%rip)
  fnstcw crossing_out_x87_control(%rip)
  fnstsw crossing_out_x87_status(%rip)
  ALL8(TAKE)
  fninit
  call child_main
  ud2

/* void crossing(void): parameters: crossing_in_*, crossing_target, crossing_x87_count; results: crossing_out_*. */
  .globl crossing
  .p2align 5
crossing:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r15
  fninit
  fldcw crossing_in_x87_control(%rip)
  ALL16(LOAD)
  ALL8(PUSH)
  PUSH(8)
9:
  GENERAL(LOAD_GENERAL) LOAD_GENERAL(7, rdi)
  movq crossing_target(%rip), %rax
  jmp *%rax

  .globl crossed
  .p2align 5
crossed:
  movq %rax, crossing_out_general + 0(%rip)
  lahf
  seto %al
  movw %ax, crossing_out_flags(%rip)
  GENERAL(STORE_GENERAL) STORE_GENERAL(7, rdi)
  ALL16(STORE)
  stmxcsr crossing_out_mxcsr(%rip)
  fnstcw crossing_out_x87_control(%rip)
  fnstsw crossing_out_x87_status(%rip)
  fnclex
  fldcw crossing_masked(%rip)
  ALL8(TAKE)
  fninit
  popq %r15
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret

/* Where events come to: takes down what it finds, leaves other secrets everywhere, and ends. */
#define EVENT_GENERAL(n, name) movq %name, event_general + 8 * n(%rip);
#define EVENT_STORE(n) vmovdqu %ymm##n, event_vector + 32 * n(%rip);
#define EVENT_LOAD(n) vmovdqu crossing_in_vector + 32 * n(%rip), %ymm##n; vpermq $0x1b, %ymm##n, %ymm##n;
#define EVENT_TAKE(n) fxam; fnstsw event_x87_kind + 2 * n(%rip); fincstp;
  .globl event_come
  .p2align 5
event_come:
  movq %rax, event_general + 0(%rip)
  GENERAL(EVENT_GENERAL) EVENT_GENERAL(7, rdi)
  ALL16(EVENT_STORE)
  stmxcsr event_mxcsr(%rip)
  fnstcw event_x87_control(%rip)
  ALL8(EVENT_TAKE)
  ALL16(EVENT_LOAD)
  fldl2t
  fldpi
  fldcw event_other_control(%rip)
  movq crossing_in_vector(%rip), %rax
  movq %rax, %rcx
  movq %rax, %rdx
  movq %rax, %rbx
  movq %rax, %rbp
  movq %rax, %r12
  movq %rax, %r13
  movq %rax, %r15
  incl event_count(%rip)
  movl $0x3f80, %edi
  movl $0x17f, %esi
  call *(SIGNET_ENTRY_TABLE + 8 * 12)(%r14) /* floating_point_control: other rounding */
  call *(SIGNET_ENTRY_TABLE + 8 * 14)(%r14) /* event_return */
  ud2

/* uint64_t return_address(void): where it is called from, as it stands on the stack. */
  .globl return_address
  .p2align 5
return_address:
  movq (%rsp), %rax
  ret

/* 64 bytes each: the calls, in the order of their numbers; and at the end a loop of %rcx rounds. */
  .globl crossing_calls
  .p2align 6
crossing_calls:
  ALL8(CALL) CALL(8) CALL(9) TEN(1, CALL) TEN(2, CALL) CALL(30) CALL(31) CALL(32) CALL(33) CALL(34)
  .p2align 6
  .globl crossing_spin
crossing_spin:
  decq %rcx
  jne crossing_spin
  jmp crossed

  .section .note.GNU-stack, "", @progbits
