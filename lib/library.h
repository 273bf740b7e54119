/* What the parts of the library OS share: nothing here is for programs. Every symbol that the linker sees starts with
 * "signet_", because programs own all other names.
 *
 * Locks, in the order in which they may be taken: a description's lock, the descriptor table's, a channel's, a pipe's,
 * the temporary tree's; the heap's and the memory map's are last. */
#ifndef LIB_LIBRARY_H
#define LIB_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <signet/abi.h>
#include <signet/calls.h>
#include <signet/device.h>
#include <signet/image.h>

#include "contracts/files.h"
#include "lib/lock.h"

#define NANOSECONDS 1000000000ull
#define PAGE_ROUND(n) (((n) + SIGNET_PAGE - 1) & ~(uint64_t)(SIGNET_PAGE - 1))

/* A handler of a system call of Linux: six arguments in, the result or minus an error number out. */
typedef long signet_handler(const long *argument);

/* ---- start.c ---- */

void signet_start(struct signet_startup *startup);
/* Facts of this process; constant once the program runs. */
struct signet_process_facts {
  const struct signet_startup *startup;
  const char *name;      /* argv[0] */
  const char *directory; /* the working directory it was given */
  uint32_t number;       /* what getpid says */
  bool trace;
};
extern struct signet_process_facts signet_facts;

/* ---- dispatch.c ---- */

long signet_system_call(long number, long a, long b, long c, long d, long e, long f);
/* A handler's result when a signal ended its wait and it may be made again after the signal's handler. */
#define INTERRUPTED_AGAIN (-512)
/* The error number for a status of the kernel's, as a negative number; 0 for OK. */
long signet_error(struct signet_result result);

/* ---- thread.c ---- */

struct thread {
  uint32_t number;   /* what gettid says */
  uint32_t in_call;  /* not 0: inside the library; signals wait */
  uint64_t mask;     /* blocked signals; bit 0 is signal 1 */
  uint64_t pending;  /* atomic */
  uint32_t arrivals; /* atomic; counts what was added to pending; waited on by pause and the like */
  uint32_t *clear;   /* becomes 0 and is woken at the thread's end */
  uint32_t *waits_on;
  struct thread *next;
  uint64_t alternative_stack[3]; /* stack_t as Linux has it; remembered, not used */
};
extern _Thread_local struct thread signet_thread;
/* The running thread. Its address is made once a function: %fs is slower in a sealed process than elsewhere. */
static inline struct thread *signet_self(void) {
  struct thread *self = &signet_thread;
  __asm__("" : "+r"(self));
  return self;
}
/* False until the first thread has its thread pointer; before that signet_self() must not be touched. */
extern bool signet_threads_begun;

int signet_clone(int (*function)(void *), void *stack, int flags, void *argument, int *parent_number, void *tls,
                 int *child_clear);
_Noreturn void signet_unmap_self(void *base, size_t length);
/* In thread_entry.S: where a thread starts; runs signet_thread_main on the given stack; leaves on another stack. */
void signet_thread_entry(void *start);
_Noreturn void signet_leave_on(void *stack_top, void *base, size_t length, uint32_t *clear);
/* The thread of that number, or NULL, with the list's lock held until signet_thread_release. */
struct thread *signet_thread_find(uint32_t number);
void signet_thread_release(void);

/* ---- signal.c ---- */

/* Delivers what is pending and not blocked. True if no handler ran but such as want interrupted calls made again. */
bool signet_signals_deliver(struct thread *self);
/* Makes a signal pending for a thread and ends its wait. */
void signet_signal_post(struct thread *thread, int number);
static inline bool signet_signals_ready(struct thread *self) {
  return __atomic_load_n(&self->pending, __ATOMIC_ACQUIRE) & ~self->mask;
}

/* ---- time.c ---- */

