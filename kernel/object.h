/* The kernel's data: every structure, who owns it, on which list it is. Included by kernel/ (and its tests) only.
 *
 * One lock, the kernel lock (port_lock), guards all of it, except: kernel.here and struct cpu's text, which belong to
 * the processor; a process's `calls`, written by the processor that runs it; an image while it is being built, which
 * only its builder knows.
 *
 *   structure        owned by                              is on
 *   kernel_process   its parent's handle, or the host      kernel.processes; parent->children; a processor's run list
 *   thread           its process                           process->threads; process->ready, or what it waits for
 *   region           its process                           process->regions (sorted)
 *   object           its holder's handle table, or the     payer->paid: the process whose quota it counts against
 *                    message that carries it
 *   channel          its open ends                         kernel.every_channel, in the order of their numbers
 *   contract         its channels (counted)                kernel.contracts
 *   kernel_image     handles, processes, the host (counted) kernel.images
 *
 * A thread never blocks inside the kernel. A call that must wait returns WAITS after noting in the thread what for; the
 * call is made again, from its saved arguments, when the thread's turn comes ("restartable calls"). So the kernel
 * writes into a window only on behalf of the thread whose turn it is, or (handover.c) of the one whose turn is next
 * while none of its window's runs, which the masked return of docs/machine-code.md needs. */
#ifndef KERNEL_OBJECT_H
#define KERNEL_OBJECT_H

#include "kernel/bytes.h"
#include "kernel/kernel.h"
#include "kernel/list.h"

#include <signet/image.h>

#define ASSERT(condition) ((condition) ? (void)0 : port_panic(__FILE__, __LINE__, #condition))

#define WINDOW_BYTES (UINT64_C(1) << 32)
#define PAGE_MASK (SIGNET_PAGE - 1u)

/* ---- Results ---- */

/* Beyond enum signet_status, inside the kernel only: the thread waits and its call will be made again; or it does not
 * go on from here. */
enum { CALL_WAITS = -1, CALL_AWAY = -2 };

static inline struct signet_result result(int64_t status, uint64_t value) {
  return (struct signet_result){status, value};
}
static inline struct signet_result error(int64_t status) { return (struct signet_result){status, 0}; }

/* ---- Objects: what a handle names ---- */

struct kernel_process;
struct thread;

struct object {
  uint8_t kind;                 /* enum signet_kind */
  uint32_t handle;              /* in the table of its owner; 0 when it has none */
  struct kernel_process *owner; /* whose table holds it; NULL: travelling in a message */
  struct kernel_process *payer; /* whose quota it counts against: the owner, or the last one while it travels. NULL:
                                   nobody's, because a process that the host made ended while it travelled */
  struct list paid_link;        /* payer->paid */
  uint64_t charge;              /* bytes, besides one handle */
};

struct contract {
  struct list link; /* kernel.contracts */
  uint32_t references;
  uint32_t length; /* of the blob */
  uint32_t check;  /* a sum of the blob, to find it by */
  uint32_t data_most;
  uint16_t messages, states;
  uint16_t slots[2];    /* of the queue towards: 0 client, 1 server */
  uint8_t identity[32]; /* BLAKE2b-256 of the blob with its identity zeroed */
  const struct signet_contract_message *rows;
  const uint8_t *next;                       /* [state * messages + message] */
  const struct signet_contract_moved *moved; /* NULL: form 1 says nothing of what moves */
  uint16_t *moved_first;                     /* of each message, on that list */
  uint64_t blob[];
};

struct slot {
  uint32_t tag, length, moved_count, reserved;
  struct object *moved[SIGNET_MESSAGE_MOVED];
  uint8_t data[];
};

#define STANCE_NONE UINT32_MAX /* no end's */

