/* The ABI: all that a sealed process can see of the kernel. Read by the kernel, by sealed programs, and by the host
 * tools that describe processes. Values and offsets in the caller's own window only; never a kernel pointer.
 *
 * Every call returns a status and a value. A call that returns an error has changed nothing. Offsets are of the
 * caller's window; a structure that the kernel reads or writes is 8-byte aligned. Times are nanoseconds of
 * CLOCK_MONOTONIC unless said otherwise; a deadline is absolute, SIGNET_NEVER waits for ever, 0 polls. */
#ifndef SIGNET_ABI_H
#define SIGNET_ABI_H

#include <stdint.h>

#include <signet/layout.h>

#define SIGNET_ABI_VERSION 1u
#define SIGNET_NEVER UINT64_MAX

/* The one error type. Text for each is in signet_status_text (lib/ and cli/ generate it from this list). */
#define SIGNET_STATUSES(X)                                                                                             \
  X(OK, 0, "no error")                                                                                                 \
  X(ARGUMENT, 1, "an argument is out of its range")                                                                    \
  X(ADDRESS, 2, "memory that the caller cannot use so")                                                                \
  X(HANDLE, 3, "not a handle of the caller, or one of another kind")                                                   \
  X(MEMORY, 4, "the machine has no memory left")                                                                       \
  X(QUOTA, 5, "the process's quota is used up")                                                                        \
  X(FULL, 6, "the channel's queue is full")                                                                            \
  X(CLOSED, 7, "the other end of the channel is closed")                                                               \
  X(TIMEOUT, 8, "the deadline has passed")                                                                             \
  X(CONTRACT, 9, "the contract does not allow this message here")                                                      \
  X(STATE, 10, "the object is not in a state that allows this")                                                        \
  X(AGAIN, 11, "the word did not hold the expected value")                                                             \
  X(INTERRUPTED, 12, "an event arrived while the call waited")                                                         \
  X(IMAGE, 13, "not an image that may run: the verifier or the loader refused it")                                     \
  X(DENIED, 14, "the manifest does not grant this")                                                                    \
  X(UNSUPPORTED, 15, "there is no such call or operation")                                                             \
  X(DEVICE, 16, "the device failed; the value is the device's own error number")                                       \
  X(CAPACITY, 17, "the buffer given is too small; the value is the size needed")

enum signet_status {
#define SIGNET_STATUS_ENUM(name, number, text) SIGNET_##name = number,
  SIGNET_STATUSES(SIGNET_STATUS_ENUM)
#undef SIGNET_STATUS_ENUM
};

/* What every call returns, in %rax and %rdx. */
struct signet_result {
  int64_t status; /* enum signet_status */
  uint64_t value; /* meaning depends on the call; 0 when the status is an error, unless said otherwise */
};

/* The calls: number, name, number of arguments. The entry table's slot of call N is at SIGNET_ENTRY_TABLE + 8 * N.
 * docs/abi.md is generated from the comments of this list. */
