/* A kernel for the supervisor's tests: handles, channels with their contracts' states, sets, processes that are driven
 * by the test, lent devices, a clock that stands still until somebody waits. One process of the host for each case,
 * because the supervisor ends its own; its threads change only in calls.
 *
 * Whatever a real kernel would refuse of an honest caller is a failure of the case here. */
#ifndef TESTS_SERVICES_SUPERVISOR_KERNEL_H
#define TESTS_SERVICES_SUPERVISOR_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <signet/abi.h>
#include <signet/system.h>

/* ---- A case ---- */

struct test_case {
  /* Nothing can go on without the processes: let them do something, or time pass until `deadline` (kernel_advance). */
  void (*act)(uint64_t deadline);
  /* Called in each of the supervisor's calls, before it is done; may be NULL. */
  void (*intrude)(void);
  /* The machine is ended; `count` rows. Says what is wrong by FAIL. */
  void (*end)(const struct signet_system_ending *rows, uint32_t count, const char *text);
  /* A process has been started. May be NULL. */
  void (*started)(uint32_t process);
  const uint32_t *devices; /* enum signet_device_kind of the supervisor's slots */
  uint32_t device_count;
  uint32_t wrong_kind;    /* device that says it is another, plus 1 */
  uint32_t damaged_entry; /* entry whose reading fails, plus 1 */
  uint32_t bad_entry;     /* entry that is no image, plus 1 */
  uint32_t fail_at;       /* the call that fails, from 1; 0: none */
  uint32_t length_less;   /* the start-up bytes are so much shorter */
  bool misaligned;
  bool other_version; /* of the ABI */
  const struct signet_system *system;
  uint32_t system_room; /* bytes behind it that may be written */
};

/* Runs the supervisor on the system; -> what the case's process said, which is "ended" and the text of the machine's
 * end, "exit K C", or what went wrong. */
const char *kernel_run(const struct test_case *test);

/* The case's process says what went wrong, and ends. */
#define FAIL(...) (dprintf(kernel_verdict, __VA_ARGS__), _exit(3))
extern int kernel_verdict;

/* ---- What the processes of the system are to the test: all of these are of the case's process ---- */

#define PROCESSES_EVER 20000
struct process {
  uint32_t row;
  enum signet_process_state state;
  uint32_t ends[SIGNET_SLOTS_MOST]; /* what it holds, by slot: ends of channels (kernel_send), or 0 */
  struct signet_ending ending;
  uint32_t events; /* that arrived, a bit each */
  uint32_t handle; /* the supervisor's */
  uint64_t began;
};
extern struct process processes[PROCESSES_EVER]; /* from 1 on, in the order of their making */
extern uint32_t process_count;                   /* the last one's number */

uint64_t kernel_now(void);
void kernel_advance(uint64_t to);
void kernel_event(uint32_t event); /* arrives for the supervisor */
void kernel_end(uint32_t process, struct signet_ending ending);

/* Ends are numbers that are never used again; 0 is none. */
uint32_t kernel_create(uint32_t process, const struct signet_contract *contract, uint64_t length, uint32_t *server);
bool kernel_send(uint32_t end, uint32_t tag, const void *data, uint32_t length, uint32_t moved);
/* False: nothing is there. */
bool kernel_receive(uint32_t end, uint32_t process, uint32_t *tag, void *data, uint32_t *moved);
void kernel_close(uint32_t end);
uint32_t kernel_holder(uint32_t end); /* process; 0: the supervisor; UINT32_MAX: it is closed */
uint32_t kernel_peer(uint32_t end);
bool kernel_is_closed(uint32_t end);
uint32_t kernel_state(uint32_t end);

/* What the supervisor holds, except its own devices. */
uint32_t kernel_held(void);
uint32_t kernel_calls(void);

#endif