struct endpoint {
  struct object object;
  struct channel *channel;
  uint8_t side; /* 0 client, 1 server */
  bool closed;
  union {
    struct {
      uint16_t count; /* messages queued towards this end */
      uint8_t listed; /* 0: nobody is on the list of waiters */
      uint8_t state;  /* the channel's, at both ends */
    };
    uint32_t stance; /* all of them at once */
  };
  uint16_t head, limit; /* of the queue */
  uint8_t *slots;
  struct endpoint *peer;
  uint64_t messages;    /* sent from here */
  struct list waiters;  /* of wait_node: threads of its owner that wait for a message here, besides: */
  struct thread *asker; /* the thread whose `asked` this is, which may wait here on no list; or &nobody */
  /* Of a message that the contract allowed here: its tag and length, the stance then, and the state after it. */
  uint64_t fits;
  uint32_t fits_stance;
  uint8_t fits_next;
  bool set_ready;           /* on its set's list of ready ones */
  struct endpoint *carrier; /* in whose queue it travels, NULL otherwise */
  struct list closing_link;
  struct set *set; /* NULL: in none */
  struct list set_link;
  uint64_t key; /* by which its set names it */
};

/* Endpoints of its holder's. */
struct set {
  struct object object;
  struct list ready, quiet; /* its members: those where a message waits or whose peer is closed, and the others */
  struct list waiters;      /* of wait_node */
  uint32_t coming;          /* threads that it woke and that have not made their calls again */
};

/* What begins whatever is on a list in the order of numbers. 0: a place that somebody keeps there for a while. */
struct numbered {
  struct list link;
  uint64_t number;
};

struct channel {
  struct numbered place;
  struct contract *contract;
  uint32_t slot_size;
  struct endpoint end[2]; /* client, server */
};

struct block {
  struct object object;
  struct port_block *port;
  uint64_t length;
  uint32_t offset; /* where it is mapped, 0: nowhere */
};

struct image_reference {
  struct object object;
  struct kernel_image *image;
};

/* What one holder has of a device of the port: those who lent it on, and who has it now, are a chain. */
struct device {
  struct object object;
  struct port_device *port;
  struct device *lender, *borrower; /* NULL: nobody who still holds it */
};

/* ---- Images ---- */

#define IMAGE_SEGMENTS_MOST 8

struct segment {
  uint32_t offset; /* in the window */
  uint32_t file_offset;
  uint32_t file_length; /* bytes */
  uint32_t length;      /* bytes in memory */
  enum signet_protection protection;
};

struct kernel_image {
  struct list link; /* kernel.images */
  uint32_t references;
  struct port_image *sealed;
  size_t length;
  uint32_t entry;
  uint32_t high; /* end of the last segment, whole pages */
  uint32_t segments;
  bool parallel;
  struct segment segment[IMAGE_SEGMENTS_MOST]; /* the first is the code */
  uint64_t stack;                              /* asked for by the note, or 0 */
  uint64_t charge;                             /* bytes that a process running it is charged */
  struct kernel_image_facts facts;
};

/* ---- Threads ---- */

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_WAITING };
/* WAIT_ANSWER: in a channel_call, at the end that it asked, where nobody else waits. */
enum wait_kind { WAIT_NONE, WAIT_WORD, WAIT_OBJECTS, WAIT_DEVICE, WAIT_ANSWER, WAIT_SET };

struct wait_node {
  struct list link; /* the waiters of an endpoint, a set or a child */
  struct thread *thread;
};

#define WAIT_NODES_INSIDE 2
#define ENDPOINTS_MOST 64 /* of one receive */
#define WORD_BUCKETS 8

struct thread {
  struct list link;      /* process->threads */
  struct list turn_link; /* READY: process->ready; waiting for a word: its bucket */
  struct kernel_process *process;
  struct port_context *context;
  uint32_t number;
  uint8_t state;     /* enum thread_state */
  uint8_t wait;      /* enum wait_kind */
  uint8_t call;      /* the call to make again */
  bool retry;        /* READY: make it again before resuming */
  bool sent;         /* the send of a channel_call is done */
  uint8_t cursor;    /* where the next receive over several endpoints begins to look */
  uint8_t nodes;     /* wait nodes in use */
  bool device_ready; /* the device called back while the request was being made */
  bool coming;       /* the set that its call names woke it */
  uint32_t timer;    /* place in kernel.timers, from 1; 0: none */
  uint32_t word;     /* the word waited for */
  uint64_t deadline;
  uint64_t arguments[5];  /* of the call to make again; those of a channel_call, as long as `asked` is not &nowhere */
  struct endpoint *asked; /* what it named, found good by handover_prepare */
  uint32_t answer, room;  /* where the answer goes, and how much data there is room for */
  uint64_t time;          /* processor time, nanoseconds */
  struct wait_node node[WAIT_NODES_INSIDE];
  struct wait_node *more; /* ENDPOINTS_MOST of them, once needed */
  struct device *device;  /* whose request waits */
  uint64_t ticket;        /* of that request, by which the port names it */
  struct list ticket_link;
};

