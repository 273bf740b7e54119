/* What a thread may see of the x87 registers of the one before: nothing. For the ports' contexts. */
#ifndef PORT_X86_X87_H
#define PORT_X86_X87_H

#define X86_X87_ZEROS "fldz; fldz; fldz; fldz; fldz; fldz; fldz; fldz;"

/* Marked empty is not enough: fxam tells the sign of an empty register, and QEMU lets all of it be read. So zeros are
 * left in them. Control stays, the status becomes nothing; no exception may wait. 8 cycles more than emms alone;
 * fninit, which leaves the registers as they are, takes 100. */
#define X86_X87_EMPTY "emms; " X86_X87_ZEROS "emms;"

/* Everything new, whatever was there. */
#define X86_X87_NEW "fninit; " X86_X87_ZEROS "emms;"

#endif
