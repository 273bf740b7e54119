/* A call at which a thread may be cancelled: %rdi is the flag, then come the call's number and arguments. The library OS returns
   EINTR when a signal arrives, and the caller looks at the flag again. Overlaid on the C library. */
	.text
	.global __cp_begin
	.hidden __cp_begin
	.global __cp_end
	.hidden __cp_end
	.global __cp_cancel
	.hidden __cp_cancel
	.hidden __cancel
	.global __syscall_cp_asm
	.hidden __syscall_cp_asm
	.type __syscall_cp_asm,@function
__syscall_cp_asm:
__cp_begin:
	mov (%rdi),%eax
	test %eax,%eax
	jne __cp_cancel
	mov %rsi,%rdi
	mov %rdx,%rsi
	mov %rcx,%rdx
	mov %r8,%rcx
	mov %r9,%r8
	mov 8(%rsp),%r9
	push 16(%rsp)
	call signet_system_call
	add $8,%rsp
__cp_end:
	ret
__cp_cancel:
	jmp __cancel