uint64_t signet_now(enum signet_clock clock);
/* Sleeps until the deadline or a signal: 0 or -EINTR. */
long signet_sleep_until(uint64_t deadline);
/* A timespec (as Linux: two longs) to nanoseconds; false if it is not one. Saturates. */
bool signet_timespec_read(const long *timespec, uint64_t *nanoseconds);
uint64_t signet_add_saturating(uint64_t a, uint64_t b);

/* ---- memory.c ---- */

void signet_memory_begin(uint32_t low, uint32_t high);
/* Zeroed pages for the library itself; 0 when there are none. */
uint64_t signet_pages_take(uint64_t length);
void signet_pages_give(uint64_t address, uint64_t length);
/* Forgets a range that the caller unmaps itself. */
void signet_pages_forget(uint64_t address, uint64_t length);

/* ---- heap.c: small memory of the library ---- */

/* Not zeroed; at most 4096 bytes; NULL when there is none. `length` is told again at the end. */
void *signet_heap_take(size_t length);
void signet_heap_give(void *memory, size_t length);

/* ---- channel.c: requests to the services ---- */

struct channel {
  uint32_t endpoint; /* 0: none was given */
  struct lock lock;
  bool outstanding; /* an interrupted read's answer has not come yet */
  uint32_t facts;   /* SIGNET_STREAM_IS_*, and CHANNEL_FACTS_KNOWN */
  uint32_t slot;    /* of start-up, plus 1; 0: none */
  uint32_t service; /* grows by one with each service that takes another's place */
  uint32_t block;   /* cached; 0: none */
  uint32_t block_offset, block_length;
  uint32_t stash_next, stash_end; /* what is left in `stash` */
  uint8_t *stash;                 /* bytes that came for an interrupted read; made at the first use */
  struct channel_buffer *buffer;  /* for messages too large for the stack; made at the first use */
};
#define CHANNEL_FACTS_KNOWN 0x80000000u

/* One request and its answer. */
struct exchange {
  uint32_t tag;
  struct files_request request;
  const struct iovec *send; /* bytes behind the request */
  uint32_t send_count;
  uint32_t take_count;
  const struct iovec *take; /* where the answer's bytes go */
  size_t skip;              /* bytes of these vectors that are passed over */
  size_t limit;             /* most bytes sent; 0: all */
  uint32_t service;         /* what is asked is of that service, and none of a later one: channel.service + 1; 0: any */
  size_t taken;             /* bytes that came */
  uint64_t value;
};

extern struct channel signet_channels[4]; /* SIGNET_SLOT_* */
/* 0, or minus an error number. Waits; not interrupted by signals. */
long signet_channel_ask(struct channel *channel, struct exchange *exchange);
/* Moves up to request.length and FILES_BLOCK_MOST bytes through the block: of `send`, if there is any, else to `take`.
 * -> bytes. -ENOBUFS: there is no memory for a block. */
long signet_channel_transfer(struct channel *channel, const struct exchange *exchange);
/* A transfer up to this goes in messages of FILES_INLINE_MOST: moving a block costs as much as sixteen of them. */
#define BLOCK_LEAST (16 * FILES_INLINE_MOST)
/* A read of at most FILES_INLINE_MOST bytes that a signal may interrupt. `skip` bytes of the vectors are passed over.
 */
long signet_channel_read_stream(struct channel *channel, const struct iovec *vectors, int count, size_t skip);

/* ---- descriptor.c ---- */

struct stat;
struct description;

struct operations {
  /* offset -1: at the position. -> bytes. */
  long (*read)(struct description *, const struct iovec *vectors, int count, int64_t offset);
  long (*write)(struct description *, const struct iovec *vectors, int count, int64_t offset);
  long (*status)(struct description *, struct stat *);
  long (*seek)(struct description *, int64_t offset, int whence);
  long (*control)(struct description *, unsigned long request, void *argument);
  /* POLLIN and the like, of those asked for and those always told. */
  int (*poll)(struct description *, int events);
  void (*close)(struct description *);
};

