/* A kernel for the tests of lib/ and services/, native and under the sanitizers: the ABI's calls as functions. A
 * channel is a call of the file service's handler (or of a hostile one), checked against the contract on the way;
 * devices are a directory of the host, watched. Programs that use it are linked without PIE and run their tests in
 * test_run_low, so that pointers fit in 32 bits as they do in a window. */
#ifndef TESTS_LIB_MOCK_H
#define TESTS_LIB_MOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "services/files.h"
#include "tests/lib/tap.h"

/* Makes an empty directory with the two trees "open" and "closed", and the service with the mounts /, /ro (the second
 * tree, read-only) and /deep/er. */
void mock_begin(uint32_t clients);
/* Ends the clients, checks that no file is left open, removes the directory. */
void mock_end(void);
extern struct files_service mock_service;
extern char mock_directory[64];
/* Files open in the devices. */
int mock_open_files(void);
/* The next device request fails with this error of Linux. */
extern int mock_fail_next;
/* The next memory_map, block_allocate or the like fails. */
extern bool mock_no_memory;
/* If set, answers on channels instead of the service. */
extern void (*mock_hostile)(struct service_buffer *buffer);
extern uint64_t mock_calls;     /* of the kernel */
extern bool mock_service_gone;  /* channels are closed */
extern char mock_output[65536]; /* what went to the streams */
extern size_t mock_output_length;

#endif
