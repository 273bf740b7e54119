/* Tests of port/linux by itself, under a kernel of a few lines: the seal is attacked from the host program's thread and
 * from a processor thread, and small programs check what crosses the border between a process and the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include "port/linux/linux.h"

extern const uint8_t guest_code[4096];

static int tests, failures;

static void ok(bool good, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("%sok %d - ", good ? "" : "not ", ++tests);
  vprintf(format, arguments);
  putchar('\n');
  fflush(stdout);
  va_end(arguments);
  failures += !good;
}

/* ---- The kernel of this test: runs one context at a time and notes what happens ---- */

static sem_t work, done;
static void (*job)(void); /* run on the processor thread */
static struct port_context *running[2];
static uint32_t running_window[2];
static uint32_t current;

static struct {
  uint64_t argument[2];
  uint32_t preemptions, calls, in_sequence;
  bool ended, faulted;
  struct port_fault fault;
  uint32_t preemptions_most;
} seen;

_Noreturn void kernel_cpu_run(void) {
  for (;;) {
    while (sem_wait(&work) != 0)
      ;
    job();
    sem_post(&done);
  }
}

_Noreturn static void resume(void) {
  port_lock();
  port_resume(running[current], running_window[current]);
}

_Noreturn static void stop(void) {
  sem_post(&done);
  kernel_cpu_run();
}

struct signet_result kernel_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t number) {
  (void)a2, (void)a3, (void)a4;
  seen.calls++;
  if (number == SIGNET_CALL_abi_version)
    return (struct signet_result){SIGNET_OK, SIGNET_ABI_VERSION};
  if (number == SIGNET_CALL_thread_yield && running[1]) {
    port_lock();
    port_context_set_result(running[current], (struct signet_result){SIGNET_OK, 0});
    port_unlock();
    current ^= 1;
    resume();
  }
  seen.argument[0] = a0;
  seen.argument[1] = a1;
  seen.ended = true;
  stop();
}

/* Where the frame of a context is kept is the port's affair; the resumed address is what counts. */
static const uint8_t *frame_rip(const struct port_context *context);

_Noreturn void kernel_preempted(void) {
  seen.preemptions++;
  const uint8_t *rip = frame_rip(running[current]);
  if (rip && (rip[0] == 0xc3 || memcmp(rip, "\x4c\x09\x34\x24\xc3", 5) == 0))
    seen.in_sequence++;
  if (seen.preemptions >= seen.preemptions_most)
    stop();
  if (running[1])
    current ^= 1;
  resume();
}

_Noreturn void kernel_fault(const struct port_fault *fault) {
  seen.fault = *fault;
  seen.faulted = true;
  stop();
}

void kernel_device_ready(void *thread) { (void)thread; }

static const uint8_t *frame_rip(const struct port_context *context) {
  return context->current->framed ? linux_context_rip(context) : NULL;
}

static void on_processor(void (*what)(void)) {
  job = what;
  sem_post(&work);
  sem_wait(&done);
}

/* ---- Attacks on the seal: each must fail with one of two errors ---- */

static char *own_data;
static struct port_image *image;

static int attack_map(void) {
  return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}
