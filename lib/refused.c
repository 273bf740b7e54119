/* Calls whose honest answer is another error than "not implemented". */
#include <errno.h>

#include "lib/linux.h"

/* There is no network: no family of addresses is known. */
long signet_linux_socket(const long *argument) {
  (void)argument;
  return -EAFNOSUPPORT;
}
