/* port/linux without the kernel: see alone.h. */
#include "tests/linux/alone.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICKETS_MOST (1u << 18)

static _Atomic uint8_t ready[TICKETS_MOST];
static uint64_t next_ticket;

_Noreturn void kernel_cpu_run(void) {
  for (;;) {
    port_lock();
    port_idle(SIGNET_NEVER);
    port_unlock();
  }
}
struct signet_result kernel_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t number) {
  (void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)number;
  abort();
}
_Noreturn void kernel_preempted(void) { abort(); }
_Noreturn void kernel_fault(const struct port_fault *fault) {
  (void)fault;
  abort();
}
void kernel_device_ready(void *thread) { atomic_store(&ready[(uintptr_t)thread], 1); }

static void must(bool good, const char *what) {
  if (good)
    return;
  printf("Bail out! %s\n", what);
  exit(1);
}

void alone_prepare(void) {
  const char *problem;
  bool good = linux_port_prepare(&(struct linux_port_options){.cpus = 1, .windows = 64}, &problem);
  must(good, problem);
}

void alone_seal(void) {
  const char *problem;
  bool good = linux_port_start(&problem);
  must(good, problem);
  port_lock();
  must(port_window_create(ALONE_WINDOW) &&
           port_window_map(ALONE_WINDOW, ALONE_BUFFER, ALONE_BYTES, SIGNET_PROTECT_WRITE),
       "no window");
  port_unlock();
}

bool alone_ask(struct port_device *device, uint32_t operation, uint32_t length, uint64_t first, uint64_t second,
               struct signet_result *result, uint64_t *ticket) {
  must(next_ticket + 1 < TICKETS_MOST, "the test makes too many requests");
  *ticket = ++next_ticket;
  struct port_request request = {.window = ALONE_WINDOW,
                                 .operation = operation,
                                 .buffer_offset = ALONE_BUFFER,
                                 .buffer_length = length,
                                 .text = "",
                                 .text2 = "",
                                 .arguments = {first, second},
                                 .thread = (void *)(uintptr_t)*ticket};
  return port_device_request(device, &request, result);
}

struct signet_result alone_answer(struct port_device *device, uint32_t operation, uint32_t length, uint64_t first,
                                  uint64_t second) {
  struct signet_result result;
  uint64_t ticket;
  if (alone_ask(device, operation, length, first, second, &result, &ticket))
    return result;
  port_lock();
  port_device_forget(device, (void *)(uintptr_t)ticket);
  port_unlock();
  return (struct signet_result){ALONE_WAITS, 0};
}

bool alone_ready(uint64_t ticket, unsigned milliseconds) {
  for (unsigned i = 0; i < milliseconds * 10 && !atomic_load(&ready[ticket]); i++)
    nanosleep(&(struct timespec){0, 100000}, NULL);
  return atomic_load(&ready[ticket]);
}