#define SIGNET_CALLS(X)                                                                                                \
  /* abi_version() -> the version. The null call: what it costs is what leaving costs. */                              \
  X(0, abi_version, 0)                                                                                                 \
  /* process_exit(kind, code): ends the process; kind is SIGNET_ENDED_EXIT or SIGNET_ENDED_SIGNAL, code 0..255. */     \
  X(1, process_exit, 2)                                                                                                \
  /* thread_create(entry, stack, argument, thread_pointer) -> its number, 1 and up. It starts at entry (a bundle start \
   * in the code segment) with %rdi = argument and %rsp = stack (16-byte aligned). */                                  \
  X(2, thread_create, 4)                                                                                               \
  /* thread_exit(clear): if clear is not 0, the 32-bit word there becomes 0 and one waiter on it is woken. The last    \
   * thread's exit ends the process with exit code 0. */                                                               \
  X(3, thread_exit, 1)                                                                                                 \
  /* thread_yield(): lets others run. */                                                                               \
  X(4, thread_yield, 0)                                                                                                \
  /* word_wait(word, expected, deadline): sleeps until woken, if the 32-bit word holds expected; else AGAIN. */        \
  X(5, word_wait, 3)                                                                                                   \
  /* word_wake(word, most) -> how many threads of this process were woken. */                                          \
  X(6, word_wake, 2)                                                                                                   \
  /* memory_map(offset, length, protection): zeroed memory, page-aligned, within the process's area; what was mapped   \
   * there is replaced. */                                                                                             \
  X(7, memory_map, 3)                                                                                                  \
  /* memory_unmap(offset, length): what is not mapped there is passed over. */                                         \
  X(8, memory_unmap, 2)                                                                                                \
  /* memory_protect(offset, length, protection): all of it must be mapped; never executable. */                        \
  X(9, memory_protect, 3)                                                                                              \
  /* clock_read(clock) -> nanoseconds; SIGNET_CLOCK_*. */                                                              \
  X(10, clock_read, 1)                                                                                                 \
  /* random_fill(offset, length): cryptographic random bytes, at most 64 KiB. */                                       \
  X(11, random_fill, 2)                                                                                                \
  /* floating_point_control(mxcsr, x87): rounding, flush-to-zero and precision bits, for this thread; exceptions stay  \
   * masked: a bit that is not such a bit is an ARGUMENT error. */                                                     \
  X(12, floating_point_control, 2)                                                                                     \
  /* event_listen(entry): entry (a bundle start) is called, with %rdi = event, when an event (SIGNET_EVENT_*) arrives  \
   * for the process, on its first thread, 256 bytes below its %rsp; 0 stops listening. Without a listener an event    \
   * ends the process as that signal would. */                                                                         \
  X(13, event_listen, 1)                                                                                               \
  /* event_return(): ends the handling of an event: the thread goes on where it was. */                                \
  X(14, event_return, 0)                                                                                               \
  /* channel_create(contract, length) -> client handle in the low 32 bits, server handle in the high. */               \
  X(15, channel_create, 2)                                                                                             \
  /* channel_send(endpoint, message): checked against the contract; handles in it move. To a closed peer it succeeds   \
   * and the message is dropped with what it carried. CONTRACT: the value is the set of messages that it does allow    \
   * this end to send here, bit N for message N; bit 63 for all from 63 on. It is none of them as long as messages     \
   * wait here: what has not been read cannot be answered. So FULL never comes where each state of a contract is the   \
   * turn of one side, and the queues have room for all that it may say in one turn. */                                \
  X(16, channel_send, 2)                                                                                               \
  /* channel_receive(endpoints, count, message, capacity, deadline) -> the index of the endpoint (an array of 32-bit   \
   * handles, at most 64) whose oldest message was written to message, at most capacity bytes in all. CLOSED: value is \
   * the index of an endpoint that is closed with nothing left in its queue. CAPACITY, QUOTA, MEMORY: the message      \
   * stays. */                                                                                                         \
  X(17, channel_receive, 5)                                                                                            \
  /* channel_call(endpoint, message, reply, capacity, deadline): a send, then a receive on the same endpoint. CONTRACT \
   * is the send's, with its value. TIMEOUT, INTERRUPTED and the receive's other errors come after the send, which has \
   * happened then. */                                                                                                 \
  X(18, channel_call, 5)                                                                                               \
  /* handle_close(handle): an endpoint, block, image, device, or child (which is stopped). */                          \
  X(19, handle_close, 1)                                                                                               \
  /* handle_query(handle, information): writes struct signet_handle_information. */                                    \
  X(20, handle_query, 2)                                                                                               \
  /* block_allocate(length) -> handle in the low 32 bits, offset in the high; zeroed, rounded up to pages. */          \
  X(21, block_allocate, 1)                                                                                             \
  /* image_load(block, length) -> image handle. The block is consumed. IMAGE when refused, QUOTA when it holds as many \
   * images as its quota of processes lets it. */                                                                      \
  X(22, image_load, 2)                                                                                                 \
  /* process_create(specification) -> child handle; the child is unstarted and its quota taken from the caller's. */   \
  X(23, process_create, 1)                                                                                             \
  /* process_grant(child, slot, handle): moves an endpoint, block or image into a start-up slot of an unstarted child. \
   * A device is lent: the caller keeps its handle, gets STATE for requests on it, and may lend it again when that     \
   * child has ended or has closed its own; it is then as it was when it was new. */                                   \
  X(24, process_grant, 3)                                                                                              \
  /* process_start(child): STATE until every slot is filled. */                                                        \
  X(25, process_start, 1)                                                                                              \
  /* process_stop(child): its children first; ends as SIGNET_ENDED_STOPPED. */                                         \
  X(26, process_stop, 1)                                                                                               \
  /* process_wait(child, ending, deadline): writes struct signet_ending once the child is stopped, and closes the      \
   * handle. */                                                                                                        \
  X(27, process_wait, 3)                                                                                               \
  /* device_request(device, request) -> the device's answer; struct signet_device_request. */                          \
  X(28, device_request, 2)                                                                                             \
  /* process_usage(usage): writes struct signet_usage of the caller. */                                                \
  X(29, process_usage, 1)                                                                                              \
  /* process_event(child, event): SIGNET_EVENT_* arrives for a running child; STATE for one that is not started or has \
   * ended. */                                                                                                         \
  X(30, process_event, 2)                                                                                              \
  /* set_create() -> handle of a set of endpoints. */                                                                  \
  X(31, set_create, 0)                                                                                                 \
  /* set_insert(set, endpoint, key): the endpoint is in that set, and no other, until it is closed, moved or granted.  \
   * STATE when it is in one. */                                                                                       \
  X(32, set_insert, 3)                                                                                                 \
  /* set_receive(set, message, capacity, deadline) -> the key of the endpoint whose oldest message was written. As     \
   * channel_receive on all of the set, each in its turn, at a cost that does not grow with their number. CLOSED: the  \
   * value is the key, again in each turn until it is closed here too. QUOTA, MEMORY: the message stays, and the value \
   * is the key. CAPACITY: it stays, and it is still its turn. What is inserted while a thread waits counts too, and   \
   * of several that wait a message wakes one. */                                                                      \
  X(33, set_receive, 4)                                                                                                \
  /* process_observe(what, after, buffer, length) -> how many records were written, at most 64: SIGNET_OBSERVE_* of    \
   * the caller and of those that descend from it, in the order of their numbers, from the first that is greater than  \
   * `after`; 0 when there is none. ARGUMENT when not even one fits. */                                                \
  X(34, process_observe, 4)