static int attack_map_both(void) {
  return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno
                                                                                                                : 0;
}
static int attack_protect(void) { return mprotect(own_data, 4096, PROT_READ | PROT_EXEC) ? errno : 0; }
static int attack_pkey(void) {
  return syscall(SYS_pkey_mprotect, own_data, 4096, PROT_READ | PROT_EXEC, -1) ? errno : 0;
}
static void *own_code(void) { return (void *)((uintptr_t)&attack_map & ~4095ul); }
static int attack_code_writable(void) { return mprotect(own_code(), 4096, PROT_READ | PROT_WRITE) ? errno : 0; }
static int attack_code_unmap(void) { return munmap(own_code(), 4096) ? errno : 0; }
static int attack_code_replace(void) {
  return mmap(own_code(), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? errno : 0;
}
static int attack_code_move(void) {
  return mremap(own_code(), 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, own_data) == MAP_FAILED ? errno : 0;
}
static int attack_constants(void) {
  return mprotect((void *)((uintptr_t)guest_code & ~4095ul), 4096, PROT_READ | PROT_WRITE) ? errno : 0;
}
static int attack_memory_file(void) { return open("/proc/self/mem", O_RDWR) < 0 ? errno : 0; }
static int attack_memory_file_2(void) {
  struct open_how how = {.flags = O_RDWR};
  return syscall(SYS_openat2, AT_FDCWD, "/proc/self/mem", &how, sizeof how) < 0 ? errno : 0;
}
static int attack_other_file(void) {
  struct open_how how = {.flags = O_RDONLY};
  return syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof how) < 0 ? errno : 0;
}
static int attack_process_write(void) {
  struct iovec from = {own_data, 8}, to = {own_code(), 8};
  return process_vm_writev(getpid(), &from, 1, &to, 1, 0) < 0 ? errno : 0;
}
static int attack_ptrace(void) { return ptrace(PTRACE_TRACEME, 0, 0, 0) < 0 ? errno : 0; }
static int attack_fork(void) { return syscall(SYS_clone, 17, 0, 0, 0, 0) < 0 ? errno : 0; }
static int attack_thread(void) { return syscall(SYS_clone3, own_data, 88) < 0 ? errno : 0; }
static int attack_execute(void) { return syscall(SYS_execve, "/bin/true", NULL, NULL) < 0 ? errno : 0; }
static int attack_shared(void) { return shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700) < 0 ? errno : 0; }
static int attack_personality(void) { return syscall(SYS_personality, 0x400000) < 0 ? errno : 0; }
static int attack_filter(void) { return syscall(SYS_seccomp, 1, 0, NULL) < 0 ? errno : 0; }
static int attack_socket(void) { return syscall(SYS_socket, 1, 1, 0) < 0 ? errno : 0; }
static int attack_terminal(void) { return ioctl(0, TIOCSTI, "x") < 0 ? errno : 0; }
static int attack_signal(void) { return kill(getppid(), 0) < 0 ? errno : 0; }
static int attack_signal_thread(void) { return syscall(SYS_tgkill, getppid(), getppid(), 0) < 0 ? errno : 0; }
static int attack_uring(void) { return syscall(425, 8, own_data) < 0 ? errno : 0; }
static int attack_userfault(void) { return syscall(SYS_userfaultfd, 0) < 0 ? errno : 0; }

/* The file that sealed code is mapped from, by its descriptor (the first field of struct port_image). */
static int image_file(void) { return *(const int *)image; }
static int attack_image_write(void) { return pwrite(image_file(), "x", 1, 0) < 0 ? errno : 0; }
static int attack_image_map(void) {
  return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, image_file(), 0) == MAP_FAILED ? errno : 0;
}
static int attack_image_truncate(void) { return ftruncate(image_file(), 0) < 0 ? errno : 0; }
static int attack_image_grow(void) { return ftruncate(image_file(), 8192) < 0 ? errno : 0; }
static int attack_image_punch(void) { return fallocate(image_file(), 3, 0, 4096) < 0 ? errno : 0; }
static int attack_image_unseal(void) { return fcntl(image_file(), 1033, 0) < 0 ? errno : 0; }
static int attack_image_execute(void) {
  return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, image_file(), 0) == MAP_FAILED ? errno : 0;
}
static int attack_image_protect(void) {
  return mprotect((void *)port_image_bytes(image), 4096, PROT_READ | PROT_WRITE) ? errno : 0;
}

/* What a host may lack; without it the attack is not tried, because it would succeed and take the test with it. */
enum needs { NOTHING, MSEAL, LANDLOCK };

