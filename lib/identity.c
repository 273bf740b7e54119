/* Who the process is and what it may use: a process alone on its machine, user 0. Any thread; no lock but where said.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "lib/linux.h"

#define RANDOM_ONCE 0x10000u /* bytes that one call of the kernel gives */
#define DESCRIPTORS_MOST 4096

long signet_linux_getpid(const long *argument) {
  (void)argument;
  return signet_facts.number;
}

long signet_linux_getppid(const long *argument) {
  (void)argument;
  return 1;
}

/* Users, groups, sessions: all 0; and calls that need do nothing. */
long signet_linux_zero(const long *argument) {
  (void)argument;
  return 0;
}

long signet_linux_getpgid(const long *argument) {
  return argument[0] == 0 || argument[0] == signet_facts.number ? (long)signet_facts.number : -ESRCH;
}

long signet_linux_getgroups(const long *argument) {
  if (argument[0] == 0)
    return 1;
  *(uint32_t *)argument[1] = 0;
  return 1;
}

long signet_linux_getresid(const long *argument) {
  for (int i = 0; i < 3; i++)
    *(uint32_t *)argument[i] = 0;
  return 0;
}

/* To become what one is, is allowed. */
long signet_linux_setid(const long *argument) {
  return (uint32_t)argument[0] == 0 || (uint32_t)argument[0] == UINT32_MAX ? 0 : -EPERM;
}

long signet_linux_getpriority(const long *argument) {
  (void)argument;
  return 20; /* as the system call has it: 20 - nice */
}

long signet_linux_getcpu(const long *argument) {
  if (argument[0])
    *(uint32_t *)argument[0] = 0;
  if (argument[1])
    *(uint32_t *)argument[1] = 0;
  return 0;
}

long signet_linux_uname(const long *argument) {
  struct utsname *name = (struct utsname *)argument[0];
  memset(name, 0, sizeof *name);
  strcpy(name->sysname, "Linux");
  strcpy(name->nodename, "signet");
  strcpy(name->release, "6.1.0-signet");
  strcpy(name->version, "#1 Signet library OS");
  strcpy(name->machine, "x86_64");
  return 0;
}

long signet_linux_sysinfo(const long *argument) {
  struct sysinfo *information = (struct sysinfo *)argument[0];
  struct signet_usage usage;
  if (signet_process_usage(&usage).status != SIGNET_OK)
    return -EFAULT;
  memset(information, 0, offsetof(struct sysinfo, mem_unit) + sizeof information->mem_unit);
  information->uptime = signet_now(SIGNET_CLOCK_MONOTONIC) / NANOSECONDS;
  information->totalram = usage.limit.memory;
  information->freeram = usage.limit.memory - usage.used.memory;
  information->procs = 1;
  information->mem_unit = 1;
  return 0;
}

long signet_linux_getrandom(const long *argument) {
  uint64_t length = argument[1], done = 0;
  if (argument[2] & ~7)
    return -EINVAL;
  if (length > INT32_MAX)
    length = INT32_MAX;
  while (done < length) {
    uint64_t piece = length - done < RANDOM_ONCE ? length - done : RANDOM_ONCE;
    struct signet_result result = signet_random_fill((char *)argument[0] + done, piece);
    if (result.status != SIGNET_OK)
      return done ? (long)done : signet_error(result);
    done += piece;
  }
  return done;
}

static long limit_of(long resource, uint64_t limit[2]) {
  const struct signet_startup *startup = signet_facts.startup;
  limit[0] = RLIM_INFINITY;
  switch (resource) {
  case RLIMIT_STACK:
    limit[0] = startup->stack_high - startup->stack_low;
    break;
  case RLIMIT_NOFILE:
    limit[0] = DESCRIPTORS_MOST;
    break;
  case RLIMIT_CORE:
  case RLIMIT_MEMLOCK:
    limit[0] = 0;
    break;
  case RLIMIT_AS:
  case RLIMIT_DATA: {
    struct signet_usage usage;
    if (signet_process_usage(&usage).status == SIGNET_OK)
      limit[0] = usage.limit.memory;
    break;
  }
  default:
    if (resource < 0 || resource >= RLIM_NLIMITS)
      return -EINVAL;
  }
  limit[1] = limit[0];
  return 0;
}

long signet_linux_prlimit64(const long *argument) {
  uint64_t limit[2];
  if (argument[0] != 0 && argument[0] != signet_facts.number)
    return -ESRCH;
  long error = limit_of(argument[1], limit);
  if (error)
    return error;
  /* Limits are the manifest's: what one asks to lower stays as it is, and none can be raised. */
  const uint64_t *new = (const void *)argument[2];
  if (new &&new[0] > new[1])
    return -EINVAL;
  if (new &&new[1] > limit[1])
    return -EPERM;
  if (argument[3])
    memcpy((void *)argument[3], limit, sizeof limit);
  return 0;
}

long signet_linux_getrlimit(const long *argument) {
  long full[6] = {0, argument[0], 0, argument[1], 0, 0};
  return signet_linux_prlimit64(full);
}

long signet_linux_setrlimit(const long *argument) {
  long full[6] = {0, argument[0], argument[1], 0, 0, 0};
  return signet_linux_prlimit64(full);
}

static uint32_t creation_mask = 022;

long signet_linux_umask(const long *argument) {
  return __atomic_exchange_n(&creation_mask, argument[0] & 0777, __ATOMIC_RELAXED);
}

uint32_t signet_creation_mask(void) { return __atomic_load_n(&creation_mask, __ATOMIC_RELAXED); }

long signet_linux_prctl(const long *argument) {
  static char name[16];
  switch (argument[0]) {
  case PR_SET_NAME:
    strncpy(name, (const char *)argument[1], sizeof name - 1);
    return 0;
  case PR_GET_NAME:
    memcpy((char *)argument[1], name, sizeof name);
    return 0;
  case PR_GET_DUMPABLE:
  case PR_SET_DUMPABLE:
  case PR_SET_PDEATHSIG:
    return 0;
  case PR_SET_NO_NEW_PRIVS:
    return argument[1] == 1 ? 0 : -EINVAL;
  case PR_GET_NO_NEW_PRIVS:
    return 1;
  }
  return -EINVAL;
}