struct description {
  const struct operations *operations;
  uint32_t references; /* atomic */
  uint32_t flags;      /* O_* */
  struct lock lock;    /* of the position */
  uint32_t number;     /* file: its number; stream: its channel */
  uint32_t service;    /* file: the service whose number that is, as in struct exchange */
  uint32_t type;       /* S_IF* */
  bool appends;        /* it was opened so */
  bool temporary;      /* file: of the process's own /tmp */
  bool at_end;         /* the position is the file's end (after an append) */
  uint64_t position;
  void *data; /* file: its path; pipe: its struct pipe */
};

/* Takes a reference; NULL if the number is not open. */
struct description *signet_descriptor_get(int number);
void signet_description_put(struct description *description);
/* One reference, none of it filled in but this; NULL: no memory. */
struct description *signet_description_new(const struct operations *operations, uint32_t flags);
/* Gives it the lowest free number from `least` on; takes over the reference, also when it fails. */
long signet_descriptor_open(struct description *description, int least, bool close_on_exec);
extern const struct operations signet_stream_operations;
long signet_iovec_length(const struct iovec *vectors, int count); /* or -EINVAL */
/* Copies between vectors and bytes, passing over `skip` bytes of the vectors; -> bytes copied. */
size_t signet_iovec_scatter(const struct iovec *vectors, int count, size_t skip, const void *from, size_t length);
size_t signet_iovec_gather(const struct iovec *vectors, int count, size_t skip, void *to, size_t length);
/* No operation of this kind. */
long signet_no_seek(struct description *, int64_t offset, int whence);
long signet_no_control(struct description *, unsigned long request, void *argument);
int signet_always_ready(struct description *, int events);

/* ---- path.c ---- */

#define PATH_PARTS 4
struct path {
  struct iovec parts[PATH_PARTS]; /* an absolute name with its NUL, possibly with ".." in it */
  uint32_t count;
  bool final_slash;         /* what it names must be a directory */
  struct description *base; /* held while the parts are used; or */
  char *held;               /* a copy of the working directory */
  size_t held_size;
};
/* 0 or minus an error number; signet_path_end when done. */
long signet_path_begin(struct path *path, int directory, const char *name);
void signet_path_end(struct path *path);
/* Bytes, with the NUL. */
size_t signet_path_length(const struct path *path);

/* ---- identity.c ---- */

uint32_t signet_creation_mask(void);

/* ---- file.c, name.c, device.c ---- */

long signet_file_open(const struct path *path, int flags, unsigned mode);
/* An open file or directory of the file service: its `data` is its path. */
bool signet_is_file(const struct description *description);
/* Names that the library itself answers: a new description, NULL if it is none of them. */
struct description *signet_device_open(const char *name, int flags, long *error);
/* The status of such a name; false if it is none of them. */
bool signet_device_status(const char *name, struct stat *status);
void signet_status_convert(const struct signet_file_status *from, struct stat *to);
/* The status of a file; also whether it is on a read-only mount. */
long signet_name_status(int directory, const char *name, int flags, struct stat *status, bool *read_only);

/* ---- temporary.c: the process's own /tmp ---- */

/* One request to the file service that carries names, or the answer of the process's own /tmp in its place; that it
 * was that one's is told in *temporary, if it is not NULL. 0, or minus an error number. */
long signet_name_ask(struct exchange *exchange, bool *temporary);
/* A request on an open file of it; takes and gives bytes of any number in one READ or WRITE (`limit` bytes), and at the
 * end of the file with SIGNET_OPEN_APPEND. PERMISSIONS and TIMES too. */
long signet_temporary_ask(struct exchange *exchange);

/* ---- pipe.c ---- */

/* Grows whenever a pipe changes; poll waits on it. */
extern uint32_t signet_pipe_changes;
extern uint32_t signet_pipe_watchers; /* atomic: how many poll */

/* ---- trace.c ---- */

long signet_trace_unknown(long number);
/* Names the calls that were not implemented, if asked to. */
void signet_trace_report(void);

#endif
