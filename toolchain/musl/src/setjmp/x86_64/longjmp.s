/* Goes back to where setjmp returned; a value of 0 becomes 1. Overlaid on the C library. */
	.text
	.global _longjmp
	.global longjmp
	.type _longjmp,@function
	.type longjmp,@function
_longjmp:
longjmp:
	mov %esi,%eax
	test %esi,%esi
	jne 1f
	mov $1,%eax
1:	mov (%rdi),%rbx
	mov 8(%rdi),%rbp
	mov 16(%rdi),%r12
	mov 24(%rdi),%r13
	mov 40(%rdi),%r15
	mov 56(%rdi),%rdx
	mov 48(%rdi),%rsp
	jmp *%rdx
