/* A thread's end, which takes its stack with it: the library OS's business. Overlaid on the C library. */
	.text
	.global __unmapself
	.type __unmapself,@function
__unmapself:
	jmp signet_unmap_self
