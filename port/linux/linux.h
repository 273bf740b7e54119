/* Internal to port/linux, except what is marked for the host program (cli/, tests/, bench/). */
#ifndef PORT_LINUX_LINUX_H
#define PORT_LINUX_LINUX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "port/linux/context.h"
#include "port/port.h"

/* ---- For the host program ---- */

struct linux_port_options {
  uint32_t cpus;    /* host threads that run processes; 0: one per processor of the host */
  uint32_t windows; /* 0: as many as the address space gives, at most 16384 */
  /* Hears of every process that ends; called on any host thread with the kernel lock held or not. May be NULL. */
  void (*report)(void *context, const struct kernel_report *report);
  void *report_context;
};

/* Prepares the platform: address space, entry table, loader thread. Once. False: *problem says why. */
bool linux_port_prepare(const struct linux_port_options *options, const char **problem);
/* Seals this process (see seal.c), then starts the processors. After kernel_initialise. From here on no thread can make
 * memory executable except the loader, and the code of this program cannot be changed or remapped. False: *problem says
 * why. */
bool linux_port_start(const char **problem);

/* What the seal achieved, for the report of `signet run --verbose` and for tests. */
struct linux_seal_facts {
  uint32_t mappings_sealed; /* by mseal */
  bool mseal;               /* the host has it */
  bool filtered;            /* system call filters are in force on every thread */
  bool confined;            /* the host's files are out of reach, but for the directories given (Landlock) */
};
void linux_seal_facts(struct linux_seal_facts *facts);

/* What a thread of this process does: its filter allows that and no more. */
enum linux_thread_role {
  LINUX_THREAD_ORDINARY,
  LINUX_THREAD_LOADER,
  LINUX_THREAD_CONTROL, /* answers those who look at the system: takes connections, opens nothing */
  LINUX_THREAD_ROLES
};
/* Starts a thread of the host program, all signals blocked. True: it is confined and its filter is in force. After
 * linux_port_prepare and when all directories are made, before linux_port_start. */
bool linux_host_thread_start(enum linux_thread_role role, void *(*run)(void *), void *argument);
/* Files beneath that directory can be removed, and nothing else be done with them: for a socket that goes when the
 * system ends. Before any thread confines itself. */
bool linux_confine_allow_removal(int directory);

/* Devices for the host program to grant. The descriptors stay the caller's to keep open; the device uses its own
 * copies. NULL: *problem says why (a directory on procfs is refused: it could write to sealed code). */
struct port_device *linux_stream_device(int input, int output, const char **problem);
struct port_device *linux_directory_device(const char *path, bool read_only, const char **problem);

/* Images in memory: what is at `bytes` and `name` stays there unchanged until the device is closed. */
struct linux_archive_entry {
  const char *name;
  const void *bytes;
  size_t length;
};
struct port_device *linux_archive_device(const struct linux_archive_entry *entries, uint32_t count,
                                         const char **problem);
/* Hears once how the system ended (include/signet/system.h), on a processor's thread, under its filter, without the
 * kernel lock; must not call the kernel, must not wait. `text` says why it did not start, or is empty. Who ended the
 * system never has an answer, as on a machine that is off: the host program ends it. */
struct signet_system_ending;
typedef void linux_power_callback(void *context, const struct signet_system_ending *endings, uint32_t count,
                                  const char *text);
struct port_device *linux_power_device(linux_power_callback *callback, void *context, const char **problem);

/* TCP: listens at `listen` ("address:port", port 0: one that is free; an IPv6 address is in brackets), may connect to
 * `connect` ("host:port", the host an address, or "host:port=address" for a name, once for each of its addresses), and
 * has at most so many connections at once. Both lists end with NULL and may be NULL. It listens when this returns, and
 * until the device is closed: connections wait meanwhile. Raises the limit of open files if it must. */
struct port_device *linux_network_device(const char *const *listen, const char *const *connect, uint32_t connections,
                                         const char **problem);

/* ---- Internal ---- */

#define LINUX_WINDOW_BYTES (1ull << 32)
#define LINUX_KERNEL_STACK (128u << 10)
#define LINUX_SIGNAL_STACK (64u << 10)