static const struct {
  const char *name;
  int (*attempt)(void);
  enum needs needs;
} attacks[] = {
    {"executable mapping", attack_map, NOTHING},
    {"writable and executable mapping", attack_map_both, NOTHING},
    {"own data made executable", attack_protect, NOTHING},
    {"own data made executable with a key", attack_pkey, NOTHING},
    {"own code made writable", attack_code_writable, MSEAL},
    {"own code unmapped", attack_code_unmap, MSEAL},
    {"own code replaced", attack_code_replace, MSEAL},
    {"own code moved", attack_code_move, MSEAL},
    {"own constants made writable", attack_constants, MSEAL},
    {"/proc/self/mem by open", attack_memory_file, NOTHING},
    {"/proc/self/mem by openat2", attack_memory_file_2, LANDLOCK},
    {"a file that was not given", attack_other_file, LANDLOCK},
    {"process_vm_writev to own code", attack_process_write, NOTHING},
    {"ptrace", attack_ptrace, NOTHING},
    {"fork", attack_fork, NOTHING},
    {"a new thread", attack_thread, NOTHING},
    {"execve", attack_execute, NOTHING},
    {"shared memory", attack_shared, NOTHING},
    {"personality", attack_personality, NOTHING},
    {"a filter of one's own", attack_filter, NOTHING},
    {"a socket", attack_socket, NOTHING},
    {"keys pressed at the terminal", attack_terminal, NOTHING},
    {"a signal to another process", attack_signal, NOTHING},
    {"a signal to a thread of another process", attack_signal_thread, NOTHING},
    {"io_uring", attack_uring, NOTHING},
    {"userfaultfd", attack_userfault, NOTHING},
    {"write to an image's file", attack_image_write, NOTHING},
    {"writable alias of an image", attack_image_map, NOTHING},
    {"truncation of an image's file", attack_image_truncate, NOTHING},
    {"growth of an image's file", attack_image_grow, NOTHING},
    {"hole in an image's file", attack_image_punch, NOTHING},
    {"removal of its seals", attack_image_unseal, NOTHING},
    {"executable mapping of an image, not by the loader", attack_image_execute, NOTHING},
    {"own view of an image made writable", attack_image_protect, NOTHING},
};
#define ATTACKS (sizeof attacks / sizeof *attacks)

static int outcome[ATTACKS];

static bool host_has(enum needs needs) {
  struct linux_seal_facts facts;
  linux_seal_facts(&facts);
  return needs == NOTHING || (needs == MSEAL ? facts.mseal : facts.confined);
}

static void attack_all(void) {
  for (size_t i = 0; i < ATTACKS; i++)
    outcome[i] = host_has(attacks[i].needs) ? attacks[i].attempt() : 0;
}

static void judge(const char *where) {
  for (size_t i = 0; i < ATTACKS; i++) {
    if (host_has(attacks[i].needs))
      ok(outcome[i] == EPERM || outcome[i] == EACCES, "%s refused on %s (%s)", attacks[i].name, where,
         outcome[i] ? strerror(outcome[i]) : "it was allowed");
    else
      ok(true, "%s on %s # SKIP this host has no %s", attacks[i].name, where,
         attacks[i].needs == MSEAL ? "mseal" : "Landlock");
  }
}

/* ---- Programs in windows ---- */

static void prepare_window(uint32_t window) {
  bool good = port_window_create(window) &&
              port_image_map(image, 0, window, 0x20000, 4096, true, SIGNET_PROTECT_READ) &&
              port_window_map(window, 0x30000, 0x10000, SIGNET_PROTECT_WRITE);
  if (!good)
    ok(false, "window %u can be made", window);
}

static struct port_context *program(uint32_t offset, uint64_t argument) {
  return port_context_create(0x20000 + offset, 0x40000, argument, 0);
}

static void go(struct port_context *first, struct port_context *second, uint32_t second_window, uint32_t preemptions) {
  memset(&seen, 0, sizeof seen);
  seen.preemptions_most = preemptions;
  running[0] = first;
  running[1] = second;
  running_window[0] = 1;
  running_window[1] = second_window;
  current = 0;
  on_processor((void (*)(void))resume);
  port_lock();
  port_context_destroy(first);
  if (second)
    port_context_destroy(second);
  port_unlock();
}

