/* Saves the registers that a call keeps. %r14 is the window's base and never changes; its place in jmp_buf stays
   unused. Overlaid on the C library. */
	.text
	.global __setjmp
	.global _setjmp
	.global setjmp
	.type __setjmp,@function
	.type _setjmp,@function
	.type setjmp,@function
__setjmp:
_setjmp:
setjmp:
	mov (%rsp),%rax
	mov %rax,56(%rdi)
	lea 8(%rsp),%rax
	mov %rax,48(%rdi)
	mov %r15,40(%rdi)
	mov %r13,24(%rdi)
	mov %r12,16(%rdi)
	mov %rbp,8(%rdi)
	mov %rbx,(%rdi)
	xor %eax,%eax
	ret
