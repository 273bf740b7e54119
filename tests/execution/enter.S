/* The border of the native executor: into a program with all its registers, out of it, the code behind the entry table, and
 * the first and last steps of a signal's handler. Called by machine.c; the numbers are of its struct state. */
#define STATE machine_state
#define HOST_STACK STATE+0(%rip)
#define HOST_FS STATE+8(%rip)
#define BASE STATE+16(%rip)
#define TRAP STATE+24(%rip)
#define INSIDE STATE+32(%rip)
#define AVX STATE+33(%rip)
#define HOST_MXCSR STATE+36(%rip)
#define GENERAL(number) STATE+40+8*number(%rip)
#define RIP STATE+168(%rip)
#define FLAGS STATE+176(%rip)
#define MXCSR STATE+184(%rip)
#define X87 STATE+188(%rip)
#define GS STATE+192(%rip)
#define SELECTOR(number) STATE+200+2*number(%rip)
#define FS STATE+208(%rip)
#define VECTORS STATE+216

  .text
  .globl machine_enter, machine_exit, machine_entry, machine_signal, machine_border, machine_border_end
machine_border:

/* void machine_enter(void) */
machine_enter:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, HOST_STACK
  rdfsbase %rax
  mov %rax, HOST_FS
  fninit
  fldcw X87
  cmpb $0, AVX
  je 1f
  .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  vmovdqu VECTORS+32*\number(%rip), %ymm\number
  .endr
  jmp machine_resume
1:
  .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  movdqu VECTORS+32*\number(%rip), %xmm\number
  .endr

machine_resume:
  ldmxcsr MXCSR
  mov BASE, %rax
  wrgsbase %rax
  mov TRAP, %rax
  wrfsbase %rax
  mov HOST_STACK, %rsp
  mov %ss, %eax
  push %rax
  push GENERAL(4)
  push FLAGS
  mov %cs, %eax
  push %rax
  push RIP
  movb $1, INSIDE
  mov GENERAL(0), %rax
  mov GENERAL(1), %rcx
  mov GENERAL(2), %rdx
  mov GENERAL(3), %rbx
  mov GENERAL(5), %rbp
  mov GENERAL(6), %rsi
  mov GENERAL(7), %rdi
  mov GENERAL(8), %r8
  mov GENERAL(9), %r9
  mov GENERAL(10), %r10
  mov GENERAL(11), %r11
  mov GENERAL(12), %r12
  mov GENERAL(13), %r13
  mov GENERAL(14), %r14
  mov GENERAL(15), %r15
  iretq /* and what was written to the code by another address is seen */

/* A signal's handler goes on here, with the host's stack, when the program is to end. */
machine_exit:
  movb $0, INSIDE
  mov HOST_FS, %rax
  wrfsbase %rax
  cld
  ldmxcsr HOST_MXCSR
  fninit
  cmpb $0, AVX
  je 2f
  vzeroupper
2:
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret

/* What every slot of the entry table leads to. */
machine_entry:
  mov %rax, GENERAL(0)
  mov %rcx, GENERAL(1)
  mov %rdx, GENERAL(2)
  mov %rbx, GENERAL(3)
  mov %rsp, GENERAL(4)
  mov %rbp, GENERAL(5)
  mov %rsi, GENERAL(6)
  mov %rdi, GENERAL(7)
  mov %r8, GENERAL(8)
  mov %r9, GENERAL(9)
  mov %r10, GENERAL(10)
  mov %r11, GENERAL(11)
  mov %r12, GENERAL(12)
  mov %r13, GENERAL(13)
  mov %r14, GENERAL(14)
  mov %r15, GENERAL(15)
  mov HOST_STACK, %rsp
  pushf
  pop FLAGS
  push $2
  popf
  movb $0, INSIDE
  rdgsbase %rax
  mov %rax, GS
  rdfsbase %rax
  mov %rax, FS
  mov HOST_FS, %rax
  wrfsbase %rax
  stmxcsr MXCSR
  ldmxcsr HOST_MXCSR
  mov %ds, SELECTOR(0)
  mov %es, SELECTOR(1)
  mov %fs, SELECTOR(2)
  mov %gs, SELECTOR(3)
  sub $8, %rsp
  call machine_call
  add $8, %rsp
  test %al, %al
  je machine_exit
  jmp machine_resume
machine_border_end:

/* Signals come with the program's %fs and %gs. */
machine_signal:
  push %rbx
  push $2 /* AC may be set */
  popf
  rdfsbase %rbx
  cmpb $0, INSIDE
  je 3f
  mov HOST_FS, %rax
  wrfsbase %rax
3:
  rdgsbase %rcx
  mov %rbx, %r8
  call machine_handle
  wrfsbase %rbx
  pop %rbx
  ret

  .section .note.GNU-stack, "", @progbits
