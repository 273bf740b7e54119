/* Takes down the vector and x87 registers at the kernel's border; kernel_border.c looks at them. */
#define STORE(n) vmovdqu %ymm##n, 512 + 32 * n(%rax);
#define CAPTURE                                                                                                        \
  fxsave64 (%rax);                                                                                                     \
  STORE(0) STORE(1) STORE(2) STORE(3) STORE(4) STORE(5) STORE(6) STORE(7)                                              \
  STORE(8) STORE(9) STORE(10) STORE(11) STORE(12) STORE(13) STORE(14) STORE(15)

  .text
/* As kernel_call, between the port's entry code and it. */
  .globl __wrap_kernel_call
__wrap_kernel_call:
  pushq %rbp
  movq %rsp, %rbp
  pushfq
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq %r8
  pushq %r9
  pushq %r9
  call border_before
  CAPTURE
  movq -8(%rbp), %rdi
  movq %rbp, %rsi
  call border_in
  movq -16(%rbp), %rdi
  movq -24(%rbp), %rsi
  movq -32(%rbp), %rdx
  movq -40(%rbp), %rcx
  movq -48(%rbp), %r8
  movq -56(%rbp), %r9
  call __real_kernel_call
  movq %rax, -16(%rbp)
  movq %rdx, -24(%rbp)
  call border_after
  CAPTURE
  movq -56(%rbp), %rdi
  call border_out
  movq -16(%rbp), %rax
  movq -24(%rbp), %rdx
  leave
  ret

/* void border_dirty(uint64_t value): it in every vector register, as a library's function may leave an address. */
#define FILL(n) vbroadcastsd %xmm0, %ymm##n;
  .globl border_dirty
border_dirty:
  vmovq %rdi, %xmm0
  FILL(1) FILL(2) FILL(3) FILL(4) FILL(5) FILL(6) FILL(7) FILL(8)
  FILL(9) FILL(10) FILL(11) FILL(12) FILL(13) FILL(14) FILL(15) FILL(0)
  ret

/* As linux_enter. */
  .globl __wrap_linux_enter
__wrap_linux_enter:
  pushq %rdi
  pushq %rsi
  pushq %rsi
  call border_after
  CAPTURE
  movq 16(%rsp), %rdi
  movq 8(%rsp), %rsi
  call border_enter
  popq %rsi
  popq %rsi
  popq %rdi
  jmp __real_linux_enter

  .section .note.GNU-stack, "", @progbits
