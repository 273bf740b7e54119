/* The window's layout: the numbers of docs/machine-code.md. Read by the kernel, the verifier, the toolchain and
 * sealed programs; usable from assembly. All values are offsets in the window, in bytes. */
#ifndef SIGNET_LAYOUT_H
#define SIGNET_LAYOUT_H

#define SIGNET_PAGE 0x1000
#define SIGNET_BUNDLE 32
#define SIGNET_GUARD 0x10000         /* bytes of guard at each end of the window */
#define SIGNET_ENTRY_TABLE 0x10000   /* one page, readable: addresses of the kernel's calls */
#define SIGNET_THREAD_PAGE 0x11000   /* one page; first 8 bytes: the running thread's thread pointer */
#define SIGNET_IMAGE_LOW 0x20000     /* the code segment starts here */
#define SIGNET_CODE_HIGH 0x80000000  /* code lies below */
#define SIGNET_BLOCKS_LOW 0xc0000000 /* blocks of the exchange heap, up to SIGNET_BLOCKS_HIGH */
#define SIGNET_BLOCKS_HIGH 0xffff0000
#define SIGNET_STACK_DISPLACEMENT 0xff00 /* largest |displacement| from %rsp */

#endif