/* ---- Processes ---- */

struct region {
  uint32_t low, high; /* high is exclusive */
  uint32_t protection;
};

/* Sorted, without overlap. */
struct regions {
  struct region *at;
  uint32_t count, capacity;
};

#define HANDLES_PER_CHUNK 16
#define HANDLE_CHUNKS_INSIDE 2

struct handle_entry {
  struct object *object; /* NULL: free */
  uint16_t generation;   /* of the handle it holds or will hold next; never 0 */
  uint16_t next_free;    /* index + 1 */
};

struct handle_table {
  struct handle_entry **chunk;
  struct handle_entry *inside[HANDLE_CHUNKS_INSIDE];
  uint32_t chunks, chunks_most;
  uint32_t free_first, free_last,
      free_count; /* index + 1; used first in, first out, so that a number stays stale long */
};

enum run_state { RUN_IDLE, RUN_QUEUED, RUN_ACTIVE };
#define TURN_IDLE UINT64_C(0)
#define TURN_ALONE ((uint64_t)RUN_ACTIVE)

struct kernel_process {
  struct object object; /* what its parent's handle names; the owner is NULL once that is closed */
  uint32_t number;
  uint8_t state; /* enum signet_process_state */
  union {
    struct {
      uint8_t run;    /* enum run_state */
      bool attention; /* look at state and events before its thread goes on */
      uint16_t zero;
      uint32_t ready_count; /* threads on `ready` */
    };
    uint64_t turn; /* all of them at once: TURN_IDLE, TURN_ALONE, or something else */
  };
  bool host; /* the host program holds it */
  bool made_by_host;
  bool has_window;
  bool handling; /* the first thread is diverted to the listener */
  bool making;   /* it makes a child that is on no list yet */
  uint32_t window;
  struct list run_link; /* a processor's near or queue */
  struct cpu *cpu;      /* that runs it or has it queued, or did last */
  struct list ready;    /* of threads */
  struct list threads;
  struct list words[WORD_BUCKETS]; /* of threads that wait for a word */
  struct list waiters;             /* of wait_node: threads of the parent that wait for its end */
  struct list link;                /* kernel.processes */
  struct list sibling_link;
  struct list children;
  uint32_t children_alive; /* not yet STOPPED */
  uint64_t images;         /* that it holds, and that its children may */
  uint32_t threads_made, threads_alive;
  struct kernel_process *parent;
  struct kernel_image *image;
  struct list paid; /* of objects */
  struct signet_quota limit, used;
  struct regions regions; /* by memory_map */
  struct regions blocks;  /* where blocks are mapped */
  struct handle_table handles;
  uint32_t image_low, stack_low, stack_high, startup, area_low;
  uint32_t startup_length;
  uint32_t slots;
  uint32_t slot[SIGNET_SLOTS_MOST]; /* handles; 0: not filled */
  uint32_t event_entry;             /* 0: no listener */
  uint32_t events;                  /* bit per event that waits for delivery */
  uint64_t calls;
  uint64_t messages; /* sent */
  uint64_t time;     /* processor time, nanoseconds */
  uint64_t started;
  uint64_t observed; /* kernel.observations, when that observer saw it last */
  struct signet_ending ending;
  char name[32];
  char principal[SIGNET_PRINCIPAL_MOST]; /* the names of its ancestors and its own */
  uint8_t hash[32];
};