static void test_border(void) {
  go(program(0, 0), NULL, 0, 1000);
  ok(seen.ended && seen.argument[0] == 0, "a call leaves nothing of the kernel in the registers that it may change");
  ok(seen.argument[1] == 0x1111111111111111, "a call keeps the registers that the convention keeps");
  go(program(128, 0), NULL, 0, 60);
  ok(seen.preemptions == 60, "a process that loops for ever is pre-empted");
  ok(seen.in_sequence == 0, "no thread stays stopped inside a masked return");
  go(program(256, 0x5555aaaa12345678), program(256, 0x777), 2, 100000);
  ok(seen.ended && seen.argument[0] == 0 && seen.preemptions > 2,
     "vector registers are each thread's own over %u pre-emptions", seen.preemptions);
  go(program(512, 0), program(384, 0), 2, 1000);
  ok(seen.ended && seen.argument[0] == 0, "vector registers of one window do not reach another");
  go(program(512, 0), program(384, 0), 1, 1000);
  ok(seen.ended && seen.argument[0] != 0, "(and the test would see it if they did: two threads of one window)");
  go(program(1024, 0), program(1152, 0), 2, 1000);
  ok(seen.ended && seen.argument[0] == 0, "the x87's status of one window does not reach another");
}

static bool vectors_clear(void) {
  uint64_t low, high;
  __asm__ volatile("por %%xmm1,%%xmm0; por %%xmm2,%%xmm0; por %%xmm3,%%xmm0; por %%xmm4,%%xmm0; por %%xmm5,%%xmm0;"
                   "por %%xmm6,%%xmm0; por %%xmm7,%%xmm0; movq %%xmm0,%0; psrldq $8,%%xmm0; movq %%xmm0,%1"
                   : "=r"(low), "=r"(high)
                   :
                   : "xmm0");
  return (low | high) == 0;
}

/* The C library allocates with vector registers. */
static void test_library(void) {
  bool clear = true;
  struct port_block *blocks[300];
  port_lock();
  for (int i = 0; i < 300; i++) {
    blocks[i] = port_block_create(4096);
    clear = vectors_clear() && clear;
  }
  for (int i = 0; i < 300; i++)
    port_block_destroy(blocks[i], 4096);
  port_unlock();
  ok(clear, "nor does the C library leave anything in vector registers when a block is made");
}

/* Where a thread goes on that was pre-empted at `offset`, as an offset. */
static uint64_t goes_on_at(uint32_t offset) {
  static uint8_t vector[512];
  ucontext_t at = {0};
  uint64_t base = linux_window_base(1);
  struct port_context *context = port_context_create(0x20000, 0x40000, 0, 0);
  at.uc_mcontext.gregs[REG_RIP] = (greg_t)(base + offset);
  at.uc_mcontext.fpregs = (fpregset_t)(void *)vector;
  linux_context_save_frame(context, &at, base);
  uint64_t rip = (uint64_t)linux_context_rip(context) - base;
  port_context_destroy(context);
  return rip;
}

static void test_rollback(void) {
  port_lock();
  ok(goes_on_at(0x200c0) == 0x200c0 && goes_on_at(0x200c8) == 0x200c0 && goes_on_at(0x200cc) == 0x200c0,
     "a thread stopped inside a masked return goes back to its start");
  /* A branch to data faults, but a tick may come first. The data begin where the code ends. */
  bool made = port_window_map(1, 0x21000, 4096, SIGNET_PROTECT_WRITE) && port_copy_out(1, 0x21000, "\xc3", 1);
  ok(made && goes_on_at(0x21000) == 0x21000, "one stopped before data that look like a ret is not sent back into code");
  made = made && port_copy_out(1, 0x21000, "\x4c\x09\x34\x24\xc3", 5);
  ok(made && goes_on_at(0x21000) == 0x21000, "nor before data that look like the middle of a masked return");
  port_window_unmap(1, 0x21000, 4096);
  port_unlock();
}

