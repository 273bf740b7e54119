/* What the programs of the web system ask of the C library, while they are fuzzed: included in front of each of their
 * files, and made by service_web_memory.c. Tests only. */
#ifndef TESTS_FUZZ_SERVICE_WEB_H
#define TESTS_FUZZ_SERVICE_WEB_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Memory, with the file that asks for it: all of it is forgotten with the input. */
void *web_memory(void *old, size_t length, const char *file);
void *web_memory_clear(size_t count, size_t length, const char *file);
_Noreturn void web_exit(int code);
void web_says(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
int web_main(int count, char **arguments);

/* Pieces of memory that this file of the program's holds; "": all do. */
uint32_t web_pieces(const char *file);
void web_memory_forget(void);
extern uint32_t web_memory_refused; /* how often there was none, since the run began */

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