/* ---- Processors and the whole ---- */

#define TEXT_MOST 4096
#define SLICE 4096 /* switches within a slice, should the platform's tick be late */

struct cpu {
  uint32_t number;
  uint32_t waiting;               /* processes on near and queue */
  uint32_t slice;                 /* how often this slice may still go to a near process */
  struct kernel_process *process; /* ACTIVE here */
  struct thread *current;         /* RUNNING here */
  struct list near;               /* woken by what ran here in this time slice: share the slice */
  struct list queue;              /* wait their turn */
  uint64_t charged_at;            /* processor time is charged up to here */
  uint64_t switches;              /* besides the SLICE - slice of this slice */
  char text[2][TEXT_MOST + 8];
};

#define TICKET_BUCKETS 64
#define CONTRACT_BUCKETS 256
#define IMAGE_BUCKETS 64

struct kernel {
  struct cpu *here; /* the processor that has the lock; NULL: a thread of the host */
  uint32_t cpus;
  uint64_t idle;          /* bit per processor that sleeps */
  uint64_t idle_deadline; /* until when the last that fell asleep does */
  struct cpu *cpu[PORT_CPUS_MOST];
  struct list processes;
  struct list contracts[CONTRACT_BUCKETS]; /* by their sums */
  uint64_t contract_place;                 /* secret: of those sums, below 2^61 */
  struct list images[IMAGE_BUCKETS];       /* by their hashes */
  struct list closing;                     /* of endpoints, within endpoint_close */
  struct list tickets[TICKET_BUCKETS];     /* of threads with a request at a device */
  uint64_t next_ticket;
  uint32_t next_process;
  struct thread **timers;                        /* a heap, earliest first; from 1 */
  uint32_t timer_count, timer_capacity, threads; /* capacity > threads: arming cannot fail */
  uint32_t *free_windows;
  uint32_t free_window_count, window_count;
  struct list every_channel;
  struct numbered told_place; /* there, behind the channel `told`, which process_observe told of last */
  uint64_t next_channel, observations, told;
  struct kernel_trace_record *trace; /* NULL: nothing is traced, else a ring */
  uint32_t trace_capacity, trace_first, trace_count;
  uint64_t trace_lost;
  uint64_t channels, blocks;
  uint32_t making;                      /* processes that have a window and are on no list yet */
  uint64_t calls_ended, messages_ended; /* of processes that are no more */
};
extern struct kernel kernel;

/* ---- allocate.c ---- */
/* Zeroed; NULL: no memory. */
void *allocate(size_t length);
void release(void *memory, size_t length);
/* Gives memory that nobody uses back to the port. */
void allocate_trim(void);
uint64_t allocate_pages_in_use(void);
uint64_t allocate_objects_in_use(void);

/* ---- blake2b.c ---- */
void blake2b_256(uint8_t digest[32], const void *bytes, size_t length);

/* ---- lock.c: the lock, and who holds it ---- */
struct cpu *lock_as_cpu(void);
void lock_as_host(void);
void unlock(void);

/* ---- handle.c ---- */
/* Makes sure that `count` inserts will succeed. SIGNET_OK, QUOTA or MEMORY. */
enum signet_status handle_reserve(struct kernel_process *process, uint32_t count);
/* Cannot fail after handle_reserve. */
uint32_t handle_insert(struct kernel_process *process, struct object *object);
/* Takes the object out of its owner's table; whoever waits on it is woken. Cannot fail. */
void handle_remove(struct object *object);
static inline struct handle_entry *handle_entry_at(const struct handle_table *table, uint32_t index) {
  return &table->chunk[index / HANDLES_PER_CHUNK][index % HANDLES_PER_CHUNK];
}
static inline struct object *handle_find(const struct kernel_process *process, uint64_t handle) {
  const struct handle_table *table = &process->handles;
  uint32_t index = handle & 0xffff;
  if (index / HANDLES_PER_CHUNK >= table->chunks)
    return NULL;
  const struct handle_entry *entry = handle_entry_at(table, index);
  return entry->generation == handle >> 16 ? entry->object : NULL;
}
struct object *handle_find_kind(struct kernel_process *process, uint64_t handle, enum signet_kind kind);
static inline struct endpoint *handle_find_endpoint(const struct kernel_process *process, uint64_t handle) {
  struct object *object = handle_find(process, handle);
  if (!object || (object->kind != SIGNET_KIND_CLIENT && object->kind != SIGNET_KIND_SERVER))
    return NULL;
  return CONTAINER(object, struct endpoint, object);
}
/* handle_remove and object_destroy. */
void handle_discard(struct object *object);
/* Closes all; when the process ends. */
void handle_close_all(struct kernel_process *process);
void handle_table_initialise(struct handle_table *table);
const char *handle_check(struct kernel_process *process);