/* A process that starts in the window of one that ended, on the same processor. */
static void test_successor(void) {
  go(program(512, 0), NULL, 0, 1000);
  port_lock();
  port_window_destroy(1);
  prepare_window(1);
  port_unlock();
  go(program(384, 0), NULL, 0, 1000);
  ok(seen.ended && seen.argument[0] == 0, "vector registers do not reach the next process in the same window");
  uint8_t byte;
  port_lock();
  port_window_destroy(1);
  prepare_window(1);
  bool made = port_window_map(1, 0x50000, 4096, SIGNET_PROTECT_WRITE);
  port_unlock();
  go(program(384, 0), NULL, 0, 1000);
  port_lock();
  made = made && port_copy_in(&byte, 1, 0x50000, 1);
  port_window_destroy(1);
  prepare_window(1);
  port_unlock();
  go(program(384, 0), NULL, 0, 1000);
  port_lock();
  ok(made && seen.ended && !port_copy_in(&byte, 1, 0x50000, 1), "nor does memory that it did not ask for");
  port_unlock();
}

static void test_fault(uint32_t offset, enum signet_fault kind, uint64_t address, const char *name) {
  go(program(offset, 0), NULL, 0, 1000);
  ok(seen.faulted && seen.fault.kind == kind && (address == 1 || seen.fault.address == address),
     "%s: fault %u at 0x%x, address 0x%lx", name, seen.fault.kind, seen.fault.instruction,
     (unsigned long)seen.fault.address);
}

static void test_faults(void) {
  test_fault(640, SIGNET_FAULT_DIVIDE, 0, "division by zero");
  test_fault(672, SIGNET_FAULT_READ, 0, "read of the low guard");
  test_fault(704, SIGNET_FAULT_WRITE, 0x10000, "write to the entry table");
  test_fault(736, SIGNET_FAULT_WRITE, 0x20000, "write to code");
  test_fault(768, SIGNET_FAULT_EXECUTE, 0x11000, "jump to data");
  test_fault(800, SIGNET_FAULT_TRAP, 0, "int3");
  test_fault(832, SIGNET_FAULT_INSTRUCTION, 0, "ud2");
  test_fault(864, SIGNET_FAULT_STACK, 0x500000, "call with an unmapped stack");
  test_fault(896, SIGNET_FAULT_WRITE, linux_window_base(1) - 8, "push below the window");
  test_fault(928, SIGNET_FAULT_READ, 0x10, "read outside the window");
  test_fault(960, SIGNET_FAULT_GENERAL, 0, "privileged instruction");
}

static void test_copies(void) {
  uint8_t bytes[5000];
  uint32_t word;
  memset(bytes, 7, sizeof bytes);
  port_lock();
  ok(port_copy_out(1, 0x30000, bytes, sizeof bytes) && port_copy_in(bytes, 1, 0x30000, sizeof bytes), "copies work");
  for (size_t length = 1; length <= 300; length += 13) {
    bool edge = port_copy_in(bytes, 1, (uint32_t)(0x40000 - length), length) &&
                !port_copy_in(bytes, 1, (uint32_t)(0x40000 - length + 1), length) &&
                !port_copy_out(1, (uint32_t)(0x40000 - length + 1), bytes, length);
    if (!edge || length + 13 > 300)
      ok(edge, "copies of 1 to %zu bytes are refused at the first byte that is not there", length);
    if (!edge)
      break;
  }
  ok(!port_copy_out(1, 0x20000, bytes, 4) && !port_copy_out(1, 0x10000, bytes, 8),
     "nothing is copied onto code or the entry table");
  ok(port_store_word(1, 0x30000, 0x12345678) && port_load_word(1, 0x30000, &word) && word == 0x12345678 &&
         !port_load_word(1, 0x1000, &word) && !port_store_word(1, 0x20000, 1),
     "words");
  port_unlock();
}

