/* Sets of endpoints: see set_create in abi.h. Kernel lock. */
#include "kernel/object.h"

struct signet_result call_set_create(struct thread *thread, const uint64_t *arguments) {
  (void)thread;
  (void)arguments;
  return error(SIGNET_UNSUPPORTED);
}

struct signet_result call_set_insert(struct thread *thread, const uint64_t *arguments) {
  (void)thread;
  (void)arguments;
  return error(SIGNET_UNSUPPORTED);
}

struct signet_result call_set_receive(struct thread *thread, const uint64_t *arguments) {
  (void)thread;
  (void)arguments;
  return error(SIGNET_UNSUPPORTED);
}