/* ---- quota.c ---- */
bool quota_has(const struct kernel_process *process, uint64_t memory, uint32_t handles);
bool quota_has_image(const struct kernel_process *process);
void object_initialise(struct object *object, enum signet_kind kind, uint64_t charge);
/* Charges the object to `payer` (or nobody) instead of whom it was charged to. The caller has checked the quota. */
void object_charge(struct object *object, struct kernel_process *payer);
/* Destroys an object that is in no table and no message. */
void object_destroy(struct object *object);
bool quota_take_for_child(struct kernel_process *parent, const struct signet_quota *quota);
/* Undoes quota_take_for_child. */
void quota_give_back(struct kernel_process *parent, const struct signet_quota *quota);
void quota_return(struct kernel_process *process);

/* ---- contract.c ---- */
/* `blob`: 8-byte aligned, of a length that contract_length_valid has passed. */
enum signet_status contract_find(const void *blob, uint64_t length, struct contract **contract);
/* Does the contract let a message of that length through, of which the rest is right? */
static inline bool contract_length_fits(const struct signet_contract_message *row, uint32_t length) {
  return length >= row->length_least && length <= row->length_most &&
         (!row->step || !((length - row->length_least) % row->step));
}
/* The messages that the contract allows an end to send in a state: bit N for message N, bit 63 for all from 63 on. */
uint64_t contract_allows(const struct contract *contract, uint8_t state, uint8_t side);
/* Of an object of the right kind: may it be the message's moved object of that index? */
bool contract_moved_fits(const struct contract *contract, uint32_t tag, uint32_t index, const struct object *object);
bool contract_length_valid(uint64_t length);
void contract_release(struct contract *contract);

/* ---- channel.c ---- */
enum signet_status channel_create(struct contract *contract, struct channel **channel);
uint64_t channel_end_charge(const struct contract *contract, unsigned side);
void endpoint_close(struct endpoint *endpoint);
static inline struct endpoint *endpoint_peer(struct endpoint *endpoint) { return endpoint->peer; }
static inline void endpoint_set_state(struct endpoint *endpoint, uint8_t state) {
  endpoint->state = state;
  endpoint->peer->state = state;
}
static inline struct slot *endpoint_slot(const struct endpoint *endpoint, uint32_t index) {
  uint32_t place = endpoint->head + index;
  if (place >= endpoint->limit)
    place -= endpoint->limit;
  return (struct slot *)(endpoint->slots + (size_t)place * endpoint->channel->slot_size);
}

/* Receives the oldest message there, for a buffer that is good; on any error it stays. */
struct signet_result channel_take(struct kernel_process *process, struct endpoint *endpoint, uint64_t message,
                                  uint64_t capacity);
enum signet_status channel_buffer_valid(uint64_t message, uint64_t capacity);

/* ---- set.c ---- */
/* A member: a message came, or its peer closed. */
void set_arrived(struct endpoint *member);
/* A message was received from it. */
void set_taken(struct endpoint *member);
void set_leave(struct endpoint *member);
/* The thread was woken by the set of its set_receive, but will not make that call again. */
void set_wake_another(struct thread *thread);
void set_destroy(struct set *set);