/* A window that is used again must show nothing of its last user. */
static void test_reuse(void) {
  uint8_t zero[4096] = {0}, found[4096];
  port_lock();
  memset(found, 0xee, sizeof found);
  bool wrote = port_copy_out(1, 0x30000, found, sizeof found) && port_copy_out(1, 0x11008, found, 64);
  port_window_destroy(1);
  ok(wrote && port_window_create(1) && port_window_map(1, 0x30000, 0x10000, SIGNET_PROTECT_WRITE) &&
         port_copy_in(found, 1, 0x30000, sizeof found) && memcmp(found, zero, sizeof found) == 0,
     "memory of a window used again is zero");
  ok(port_copy_in(found, 1, 0x11008, 64) && memcmp(found, zero, 64) == 0, "so is its thread page");
  linux_window_settle(1);
  ok(!port_copy_in(found, 1, 0x20000, 16), "what the new process did not map of the old one's is gone when it runs");
  port_window_destroy(1);
  ok(port_window_create(1) && port_window_map(1, 0x30000, 0x20000, SIGNET_PROTECT_WRITE) &&
         port_copy_in(found, 1, 0x4f000, sizeof found),
     "a different layout replaces the old");
  port_window_unmap(1, 0x30000, 0x1000);
  port_window_destroy(1);
  ok(!port_copy_in(found, 1, 0x31000, 16) && !port_copy_in(found, 1, 0x11000, 16),
     "a window whose mappings were changed is dropped whole");
  port_unlock();
}

static void test_blocks(void) {
  uint8_t bytes[64];
  port_lock();
  port_window_create(1);
  struct port_block *block = port_block_create(8192);
  uint8_t zero[64] = {0};
  bool good = block && port_block_map(block, 8192, 1, 0xc0000000) && port_copy_out(1, 0xc0000000, "moved", 6);
  port_block_unmap(block, 8192, 1, 0xc0000000);
  ok(good && port_copy_out(1, 0xc0000000, "later", 6) && memcmp(port_block_bytes(block, 8192), "moved", 6) == 0,
     "what its old owner writes there afterwards does not reach it");
  ok(memcmp(port_block_bytes(block, 8192), "moved", 6) == 0, "the kernel sees what was in it");
  ok(port_block_map(block, 8192, 2, 0xd0000000) && port_copy_in(bytes, 2, 0xd0000000, 6) &&
         memcmp(bytes, "moved", 6) == 0,
     "it appears in another window with its bytes");
  ok(port_copy_out(2, 0xd0000000, "other", 6) && port_copy_in(bytes, 1, 0xc0000000, 6) &&
         memcmp(bytes, "later", 6) == 0,
     "what its new owner writes there does not reach the old one");
  port_block_unmap(block, 8192, 2, 0xd0000000);
  ok(!port_copy_in(bytes, 2, 0xd0000000, 6), "one outside of the zone is out of reach when it was sent");
  port_block_destroy(block, 8192);
  block = port_block_create(8192);
  ok(block && ((const uint8_t *)port_block_bytes(block, 8192))[0] == 0, "a block used again is zero");
  ok(port_block_map(block, 8192, 1, 0xc0000000) && port_copy_in(bytes, 1, 0xc0000000, 64) &&
         memcmp(bytes, zero, 64) == 0,
     "also where its owner had scribbled");
  struct port_block *longer = port_block_create(8192);
  uint32_t end = 0xc0000000 + LINUX_BLOCK_ZONE - 4096;
  good = longer && port_block_map(longer, 8192, 1, end) && port_copy_out(1, end, "long", 4);
  port_block_unmap(longer, 8192, 1, end);
  ok(good && !port_copy_in(bytes, 1, end, 4), "one across the end of where small ones lie is out of reach when sent");
  block = port_block_create(4096);
  ok(block && port_block_map(block, 4096, 1, end) && port_copy_in(bytes, 1, end, 64) && memcmp(bytes, zero, 64) == 0 &&
         port_copy_out(1, end, "small", 6),
     "a small one can lie where it lay");
  port_block_unmap(block, 4096, 1, end);
  ok(memcmp(port_block_bytes(block, 4096), "small", 6) == 0, "and be sent");
  unsigned char resident = 1;
  longer = port_block_create(64 << 20);
  good = longer && port_block_map(longer, 64 << 20, 1, 0xd0000000) &&
         mincore((void *)(linux_window_base(1) + 0xd0000000), 4096, &resident) == 0;
  ok(good && !(resident & 1), "a large one gets its memory when it is touched, not under the kernel lock");
  port_block_unmap(longer, 64 << 20, 1, 0xd0000000);
  port_block_destroy(longer, 64 << 20);
  port_unlock();
}

