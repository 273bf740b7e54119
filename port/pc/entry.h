/* Where the kernel's entry stubs are, for window.c, which fills the entry table with their addresses; usable from
 * assembly. */
#ifndef PORT_PC_ENTRY_H
#define PORT_PC_ENTRY_H

/* Stub of call N: pc_entry_stubs + N * PC_ENTRY_STUB_BYTES. There are PC_ENTRY_STUBS, at least SIGNET_CALL_COUNT. */
#define PC_ENTRY_STUBS 40
#define PC_ENTRY_STUB_BYTES 128
/* SIGNET_CALL_thread_yield and SIGNET_CALL_channel_call, whose stubs call the kernel's functions for them. */
#define PC_ENTRY_THREAD_YIELD 4
#define PC_ENTRY_CHANNEL_CALL 18

#ifndef __ASSEMBLER__
#include <stdint.h>
extern const uint8_t pc_entry_stubs[];
#endif

#endif