/* ---- trace.c ---- */
/* There is a trace: a message is about to be sent, or refused; and was. */
void trace_sending(const struct kernel_process *process, const struct endpoint *from, uint64_t message);
void trace_sent(const struct endpoint *from, enum signet_status status);

/* ---- handover.c ---- */
/* What a thread that never made a channel_call asked, and who asked an end that nobody did. */
extern struct endpoint nowhere;
extern struct thread nobody;
/* The thread's arguments are another call's. */
void handover_forget(struct thread *thread);

/* ---- block.c ---- */
/* Finds room in the process's window and maps the block there. MEMORY or QUOTA: unchanged. */
enum signet_status block_map(struct block *block, struct kernel_process *process);
void block_unmap(struct block *block, struct kernel_process *process);
void block_destroy(struct block *block);

/* ---- regions.c ---- */
bool regions_reserve(struct regions *regions, uint32_t more);
/* How many regions there would be, and how many bytes of the range are in some, after carving the range out. */
uint32_t regions_count_without(const struct regions *regions, uint32_t low, uint32_t high, uint64_t *bytes);
/* The same with one region put there, joined to neighbours of the same protection. */
uint32_t regions_count_with(const struct regions *regions, uint32_t low, uint32_t high, uint32_t protection,
                            uint64_t *bytes);
/* Neither fails after regions_reserve(2). */
void regions_carve(struct regions *regions, uint32_t low, uint32_t high);
void regions_insert(struct regions *regions, uint32_t low, uint32_t high, uint32_t protection, bool merge);
/* First place of `length` bytes within low .. high, 0 if there is none. */
uint32_t regions_find_gap(const struct regions *regions, uint32_t low, uint32_t high, uint64_t length);
void regions_release(struct regions *regions);
const char *regions_check(const struct regions *regions, uint32_t low, uint32_t high);

/* ---- image.c, elf.c ---- */
/* Without the lock. On IMAGE the refusal says why. The image has one reference for the caller. */
enum signet_status image_load(const void *bytes, size_t length, struct kernel_image **image,
                              struct kernel_refusal *refusal);
void image_reference(struct kernel_image *image);
void image_release(struct kernel_image *image);
/* Reads hostile bytes; fills in segments, entry, note. False: refused. No lock. */
bool elf_parse(const uint8_t *bytes, size_t length, struct kernel_image *image, struct kernel_refusal *refusal);

/* ---- text.c ---- */
void refuse(struct kernel_refusal *refusal, const char *text);
/* Adds to the sentence, as far as there is room. */
void refuse_add(struct kernel_refusal *refusal, const char *text);
void refuse_add_number(struct kernel_refusal *refusal, uint64_t number);

/* ---- start.c ---- */
/* In this order, for a process that is known to nobody else yet. */
void start_layout(struct kernel_process *process, uint64_t stack, uint32_t startup_length);
bool start_map_image(const struct kernel_process *process);
bool start_map_rest(const struct kernel_process *process);
enum signet_status start_run(struct kernel_process *process);
uint64_t start_charge(const struct kernel_image *image, uint64_t stack, uint32_t startup_length);

/* ---- process.c ---- */
/* With the lock, which it gives up for a while. The start-up bytes are the host's, or in the parent's window. */
enum signet_status process_make(struct kernel_process *parent, struct kernel_image *image,
                                const struct signet_process_specification *specification, const void *startup,
                                struct kernel_process **process);
/* May a slot of the process be filled with this? */
enum signet_status process_may_fill(struct kernel_process *process, uint64_t slot, uint64_t memory);
/* Ends it and its descendants; what runs on another processor ends when that enters the kernel. */
void process_end(struct kernel_process *process, const struct signet_ending *ending);
/* Frees it if it is stopped and nobody holds it. */
void process_reap(struct kernel_process *process);
/* Takes apart a process whose thread has left the processor, and its ancestors that waited for it. */
void process_finish(struct kernel_process *process);

/* ---- thread.c ---- */
struct thread *thread_create(struct kernel_process *process, uint32_t entry, uint32_t stack, uint64_t argument,
                             uint64_t thread_pointer);
void thread_destroy(struct thread *thread);

