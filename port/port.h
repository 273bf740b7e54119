/* What a platform gives the kernel. Each port implements these; the kernel calls nothing else of the outside.
 * Unless said otherwise a function is called with the kernel lock held, from a CPU's kernel stack, and does not wait.
 *
 * "Window" is an index, 0 .. port_window_count() - 1, of a 4 GiB slot of address space. The kernel passes only offsets
 * that it has checked to be page-aligned and inside the window's mappable part; ports may assert it. */
#ifndef PORT_PORT_H
#define PORT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <signet/abi.h>

/* ---- Memory of the kernel ---- */

/* Zeroed, page-aligned; NULL when there is none. `length` is a multiple of 4096. Never executable. */
void *port_pages_allocate(size_t length);
void port_pages_free(void *pages, size_t length);

/* ---- Windows ---- */

uint32_t port_window_count(void);
/* Makes the entry table and the (zeroed) thread page of a window appear; the rest is inaccessible. False: no memory. */
bool port_window_create(uint32_t window);
/* Everything in the window becomes inaccessible and its memory is given back. Cannot fail. */
void port_window_destroy(uint32_t window);
/* Zeroed private memory, replacing what was there. NONE reserves nothing and is the same as unmap. False: no memory. */
bool port_window_map(uint32_t window, uint32_t offset, uint64_t length, enum signet_protection protection);
/* Inaccessible, and the memory given back. False: no memory (to keep books on what is left around it). */
bool port_window_unmap(uint32_t window, uint32_t offset, uint64_t length);
/* False: no memory (the old protection stays). */
bool port_window_protect(uint32_t window, uint32_t offset, uint64_t length, enum signet_protection protection);

/* Copies between the kernel and a window. False if any of it cannot be accessed so (then a part may have been copied
 * out). The range has been checked to lie within 0 .. 2^32. */
bool port_copy_in(void *to, uint32_t window, uint32_t from, size_t length);
bool port_copy_out(uint32_t window, uint32_t to, const void *from, size_t length);
/* From one window to another, or within one (what overlaps ends up as any mix). False if any of it cannot be accessed
 * so (then a part may have been copied). */
bool port_copy_across(uint32_t from_window, uint32_t from, uint32_t to_window, uint32_t to, size_t length);
/* The same for two words, 8-byte aligned, of the window of the thread that runs on this processor. */
bool port_load_pair(uint32_t window, uint32_t offset, uint64_t *first, uint64_t *second);
/* Puts two words at `to`, 8-byte aligned, and copies `length` bytes from `gap` bytes beyond `from`, of the window of
 * the thread that runs on this processor, to as far beyond `to`. */
bool port_copy_after_pair(uint32_t from_window, uint32_t from, uint32_t to_window, uint32_t to, uint64_t first,
                          uint64_t second, uint32_t gap, uint32_t length);
/* One aligned 32-bit word, atomically. */
bool port_load_word(uint32_t window, uint32_t offset, uint32_t *value);
bool port_store_word(uint32_t window, uint32_t offset, uint32_t value);

/* ---- Images: memory that nobody can change ---- */

struct port_image;
/* Copies bytes to new memory that is write-sealed before this returns. NULL: no memory. May be slow; called without the
 * lock. */
struct port_image *port_image_create(const void *bytes, size_t length);
/* The sealed bytes, readable by the kernel for as long as the image lives. */
const void *port_image_bytes(const struct port_image *image);
/* Maps pages of the image: executable and readable (`code`), or private (copy on write) with `protection`. Only images
 * whose code the verifier has passed are mapped as code, and only by this function. May be slow; called without the
 * lock, for a window whose process is not running. False: no memory. */
bool port_image_map(const struct port_image *image, uint64_t image_offset, uint32_t window, uint32_t offset,
                    uint64_t length, bool code, enum signet_protection protection);
void port_image_destroy(struct port_image *image);
/* Bits of VERIFIER_FEATURES that the processor and the platform have. */
uint32_t port_features(void);

/* ---- Blocks of the exchange heap ---- */

struct port_block;
/* Zeroed; `length` a multiple of 4096. NULL: no memory. */
struct port_block *port_block_create(uint64_t length);
void port_block_destroy(struct port_block *block, uint64_t length);
/* Readable and writable at `offset`. A block is mapped in one window at most. False: no memory. */
bool port_block_map(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset);
/* Ends access. Cannot fail. */
void port_block_unmap(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset);
/* The kernel's own view of a block that is mapped nowhere; valid until the block is mapped or destroyed. */
const void *port_block_bytes(struct port_block *block, uint64_t length);

