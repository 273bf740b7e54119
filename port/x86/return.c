/* Owns the rule for a thread that is stopped inside the masked return (docs/machine-code.md). Ports, when they
 * pre-empt; no lock. */
#include "port/x86/return.h"

#include <stddef.h>

#include <signet/layout.h>

/* The masked return from its `or` on, byte by byte. */
static const uint8_t return_or[X86_RETURN_TAIL] = {0x4c, 0x09, 0x34, 0x24, 0xc3};
#define RETURN_OR_AT 8
#define RETURN_RET_AT 12

/* A thread stopped between the mask of a return address and its use goes back to the mask: another thread of the window
 * may write the address before it goes on. A ret is verified code only as the sequence's end, and an or with that ret
 * behind it only as its middle. But it may have been stopped before an instruction in data, on its way to a fault: what
 * looks like a ret there must not send it back into the code before. Data is entered only at the start of a bundle (by
 * a masked branch, or past the end of the code), the sequence lies within one: so it never goes back over a bundle's
 * start. */
uint32_t x86_return_back(uint32_t offset, const uint8_t code[X86_RETURN_TAIL]) {
  uint32_t at = offset & (SIGNET_BUNDLE - 1);
  if (at >= RETURN_RET_AT && code[0] == return_or[X86_RETURN_TAIL - 1])
    return RETURN_RET_AT;
  if (at < RETURN_OR_AT)
    return 0;
  for (size_t i = 0; i < X86_RETURN_TAIL; i++)
    if (code[i] != return_or[i])
      return 0;
  return RETURN_OR_AT;
}