/* One host thread that runs processes. The first fields are known to entry.S by offset (context.h). */
struct linux_cpu {
  uint64_t kernel_stack;        /* top, 16-byte aligned */
  struct port_context *context; /* whose registers are in the processor, or NULL */
  uint64_t base;                /* of the window that ran last, which %gs holds; 0: its process is no more */
  uint32_t tick;                /* a tick came while the kernel ran */
  uint32_t number;
  struct port_fault fault;  /* handed from the signal handler to kernel_fault */
  uint32_t floating_window; /* whose values the vector registers may hold; UINT32_MAX: anybody's */
  uint64_t not_worked;      /* nanoseconds of CLOCK_MONOTONIC in which the host did not run this thread, as last seen */
  _Atomic uint32_t wake;    /* futex: enum linux_wake */
  void *signal_stack;
};

struct signet_file_status;
struct stat;
extern uint64_t linux_windows_low, linux_windows_high; /* addresses of the reserved area */
extern struct linux_port_options linux_options;

static inline uint64_t linux_window_base(uint32_t window) {
  return linux_windows_low + (uint64_t)window * LINUX_WINDOW_BYTES;
}

enum linux_wake {
  LINUX_AWAKE,
  LINUX_WOKEN, /* before it could sleep */
  LINUX_SLEEPS,
  LINUX_POLLS,
};

/* cpu.c */
extern __thread struct linux_cpu *linux_cpu_self;
/* Looks at how long the host has not run this processor. The host's clock for that costs a system call: at ticks; what
 * it sleeps is counted in between. */
void linux_cpu_account(struct linux_cpu *cpu);
void linux_context_forget(const struct port_context *context); /* no processor holds its registers */
void linux_window_forget(uint32_t window);                     /* who runs in it next is somebody else */
void linux_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns);
void linux_futex_wake(_Atomic uint32_t *word, int count);
void linux_cpus_stir(void); /* each that sleeps looks again where it should */
void linux_cpus_take_over(
    void); /* one that sleeps at its futex sleeps in the poller, if nobody does; also in signals */
/* A mutex for state that is not the kernel's. */
void linux_mutex_lock(_Atomic uint32_t *mutex);
void linux_mutex_unlock(_Atomic uint32_t *mutex);
/* Starts a host thread with all signals blocked. */
bool linux_thread_start(void *(*run)(void *), void *argument);

/* context.c */
bool linux_context_prepare(void);
void linux_context_save_frame(struct port_context *context, const void *ucontext, uint64_t base);
/* For who has called the C library on behalf of a kernel call: it may leave pointers of its own in vector registers,
 * and these are not cleared on the way out. The caller of a kernel call has nothing in them. */
void linux_clear_vectors(void);
/* Where a pre-empted thread goes on; for tests. */
const uint8_t *linux_context_rip(const struct port_context *context);
/* The x87 status; with bits of 0xff set if its state has to be made new. */
uint16_t linux_context_save_floating_point(struct port_context *context);

/* window.c */
bool linux_window_prepare(const char **problem);
void linux_window_settle(uint32_t window); /* before a process runs: drops what an earlier one left mapped */
/* `image` tells images apart for ever; its bytes are in the descriptor's file, and at `bytes`. */
bool linux_window_map_image(uint32_t window, uint32_t offset, uint64_t length, int descriptor, uint64_t position,
                            uint64_t image, const void *bytes, bool code, enum signet_protection protection);

/* Whole words, without vector registers, which belong to processes. `length` is a multiple of 8. */
static inline void linux_copy_words(void *to, const void *from, size_t length) {
  size_t words = length / 8;
  __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}
static inline void linux_wipe_words(void *to, size_t length) {
  size_t words = length / 8;
  __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(0ul) : "memory");
}

/* Maps over what is in a window. Where the host refuses something is still there, for nothing of this program's own may
 * ever come to lie in a window: who maps memory or asks the C library for some does it between these two. */