enum signet_call_number {
#define SIGNET_CALL_ENUM(number, name, arguments) SIGNET_CALL_##name = number,
  SIGNET_CALLS(SIGNET_CALL_ENUM)
#undef SIGNET_CALL_ENUM
      SIGNET_CALL_COUNT
};

enum signet_protection { SIGNET_PROTECT_NONE = 0, SIGNET_PROTECT_READ = 1, SIGNET_PROTECT_WRITE = 3 /* and read */ };

enum signet_clock {
  SIGNET_CLOCK_MONOTONIC = 0,
  SIGNET_CLOCK_REALTIME = 1, /* since 1970 UTC */
  SIGNET_CLOCK_PROCESS = 2,  /* processor time of this process */
  SIGNET_CLOCK_THREAD = 3,
};

/* Events are numbered as the signals they stand for. */
enum signet_event {
  SIGNET_EVENT_HANGUP = 1,
  SIGNET_EVENT_INTERRUPT = 2,
  SIGNET_EVENT_QUIT = 3,
  SIGNET_EVENT_TERMINATE = 15,
  SIGNET_EVENT_WINDOW_SIZE = 28
};

/* How a process ended, and for a fault what it did. */
enum signet_ended {
  SIGNET_ENDED_NOT = 0,
  SIGNET_ENDED_EXIT = 1,    /* code: its exit status */
  SIGNET_ENDED_SIGNAL = 2,  /* code: the signal it says it died of, or that an event stood for */
  SIGNET_ENDED_FAULT = 3,   /* code: enum signet_fault */
  SIGNET_ENDED_STOPPED = 4, /* by its parent, or with it */
};

enum signet_fault {
  SIGNET_FAULT_READ = 1, /* of memory that is not mapped, or guarded */
  SIGNET_FAULT_WRITE = 2,
  SIGNET_FAULT_EXECUTE = 3, /* a jump to where no code is */
  SIGNET_FAULT_DIVIDE = 4,
  SIGNET_FAULT_FLOATING_POINT = 5,
  SIGNET_FAULT_INSTRUCTION = 6, /* ud2, or one this processor lacks */
  SIGNET_FAULT_TRAP = 7,        /* int3: a place never meant to be reached */
  SIGNET_FAULT_GENERAL = 8,     /* any other processor exception */
  SIGNET_FAULT_STACK = 9,       /* a kernel call with no usable stack */
};

