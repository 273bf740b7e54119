/* The note of an image, and the start-up bytes that `signet run` gives a program. Read by the kernel's image loader,
 * the toolchain, the library OS and the tools.
 *
 * An image is a static ELF64 executable (ET_EXEC, EM_X86_64), little-endian, addresses being offsets in the window. Its
 * PT_LOAD segments are in ascending order, do not share a page and start on one (address and file offset are multiples
 * of 4096); the first is the only executable one, starts at SIGNET_IMAGE_LOW and has file size = memory size = a
 * multiple of 4096. None is both writable and executable. The entry is a bundle start. One note: name "Signet", type
 * SIGNET_NOTE. */
#ifndef SIGNET_IMAGE_H
#define SIGNET_IMAGE_H

#include <stdint.h>

#define SIGNET_NOTE_NAME "Signet" /* namesz 7, padded to 8 */
#define SIGNET_NOTE 1

#define SIGNET_NOTE_PARALLEL 1u /* threads may run at the same time; held to the parallel rule */

struct signet_note {
  uint32_t abi_version;
  uint32_t flags; /* SIGNET_NOTE_* */
  uint64_t stack; /* bytes of main stack it asks for; 0: the default */
};

/* Start-up bytes of programs under the library OS, and of services that have none of their own: this, then `arguments`
 * strings, `environment` strings ("K=V"), one working directory, and `slots` strings: the names of the start-up slots,
 * in their order; each NUL-terminated. Of the names the library OS knows these: "input", "output", "error" (client ends
 * of contracts/files.h, served by the console service), "files" (of the file service), "supervision" (of the
 * supervisor, contracts/supervision.contract). One that is not there is an empty stream, or has no files. The others
 * are the program's own: signet_slot of <signet/program.h> finds them. */
#define SIGNET_PROGRAM_VERSION 2u
#define SIGNET_PROGRAM_TRACE 1u /* name unimplemented calls on standard error at the end */

struct signet_program {
  uint32_t version;
  uint32_t flags;
  uint32_t arguments;
  uint32_t environment;
  uint32_t slots; /* names; as many as there are start-up slots */
  uint32_t reserved;
};
#define SIGNET_SLOT_NAME_MOST 32 /* bytes, with the NUL */

#define SIGNET_SLOT_INPUT 0
#define SIGNET_SLOT_OUTPUT 1
#define SIGNET_SLOT_ERROR 2
#define SIGNET_SLOT_FILES 3

#endif