/* ---- wait.c ---- */
/* The current thread waits on these lists. False: no memory. */
bool wait_nodes_reserve(struct thread *thread, uint32_t count);
void wait_on_list(struct thread *thread, struct list *waiters);
void wait_at(struct thread *thread, struct endpoint *endpoint);
/* How many lists it came to wait on before this one. */
uint32_t wait_place(const struct thread *thread, const struct wait_node *node);
struct signet_result wait_begin(struct thread *thread, enum wait_kind kind, uint64_t deadline);
/* Ends whatever the thread waits for; it stays off every list. */
void wait_cancel(struct thread *thread);
void wait_wake_all(struct list *waiters);
void wait_wake_at(struct endpoint *endpoint);
bool wait_deadline_passed(uint64_t deadline);

/* ---- timer.c ---- */
bool timer_reserve(void);
void timer_arm(struct thread *thread, uint64_t deadline);
void timer_disarm(struct thread *thread);
/* Wakes those whose deadline has passed. */
void timer_expire(void); /* there are deadlines */
static inline uint64_t timer_next(void) { return kernel.timer_count ? kernel.timers[1]->deadline : SIGNET_NEVER; }

/* ---- schedule.c ---- */
/* With the lock. Gives the processor to the next thread. */
_Noreturn void schedule(void);
/* The waiting thread becomes ready; `retry`: its call is made again. */
void schedule_ready(struct thread *thread, bool retry);
/* Becomes the last of its process's ready threads. */
static inline void ready_append(struct thread *thread) {
  thread->state = THREAD_READY;
  list_append(&thread->process->ready, &thread->turn_link);
  thread->process->ready_count++;
}
static inline void ready_remove(struct thread *thread) {
  list_remove(&thread->turn_link);
  thread->process->ready_count--;
}
void schedule_forget(struct kernel_process *process);
void schedule_charge(struct cpu *cpu);
/* Others wait for this processor. */
bool schedule_others(const struct cpu *cpu);
/* The processor's process goes behind the others, if there are any. */
void schedule_rotate(struct cpu *cpu);
/* This processor will be long in the kernel, without the lock: others may take what waits for it. */
void schedule_share(struct cpu *cpu);

/* ---- event.c ---- */
void event_deliver(struct kernel_process *process);

/* ---- device.c ---- */
/* Of its first holder; charged to nobody and in no table yet, like what device_lend makes. NULL: no memory. */
struct device *device_create(struct port_device *port);
/* What the borrower is to hold. Until that is closed the lender cannot use the device. STATE: it is lent. MEMORY. */
enum signet_status device_lend(struct device *device, struct device **lent);
/* The holder is rid of it: the device goes back to who lent it, or stays with who borrowed it; or closes for good. */
void device_close(struct device *device);
/* The thread no longer waits for a device. */
void device_forget(struct thread *thread);
/* Its holder loses the device: threads that wait for it make their calls again, and are told so. */
void device_wake_all(struct device *device);

/* ---- call.c ---- */
/* A call in the general way, by the thread that runs here; with the lock, which it gives up. */
struct signet_result call_locked(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t number);
typedef struct signet_result call_function(struct thread *thread, const uint64_t *arguments);
extern call_function *const call_table[SIGNET_CALL_COUNT];
/* The range is within the window. */
static inline bool range_valid(uint64_t offset, uint64_t length) {
  return offset < WINDOW_BYTES && length <= WINDOW_BYTES - offset;
}
static inline uint64_t page_up(uint64_t length) { return (length + PAGE_MASK) & ~(uint64_t)PAGE_MASK; }
/* A place where code of the process may be entered. */
static inline bool entry_valid(const struct kernel_process *process, uint64_t entry) {
  const struct segment *code = &process->image->segment[0];
  return !(entry % SIGNET_BUNDLE) && entry >= code->offset && entry < (uint64_t)code->offset + code->length;
}

#define CALL_DECLARE(number, name, arguments) call_function call_##name;
SIGNET_CALLS(CALL_DECLARE)
#undef CALL_DECLARE

#endif