struct signet_ending {
  uint32_t kind; /* enum signet_ended */
  uint32_t code;
  uint32_t instruction; /* offset of the faulting instruction */
  uint32_t thread;
  uint64_t address; /* the offset that was touched (a fault of memory); all 64 bits if outside the window */
};

/* A message: this header, `moved`, then `length` bytes of data at SIGNET_MESSAGE_DATA. */
#define SIGNET_MESSAGE_MOVED 4
#define SIGNET_MESSAGE_DATA_MOST 8192

enum signet_kind {
  SIGNET_KIND_NONE = 0,
  SIGNET_KIND_CLIENT = 1, /* client end of a channel */
  SIGNET_KIND_SERVER = 2,
  SIGNET_KIND_BLOCK = 3,
  SIGNET_KIND_IMAGE = 4,
  SIGNET_KIND_PROCESS = 5,
  SIGNET_KIND_DEVICE = 6,
  SIGNET_KIND_SET = 7, /* of endpoints; stays with who made it */
};

struct signet_moved {
  uint32_t handle; /* sent: the sender's; received: the receiver's */
  uint32_t kind;   /* written on receive: enum signet_kind */
  uint32_t offset; /* written on receive, blocks only: where it is in the window */
  uint32_t length; /* written on receive, blocks only: bytes */
};

struct signet_message {
  uint32_t tag;    /* message number in the contract */
  uint32_t length; /* bytes of data */
  uint32_t moved_count;
  uint32_t reserved; /* 0 */
  struct signet_moved moved[SIGNET_MESSAGE_MOVED];
  /* data follows */
};
#define SIGNET_MESSAGE_DATA 80 /* sizeof(struct signet_message) */

/* A contract as the kernel checks it: this header, `messages` rows, then next[states][messages] bytes: the state after
 * that message is sent in that state, or SIGNET_CONTRACT_REFUSED. State 0 is the first. The channel has one state.
 *
 * That was version 1, in which `step` is 0. In version 2 there follows, at the next multiple of 8, with 0 in between, a
 * struct signet_contract_moved for each thing that a message moves, in the order of the rows. */
#define SIGNET_CONTRACT_VERSION 2
#define SIGNET_CONTRACT_REFUSED 0xff
#define SIGNET_CONTRACT_SLOTS_MOST 64
#define SIGNET_CONTRACT_ANY_STATE UINT32_MAX

struct signet_contract_message {
  uint8_t to_client; /* 0: client to server; 1: server to client */
  uint8_t moved_count;
  uint8_t moved_kind[SIGNET_MESSAGE_MOVED]; /* enum signet_kind: CLIENT, SERVER or BLOCK */
  uint16_t step;                            /* data lengths are length_least plus a multiple of this; 0: any */
  uint32_t length_least, length_most;       /* bytes of data */
};

/* What a moved endpoint or block has to be. An endpoint is in a state in which it may send, its queue empty. */
struct signet_contract_moved {
  uint8_t identity[32]; /* endpoint: its contract's, as handle_query tells; all 0: of any; all 0xff: this contract */
  uint32_t state;       /* endpoint: the state its channel is in, or SIGNET_CONTRACT_ANY_STATE */
  uint32_t reserved;    /* 0 */
  uint64_t length_least, length_most; /* block: bytes, each rounded up to whole pages; endpoint: 0 */
};

struct signet_contract {
  uint32_t version;
  uint16_t messages;                         /* 1..255 */
  uint16_t states;                           /* 1..254 */
  uint16_t slots_to_server, slots_to_client; /* 1..SIGNET_CONTRACT_SLOTS_MOST: messages queued at most */
  uint32_t data_most;                        /* the largest length_most, at most SIGNET_MESSAGE_DATA_MOST */
  uint8_t identity[32];                      /* hash of the contract's content */
};

#define SIGNET_PRINCIPAL_MOST 128 /* bytes, with the NUL; what is longer lacks its beginning, and starts with "~/" */

struct signet_handle_information {
  uint32_t kind;             /* enum signet_kind */
  uint32_t length;           /* block: bytes */
  uint32_t offset;           /* block */
  uint32_t queued;           /* endpoint: messages waiting here */
  uint32_t peer_closed;      /* endpoint */
  uint32_t state;            /* endpoint: the channel's; process: enum signet_process_state */
  uint8_t identity[32];      /* endpoint: the contract's; image, process: the image's hash */
  uint8_t peer_identity[32]; /* endpoint: the hash of the image of the process that holds the other end, or 0 */
  char peer_name[32];        /* endpoint: that process's name; process: its name */
  /* endpoint: who holds the other end, as the kernel knows it: the names of those who started it, the first to the
   * last, and its own, parted by '/'. Names have no '/' in them. process: the child's. "" when it is nobody. */
  char peer_principal[SIGNET_PRINCIPAL_MOST];
};

