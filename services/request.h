/* What the services of files need of a request on contracts/files.h before they look at what it asks: is its form as
 * the contract says, and which names has it. The client is not trusted. No calls, no state. */
#ifndef SERVICES_REQUEST_H
#define SERVICES_REQUEST_H

#include "services/answer.h"

#define REQUEST_PERMISSION_BITS 07777u
#define REQUEST_OPEN_BITS                                                                                              \
  (SIGNET_OPEN_READ | SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE | SIGNET_OPEN_EXCLUSIVE | SIGNET_OPEN_TRUNCATE |          \
   SIGNET_OPEN_APPEND | SIGNET_OPEN_DIRECTORY | SIGNET_OPEN_NO_FOLLOW)

/* False: its length or its block is not that of its tag. */
bool request_form(const struct service_buffer *buffer);
/* How many names a request of this tag has: 0, 1 or 2. */
uint32_t request_names(uint32_t tag);
/* Splits the text behind the request into that many NUL-terminated names; false if it is not exactly that. */
bool request_split(struct service_buffer *buffer, uint32_t count, char *names[2]);

#endif
