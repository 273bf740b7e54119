/* Processes that a service under test has made: see service_processes.c. Tests only. */
#ifndef TESTS_FUZZ_SERVICE_PROCESSES_H
#define TESTS_FUZZ_SERVICE_PROCESSES_H

#include "tests/fuzz/service_kernel.h"

#define KERNEL_PROCESSES_MOST 200
struct kernel_process {
  bool there; /* somebody has its handle */
  uint32_t state, slots, granted, devices, event;
  uint32_t ends[SIGNET_SLOTS_MOST];
  struct signet_ending ending;
  char name[32];
};
/* From 1 on; as a peer it has that number. */
extern struct kernel_process kernel_processes[KERNEL_PROCESSES_MOST];
extern uint32_t kernel_process_count;
void kernel_processes_begin(void);
void kernel_process_end(uint32_t process, struct signet_ending ending);
/* What image that is: all bytes of its hash; UINT32_MAX: none. */
extern uint32_t (*kernel_image_of)(const uint8_t *bytes, uint64_t length);

#endif