/* ---- Processors and time ---- */

#define PORT_CPUS_MOST 64
uint32_t port_cpu_count(void);
/* The number of the processor this runs on, 0 .. count - 1. Any thread of the kernel. */
uint32_t port_cpu_self(void);
/* The kernel lock: one, not recursive. */
void port_lock(void);
void port_unlock(void);
/* Called with the lock; gives it up, sleeps until port_wake for this processor or the deadline, takes it again. May
 * return early. What this processor still holds of a thread's registers is in its context before the lock is given up:
 * another processor may resume it. */
void port_idle(uint64_t deadline);
/* Ends the sleep of that processor, or keeps its next sleep from beginning. Any thread. */
void port_wake(uint32_t cpu);
/* While a process runs, the port calls kernel_preempted at least every 4 ms on its processor. */

/* Nanoseconds; MONOTONIC and REALTIME, with or without the lock; and PROCESS: the time that this processor has worked,
 * from some start, which may step back by what turns out to have been taken from it. */
uint64_t port_clock(enum signet_clock clock);
/* Cryptographic. With or without the lock. */
void port_random(void *bytes, size_t length);

/* ---- Threads of processes ---- */

/* The registers of a thread that is not running, in memory of the kernel. */
struct port_context;
/* NULL: no memory. The thread will start at `entry` with %rsp = stack (offsets), %rdi = argument, thread pointer as
 * given, and default floating point control. */
struct port_context *port_context_create(uint32_t entry, uint32_t stack, uint64_t argument, uint64_t thread_pointer);
void port_context_destroy(struct port_context *context);
/* The result of the call in which this thread waits; seen when it is next resumed. */
void port_context_set_result(struct port_context *context, struct signet_result result);
/* Rounding and the like; the bits have been checked. Also of the running thread. */
void port_context_set_floating_point(struct port_context *context, uint32_t mxcsr, uint32_t x87);
/* Diverts the thread: when next resumed it runs `entry` with %rdi = event, %rsp 256 bytes below where it was, 16-byte
 * aligned less 8; what it was doing is kept inside the context. False if it is diverted already. */
bool port_context_divert(struct port_context *context, uint32_t entry, uint64_t event);
/* Undoes the diversion. False if it is not diverted. */
bool port_context_return(struct port_context *context);
/* Runs the thread in its window: gives up the kernel lock, and never returns. The kernel hears of this processor again
 * through kernel_call, kernel_preempted or kernel_fault, each with the lock not held and on this processor's empty
 * kernel stack. The port saves the thread's registers in `context` before each of them. */
_Noreturn void port_resume(struct port_context *context, uint32_t window);
/* port_context_set_result, then port_resume, of another thread than the one that ran last. */
_Noreturn void port_answer(struct port_context *context, uint32_t window, struct signet_result result);

/* ---- Devices ---- */

struct port_device;
/* Decoded and checked: offsets are in range, text is copied in (NUL-terminated, no NUL inside). */
struct port_request {
  uint32_t window;
  uint32_t operation;
  uint32_t buffer_offset, buffer_length;
  const char *text, *text2;
  uint64_t arguments[4];
  void *thread; /* the kernel's; given back by kernel_device_ready */
};
/* True: *result is the answer. False: it would wait; when it might not, the port calls
 * kernel_device_ready(request->thread) and the kernel makes the request again. Called without the lock, on the
 * processor of the calling thread. */
bool port_device_request(struct port_device *device, const struct port_request *request, struct signet_result *result);
/* The thread no longer waits for the device (it was stopped). After this returns, kernel_device_ready is not called for
 * it. */
void port_device_forget(struct port_device *device, void *thread);
/* The device is another's to use from here on, and as it was when it was new: open files, connections and modes of its
 * last holder are gone. Nobody waits for it. Cannot fail. */
void port_device_reset(struct port_device *device);
void port_device_close(struct port_device *device);

/* ---- Reports ---- */

struct kernel_report; /* kernel/kernel.h */
/* Something the owner of the system wants to hear of: the end of a process. Must not call the kernel. */
void port_report(const struct kernel_report *report);
/* The kernel's own state is broken: says so, with a trace, and stops everything. */
_Noreturn void port_panic(const char *file, int line, const char *condition);

#endif
