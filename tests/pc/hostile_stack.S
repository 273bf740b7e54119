/* What hostile_child.c does with %rsp, and the loop in which every instruction is to be interrupted once. */
#include <signet/layout.h>

#define SLOT(number) (SIGNET_ENTRY_TABLE + 8 * number)(%r14)

#define LOAD(number) vmovdqu 32 * number(%rdi), %ymm##number;
#define STORE(number) vmovdqu %ymm##number, 32 * number(%rbx);
#define ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

  .text
/* void leave_with(uint64_t stack): the null call with a stack pointer of one's choice; the return address is what lies there. */
  .globl leave_with
  .p2align 5
leave_with:
  movq %rdi, %rsp
  jmp *SLOT(0)

/* void call_with(uint64_t stack): the same by a call, which pushes first. */
  .globl call_with
  .p2align 5
call_with:
  movq %rdi, %rsp
  call *SLOT(0)
  ud2

/* void spin_with(uint64_t stack, uint64_t times): computes with that stack pointer, and comes back. */
  .globl spin_with
  .p2align 5
spin_with:
  movq %rsp, %rax
  movq %rdi, %rsp
1:
  decq %rsi
  jne 1b
  movq %rax, %rsp
  ret

/* void vectors(const uint8_t in[16][32], uint8_t out[16][32], uint64_t times, uint64_t yields): fills the vector registers and three of
 * the x87's, computes so long, or yields so often, and stores what they hold then. %r12 and the stack are kept. */
  .globl vectors
  .p2align 5
vectors:
  pushq %rbx
  pushq %rbp
  movq %rsi, %rbx
  movq %rcx, %rbp
  ALL(LOAD)
  testq %rbp, %rbp
  jne 2f
  fldl 8(%rdi)
  fldl 40(%rdi)
  fldl 72(%rdi)
1:
  decq %rdx
  jne 1b
  fstpl 512(%rbx)
  fstpl 520(%rbx)
  fstpl 528(%rbx)
  jmp 3f
2:
  call *SLOT(4)                 /* thread_yield */
3:
  ALL(STORE)
  popq %rbp
  popq %rbx
  ret

/* void returns(uint64_t times, uint64_t shared[2]): returns over and over; tells where its return address lies, and what it is. */
  .globl returns
  .p2align 5
returns:
  pushq %rbx
  pushq %r12
  movq %rdi, %rbx
  movq %rsi, %r12
  leaq -8(%rsp), %rax
  movq %rax, (%r12)
1:
  call 2f
  decq %rbx
  jne 1b
  popq %r12
  popq %rbx
  ret
2:
  movq (%rsp), %rax
  movq %rax, 8(%r12)
  ret

/* Another thread, started with `shared`: writes over that return address for ever, with the upper half of an address of the kernel's.
 * Masked, it is the same place; unmasked, it is outside the window. */
  .globl corrupt_returns
  .p2align 5
corrupt_returns:
  movabsq $0xffffffff00000000, %rdx
1:
  movq 8(%rdi), %rax
  testq %rax, %rax
  je 1b
  orq %rdx, %rax
  movq (%rdi), %rcx
  movq %rax, (%rcx)
  jmp 1b

/* Where leave_with comes back to when it finds this address: ends with status 42, without a stack. */
  .globl came_back
  .p2align 5
came_back:
  movl $1, %edi
  movl $42, %esi
  movl $came_back_stack + 2048, %esp
  call *SLOT(1)                 /* process_exit(SIGNET_ENDED_EXIT, 42) */
  ud2

/* uint64_t sweep(uint64_t times, void *from, void *to): every guarded sequence and a kernel call, `times` over; returns what each
 * round counts, summed. Callee-saved registers hold patterns, which have to be there afterwards. */
  .globl sweep, sweep_low, sweep_high
  .p2align 5
sweep:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r15
  movq %rdi, %rbx
  movq %rsi, %r12
  movq %rdx, %r13
  xorl %ebp, %ebp
  movl $0x5a5a5a5a, %r15d
  jmp sweep_low
  .p2align 5
sweep_low:
  call one                      /* call, masked return */
  addq %rax, %rbp
  movl $one, %ecx
  call *%rcx                    /* guarded indirect call */
  addq %rax, %rbp
  subq $64, %rsp                /* guarded stack */
  movq %rbp, 8(%rsp)
  movq 8(%rsp), %rbp
  addq $64, %rsp
  movq %r12, %rsi
  movq %r13, %rdi
  movl $2, %ecx
  rep movsq                     /* guarded string */
  movq %r13, %rdi
  stosb
  call *SLOT(0)                 /* the kernel and back */
  addq %rdx, %rbp               /* the ABI's version: 1 */
  movl $jumped, %ecx
  jmp *%rcx                     /* guarded indirect jump */
  ud2
  .p2align 5
jumped:
  decq %rbx
  jne sweep_low
sweep_high:
  cmpl $0x5a5a5a5a, %r15d
  je 2f
  xorl %ebp, %ebp
2:
  movq %rbp, %rax
  popq %r15
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret
  .p2align 5
one:
  movl $1, %eax
  ret

  .bss
  .p2align 4
came_back_stack:
  .skip 4096

  .section .note.GNU-stack, "", @progbits
