/* Requests on files (contracts/files.h), for the targets of services that answer them. Tests only. */
#ifndef TESTS_FUZZ_SERVICE_REQUESTS_H
#define TESTS_FUZZ_SERVICE_REQUESTS_H

#include "tests/fuzz/service_play.h"

/* As compose of service_play.h; `names` are paths to choose from besides those that lead nowhere good. */
uint32_t service_request(uint32_t tag, uint8_t *data, uint32_t least, uint32_t most, const char *const *names,
                         uint32_t name_count);
/* The form of every answer. */
void service_answered(uint32_t end, const struct kernel_message *message);
/* For an honest client. RENAME and LINK: two names, "one\0two". */
uint32_t service_say(uint8_t *data, uint32_t tag, uint32_t file, uint32_t flags, uint64_t offset, uint64_t length,
                     const char *name);

/* What an honest client has to be answered when nobody else is there. */
#define SERVICE_ANY_VALUE UINT64_MAX
void service_expect(uint32_t step, const struct kernel_message *message, uint32_t error, uint64_t value);

#endif