void linux_address_space_lock(void);
void linux_address_space_unlock(void);
bool linux_window_put(void *address, uint64_t length, int protection, int flags, int descriptor, uint64_t position);
/* Makes a part of a window inaccessible and gives its memory back. False: the host gives no more mappings, and the part
 * ends inside one. */
bool linux_window_close(uint32_t window, uint32_t offset, uint64_t length);
/* Memory for the blocks of a window that move by copy: mapped when the first comes. There is some at offset then.
 * False: no memory. */
#define LINUX_BLOCK_ZONE (1u << 20)
bool linux_window_block_zone(uint32_t window, uint32_t offset, uint64_t length);
/* A part of it was made inaccessible. */
void linux_window_block_hole(uint32_t window);

/* loader.c */
bool linux_loader_start(void);
bool linux_loader_map(void *address, uint64_t length, int descriptor, uint64_t position);

/* seal.c, image.c */
bool linux_seal(const char **problem);
bool linux_seal_file(int descriptor); /* no writing, growing or shrinking, for good */

/* filter.c */
bool linux_filter_thread(enum linux_thread_role role);
/* Before the seal: ordinary threads may use sockets that there are, or also connect new ones. */
void linux_filter_allow_sockets(bool connect);
/* Makes the program that Linux is given, in a place for LINUX_FILTER_MOST; its length. 0: there is no room, always. */
#define LINUX_FILTER_MOST 512
struct sock_filter;
uint32_t linux_filter_make(enum linux_thread_role role, struct sock_filter *code);

/* confine.c */
bool linux_confine_allow(int directory, bool read_only);
bool linux_confine_thread(void); /* before its filter; true also where the host has no Landlock */
bool linux_confined(void);

/* signal.c */
bool linux_signal_prepare(void);
bool linux_signal_cpu(struct linux_cpu *cpu);
_Noreturn void linux_preempted(void);

/* poller.c */
struct linux_source {
  void (*event)(struct linux_source *source, uint32_t number, uint32_t events); /* kernel lock, the poller's */
  uint32_t index;                                                               /* the poller's */
};
bool linux_poller_start(void);
/* True: this processor is the one that sleeps there, and must. */
bool linux_poller_enter(void);
/* Sleeps, tells devices what has happened, and returns with the kernel lock, and no longer the one. */
void linux_poller_sleep(struct linux_cpu *cpu, uint64_t timeout);
void linux_poller_ring(void); /* ends that sleep */
/* Nobody sleeps there, and somebody should. */
bool linux_poller_abandoned(void);
/* If nobody sleeps there: tells them what has happened by now. `locked`: with the kernel lock. */
void linux_poller_look(bool locked);
/* Calls kernel_device_ready(thread) once, when the descriptor is ready (EPOLLIN, EPOLLOUT). False: too many wait, or
 * the host cannot (errno). */
bool linux_poller_wait(int descriptor, uint32_t events, void *thread);
void linux_poller_forget(void *thread);
void linux_poller_close(int descriptor); /* one that was waited for, before it is closed */
/* A source hears of events (EPOLL*) of the descriptors that are watched for it, under their numbers. A watched
 * descriptor that is closed, and was not copied, is not watched any more. False: too many. */
bool linux_poller_add(struct linux_source *source);
void linux_poller_remove(struct linux_source *source);
bool linux_poller_watch(const struct linux_source *source, int descriptor, uint32_t number, uint32_t events);
/* Of one that is watched with EPOLLET: what is there is told of once more. */
void linux_poller_again(const struct linux_source *source, int descriptor, uint32_t number, uint32_t events);

/* device.c, device_*.c */
struct port_device {
  bool (*request)(struct port_device *device, const struct port_request *request, struct signet_result *result);
  void (*close)(struct port_device *device);
  void (*reset)(struct port_device *device);                /* port_device_reset; NULL: nothing is to be made new */
  void (*forget)(struct port_device *device, void *thread); /* port_device_forget; NULL: only the poller knows it */
};
struct signet_result linux_device_error(int error);
void linux_fill_status(struct signet_file_status *status, const struct stat *from);

_Noreturn void linux_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
