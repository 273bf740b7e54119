/* What the web server asks of the C library, while it is fuzzed: included in front of each of its files, and made by
 * service_web.c. Tests only. */
#ifndef TESTS_FUZZ_SERVICE_WEB_H
#define TESTS_FUZZ_SERVICE_WEB_H

#include <stdio.h>
#include <stdlib.h>

/* Memory, with the file that asks for it: all of it is forgotten with the input. */
void *web_memory(void *old, size_t length, const char *file);
void *web_memory_clear(size_t count, size_t length, const char *file);
_Noreturn void web_exit(int code);
void web_says(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
int web_main(int count, char **arguments);

#ifndef TESTS_FUZZ_SERVICE_WEB
#define malloc(length) web_memory(NULL, length, __FILE__)
#define calloc(count, length) web_memory_clear(count, length, __FILE__)
#define realloc(old, length) web_memory(old, length, __FILE__)
#define free(old) web_memory(old, 0, __FILE__)
#define exit web_exit
#define fprintf web_says
#define main web_main
#endif

#endif