enum signet_process_state {
  SIGNET_PROCESS_UNSTARTED = 0,
  SIGNET_PROCESS_RUNNING = 1,
  SIGNET_PROCESS_STOPPING = 2,
  SIGNET_PROCESS_STOPPED = 3,
};

/* Limits of a process; a child's are taken from its parent's while it lives. */
struct signet_quota {
  uint64_t memory; /* bytes mapped: image data, stack, memory_map, blocks held */
  uint32_t threads;
  uint32_t handles;
  uint32_t regions;   /* separate mappings */
  uint32_t processes; /* children alive at once, and theirs; for each, two images may be held */
};

struct signet_usage {
  struct signet_quota limit;
  struct signet_quota used;
  uint64_t calls; /* kernel calls made */
};

/* What process_observe tells. Numbers are never used again, and are the whole system's: they tell an observer how many
 * processes and channels others have made meanwhile, and nothing else of them. */
enum signet_observe { SIGNET_OBSERVE_PROCESSES = 1, SIGNET_OBSERVE_CHANNELS = 2 };

struct signet_observed_process {
  uint32_t number;
  uint32_t parent; /* its number; 0: none */
  uint32_t state;  /* enum signet_process_state */
  uint32_t threads;
  char name[32];
  uint8_t image[32]; /* hash */
  struct signet_quota limit, used;
  uint64_t started;  /* CLOCK_MONOTONIC; 0: it was not */
  uint64_t time;     /* processor time, nanoseconds */
  uint64_t calls;    /* kernel calls made */
  uint64_t messages; /* sent, over channels that are still there or not */
};

/* In place of the number of who holds an end: it is closed; or held by a process that the caller may not observe, of
 * which handle_query tells all that can be known. */
#define SIGNET_OBSERVED_CLOSED UINT32_MAX
#define SIGNET_OBSERVED_ELSEWHERE (UINT32_MAX - 1)

/* A channel of which a process that may be observed holds an end, or sent it in a message that nobody has received yet.
 * [0] is the client's, [1] the server's. */
struct signet_observed_channel {
  uint64_t number;
  uint8_t identity[32];
  uint32_t state;
  uint32_t process[2];  /* who holds that end: its number, or SIGNET_OBSERVED_*; 0: it travels in a message */
  uint32_t queued[2];   /* messages that wait at that end */
  uint32_t reserved;    /* 0 */
  uint64_t messages[2]; /* sent by that end */
};

#define SIGNET_SLOTS_MOST 32
#define SIGNET_STARTUP_BYTES_MOST (1u << 20)

struct signet_process_specification {
  uint32_t image;                          /* handle; stays the caller's */
  uint32_t slots;                          /* start-up handles the child expects, at most SIGNET_SLOTS_MOST */
  uint32_t startup_offset, startup_length; /* bytes copied to the child, at most SIGNET_STARTUP_BYTES_MOST */
  uint64_t stack;                          /* bytes of main stack, rounded up to pages; 0: 8 MiB */
  struct signet_quota quota;
  char name[32]; /* NUL-terminated; no '/', no control character, no '~' in front */
};

/* What a process finds at the offset in %rdi when it starts. %rsp is 16-byte aligned, every other register is 0. */
struct signet_startup {
  uint32_t abi_version;
  uint32_t slots;
  uint32_t handles[SIGNET_SLOTS_MOST];
  uint32_t image_low, image_high;      /* the image as loaded */
  uint32_t stack_low, stack_high;      /* main stack */
  uint32_t area_low, area_high;        /* what memory_map may map */
  uint32_t bytes_offset, bytes_length; /* the parent's start-up bytes */
};

/* Devices are a port's: what an operation means is in include/signet/device.h. */
struct signet_device_request {
  uint32_t operation;
  uint32_t buffer_offset, buffer_length; /* in the caller's window; read or written as the operation says */
  uint32_t text_offset, text_length;     /* names, at most 4096 bytes */
  uint32_t text2_offset, text2_length;
  uint32_t reserved;
  uint64_t arguments[4];
};

#endif
