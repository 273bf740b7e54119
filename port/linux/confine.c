/* Owns what files of the host this process can still open once it is sealed: those beneath the directories it was given
 * devices for, by Landlock. Directories are added before linux_port_start by the thread that builds the system; each
 * thread then confines itself.
 *
 * It closes the door that mseal leaves open: /proc/self/mem, opened for writing, would write through every seal of
 * memory. */
#include <errno.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "port/linux/linux.h"

/* Rights by the version of the interface that brought them; Debian 12's header ends earlier. */
#define RIGHTS_FIRST ((1ull << 13) - 1)   /* 1: everything up to MAKE_SYM */
#define RIGHT_REFER (1ull << 13)          /* 2 */
#define RIGHT_TRUNCATE (1ull << 14)       /* 3 */
#define RIGHT_DEVICE_CONTROL (1ull << 15) /* 5 */

static int ruleset = -1;
static uint64_t handled;
static bool unavailable; /* the host has no Landlock, or forbids it; not: it failed now */

static bool prepare(void) {
  if (ruleset >= 0 || unavailable)
    return true;
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0ul, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) {
    unavailable = errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM;
    return unavailable;
  }
  handled = RIGHTS_FIRST | (version >= 2 ? RIGHT_REFER : 0) | (version >= 3 ? RIGHT_TRUNCATE : 0) |
            (version >= 5 ? RIGHT_DEVICE_CONTROL : 0);
  struct landlock_ruleset_attr attributes = {.handled_access_fs = handled};
  ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0ul);
  return ruleset >= 0;
}

static bool allow(int directory, uint64_t access) {
  struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = directory};
  return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0ul) == 0;
}

bool linux_confine_allow(int directory, bool read_only) {
  const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  const uint64_t executing = LANDLOCK_ACCESS_FS_EXECUTE | RIGHT_DEVICE_CONTROL;
  return prepare() && (unavailable || allow(directory, read_only ? reading : handled & ~executing));
}

bool linux_confine_allow_removal(int directory) {
  return prepare() && (unavailable || allow(directory, LANDLOCK_ACCESS_FS_REMOVE_FILE));
}

bool linux_confine_thread(void) {
  return prepare() && (unavailable || (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                                       syscall(SYS_landlock_restrict_self, ruleset, 0ul) == 0));
}

bool linux_confined(void) { return ruleset >= 0; }