/* What a host does that takes away what was there and then refuses to map. */
static void test_hole(void) {
  void *address = (void *)(linux_window_base(1) + 0x60000);
  port_lock();
  munmap(address, 4096);
  bool put = linux_window_put(address, 4096, PROT_READ, MAP_PRIVATE, -1, 0);
  void *taken = mmap(address, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ok(!put && taken == MAP_FAILED && errno == EEXIST, "a hole in a window is reserved again");
  port_unlock();
}

/* The host has a limit of mappings for one process: reaching it is refused, and what must be closed still can be. */
static void test_mappings_most(void) {
  enum { PAGES = 1 << 19 };
  uint32_t made = 0;
  port_lock();
  bool good = port_window_create(3) && port_window_map(3, 0x20000, 4096, SIGNET_PROTECT_WRITE);
  linux_window_settle(3);
  struct port_block *block[2];
  for (int i = 0; i < 2; i++) {
    block[i] = port_block_create(4096);
    good = good && block[i] && port_block_map(block[i], 4096, 3, 0xd0000000 + 4096 * (uint32_t)i);
  }
  good = good && port_window_map(3, 0x40000, 3 * 4096, SIGNET_PROTECT_WRITE);
  while (made < PAGES &&
         port_window_map(3, 0x100000 + made * 4096, 4096, made % 2 ? SIGNET_PROTECT_READ : SIGNET_PROTECT_WRITE))
    made++;
  ok(good && made < PAGES, "the host refuses more than %u mappings", made);
  ok(!port_window_unmap(3, 0x41000, 4096) && port_copy_in(&good, 3, 0x41000, 1),
     "then the middle of one cannot be taken out, and stays");
  ok(port_window_unmap(3, 0x40000, 3 * 4096) && !port_copy_in(&good, 3, 0x40000, 1), "a whole one can");
  while (port_window_map(3, 0x80000000 + made * 4096, 4096, made % 2 ? SIGNET_PROTECT_READ : SIGNET_PROTECT_WRITE))
    made++;
  port_block_unmap(block[0], 4096, 3, 0xd0000000);
  ok(!port_copy_in(&good, 3, 0xd0000000, 1) && port_copy_in(&good, 3, 0xd0001000, 1), "and a block beside another");
  port_block_unmap(block[1], 4096, 3, 0xd0001000);
  port_window_destroy(3);
  ok(!port_copy_in(&good, 3, 0x100000, 1) && port_window_create(3), "and the window of a process that ends");
  port_window_destroy(3);
  port_unlock();
}

int main(void) {
  const char *problem = "";
  struct linux_port_options options = {.cpus = 1, .windows = 64};
  struct linux_seal_facts facts;
  sem_init(&work, 0, 0);
  sem_init(&done, 0, 0);
  own_data = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  bool host_mseal = syscall(462, NULL, 0ul, 0ul) == 0; /* after the seal it is not asked for */
  bool started = linux_port_prepare(&options, &problem);
  image = started ? port_image_create(guest_code, 4096) : NULL;
  started = started && image && linux_port_start(&problem);
  ok(started, "the port starts and seals itself (%s)", started ? "" : problem);
  if (!started) {
    printf("1..%d\n", tests);
    return 1;
  }
  linux_seal_facts(&facts);
  ok(facts.filtered && facts.mseal == host_mseal && facts.mseal == (facts.mappings_sealed > 0),
     "filters, and mseal where the host has it, on %u mappings", facts.mappings_sealed);
  attack_all();
  judge("the host program's thread");
  on_processor(attack_all);
  judge("a processor");
  port_lock();
  prepare_window(1);
  prepare_window(2);
  port_unlock();
  test_border();
  test_library();
  test_rollback();
  test_successor();
  test_faults();
  test_copies();
  test_reuse();
  test_blocks();
  test_hole();
  test_mappings_most();
  printf("1..%d\n", tests);
  return failures != 0;
}
