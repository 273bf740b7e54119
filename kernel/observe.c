/* What the kernel tells of processes and channels: see process_observe in abi.h. Kernel lock. */
#include "kernel/object.h"

struct signet_result call_process_observe(struct thread *thread, const uint64_t *arguments) {
  (void)thread;
  (void)arguments;
  return error(SIGNET_UNSUPPORTED);
}
