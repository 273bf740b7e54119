/* For the tests of the file service in memory: the kernel's calls that it makes, a client of it, and cpio archives. One
 * service at a time; one thread. */
#ifndef TESTS_SERVICES_MEMORY_KERNEL_H
#define TESTS_SERVICES_MEMORY_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/memory.h"
#include "tests/lib/tap.h"

#define AREA_LOW 0x10000000u
#define AREA_HIGH 0x30000000u
#define BAIL(...) (printf("Bail out! " __VA_ARGS__), printf("\n"), exit(1))

extern uint64_t memory_left; /* of the quota */
extern uint64_t memory_next; /* behind what is mapped */
extern bool map_fails;
extern const uint8_t *archive_bytes; /* NULL: there is none */
extern uint64_t archive_length, archive_reads, archive_fails_at;

/* ---- The service ---- */

extern struct memory_service service;
struct startup_bytes {
  struct services_memory head;
  struct services_mount place[4];
};
extern struct startup_bytes bytes;
/* No memory is mapped any more. */
void memory_anew(void);
/* -> what memory_begin says. */
uint32_t begin(uint32_t clients, uint32_t places);

/* ---- Its client ---- */

extern struct service_buffer buffer;
extern uint8_t block[FILES_BLOCK_MOST + 4096];
/* -> the answer's error. */
uint32_t ask_bytes(uint32_t client, uint32_t tag, struct files_request request, const void *text, size_t length,
                   uint64_t *value);
uint32_t ask(uint32_t tag, struct files_request request, const char *name, uint64_t *value);
uint32_t ask_two(uint32_t tag, const char *first, const char *second);
uint32_t open_file(const char *name, uint32_t flags, uint64_t *value);
/* The bytes behind the last answer. */
const void *answered(void);
/* True if the file is just this, by messages and by blocks. */
bool read_all(const char *name, const uint8_t *expected, uint64_t length);
struct signet_file_status status_of(const char *name, bool no_follow, uint64_t *read_only);

/* ---- Archives ---- */

struct made_archive {
  uint8_t bytes[300000];
  uint64_t length;
};
extern struct made_archive made;
void cpio_begin(void);
/* -> where its header is. */
uint64_t cpio_add(const char *name, uint32_t mode, uint32_t time, const void *content, uint32_t length);
/* It is now what the kernel gives. */
void cpio_end(void);

/* An archive with the trees ro and w, and the places for them, ro and all below but ro/dir/open being read-only. */
void cpio_good(void);
void places_good(void);
extern uint8_t content[100000]; /* of ro/dir/deep; its first 20,000 bytes: of w/file */

#endif
