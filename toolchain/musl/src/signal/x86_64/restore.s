/* Signal handlers are called by the library OS and return to it: nothing is ever restored here. Overlaid on the C library. */
	.text
	.global __restore_rt
	.hidden __restore_rt
	.type __restore_rt,@function
__restore_rt:
	ud2
