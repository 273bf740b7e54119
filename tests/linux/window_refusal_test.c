/* What port/linux does with windows when the host refuses memory, as Linux before 6.12 may (what was there is gone by
 * then) and as it does later (nothing happened). No address in a window may ever be free. Each case has a process of
 * its own, in which the calls that the port makes of the host are refused as the case says (ld --wrap). */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"
#include "tests/linux/alone.h"

#define WINDOW 1u
#define OTHER 2u
#define PAGE 4096u
#define PLACE 0x40000u

/* ---- A host that refuses ---- */

static bool refuses, takes; /* a mapping over another: refused; and what was there is gone */
static bool refuses_to_keep, refuses_protection, refuses_return;
static uint64_t only;     /* refused is what is so long; 0: all */
static bool answers_hole; /* who asks for any address gets that of the hole */
static void *hole;
static pthread_barrier_t hole_is_there;
static bool tells_of_hole;

void *__real_mmap(void *at, size_t length, int protection, int flags, int file, off_t position);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int file, off_t position);
int __real_mprotect(void *at, size_t length, int protection);
int __wrap_mprotect(void *at, size_t length, int protection);
int __real_madvise(void *at, size_t length, int advice);
int __wrap_madvise(void *at, size_t length, int advice);

static bool meant(size_t length) { return !only || length == only; }

static void *no_memory(void) {
  errno = ENOMEM;
  return MAP_FAILED;
}

void *__wrap_mmap(void *at, size_t length, int protection, int flags, int file, off_t position) {
  if (flags & MAP_FIXED_NOREPLACE && refuses_to_keep)
    return no_memory();
  if (flags & MAP_FIXED && refuses && meant(length)) {
    if (takes)
      munmap(at, length);
    if (tells_of_hole) {
      hole = at;
      pthread_barrier_wait(&hole_is_there);
      usleep(200000); /* so long the other may try */
    }
    return no_memory();
  }
  if (!at && answers_hole)
    at = hole;
  return __real_mmap(at, length, protection, flags, file, position);
}

/* The loader's filter lets it take nothing away. */
bool __real_linux_loader_map(void *at, uint64_t length, int file, uint64_t position);
bool __wrap_linux_loader_map(void *at, uint64_t length, int file, uint64_t position);
bool __wrap_linux_loader_map(void *at, uint64_t length, int file, uint64_t position) {
  if (!refuses)
    return __real_linux_loader_map(at, length, file, position);
  if (takes)
    munmap(at, length);
  return false;
}

int __wrap_mprotect(void *at, size_t length, int protection) {
  if (!refuses_protection || !meant(length))
    return __real_mprotect(at, length, protection);
  errno = ENOMEM;
  return -1;
}

int __wrap_madvise(void *at, size_t length, int advice) {
  if (!refuses_return || advice != MADV_DONTNEED)
    return __real_madvise(at, length, advice);
  errno = EAGAIN;
  return -1;
}

/* ---- Cases: each true if it came as it has to ---- */

static void *address(uint32_t window, uint32_t offset) { return (void *)(linux_window_base(window) + offset); }

/* Nothing in the window is free for who asks for any address. */
static bool whole(uint32_t window) { return __real_madvise(address(window, 0), LINUX_WINDOW_BYTES, MADV_NORMAL) == 0; }

/* Asked of the host: no processor runs that would catch a fault. */
static bool readable(uint32_t offset, uint8_t *byte) {
  int through[2];
  bool there = pipe(through) == 0 && write(through[1], address(WINDOW, offset), 1) == 1;
  there = there && read(through[0], byte, 1) == 1;
  close(through[0]);
  close(through[1]);
  return there;
}

static bool map(uint32_t offset, uint32_t pages) {
  return port_window_map(WINDOW, offset, (uint64_t)pages * PAGE, SIGNET_PROTECT_WRITE);
}

/* Three pages with a byte in them, of a process that does not run yet: of one that does, no mapping is replaced. */
static bool prepare(void) {
  const uint8_t byte = 77;
  alone_prepare();
  return port_window_create(WINDOW) && whole(WINDOW) && map(PLACE, 3) && port_copy_out(WINDOW, PLACE + PAGE, &byte, 1);
}

static bool map_taken(void) {
  bool good = prepare();
  refuses = takes = true;
  return good && !map(PLACE, 3) && whole(WINDOW);
}

static bool map_taken_and_not_kept(void) {
  bool good = prepare();
  refuses = takes = refuses_to_keep = true;
  return good && !map(PLACE, 3);
}

static bool map_refused(void) {
  uint8_t byte = 0;
  bool good = prepare();
  refuses = refuses_to_keep = true;
  return good && !map(PLACE, 3) && whole(WINDOW) && readable(PLACE + PAGE, &byte) && byte == 77;
}

static bool unmap_taken(void) {
  uint8_t byte;
  bool good = prepare();
  refuses = takes = true;
  return good && port_window_unmap(WINDOW, PLACE, 3 * PAGE) && whole(WINDOW) && !readable(PLACE + PAGE, &byte);
}

static bool unmap_taken_and_not_kept(void) {
  bool good = prepare();
  refuses = takes = refuses_to_keep = true;
  return good && port_window_unmap(WINDOW, PLACE, 3 * PAGE);
}

static bool unmap_refused(void) {
  uint8_t byte;
  bool good = prepare();
  refuses = refuses_to_keep = refuses_return = true;
  return good && port_window_unmap(WINDOW, PLACE, 3 * PAGE) && whole(WINDOW) && !readable(PLACE + PAGE, &byte);
}

/* What was not given back is not there for who comes next. */
static bool return_refused(void) {
  uint8_t byte = 1;
  bool good = unmap_refused();
  refuses = false;
  return good && map(PLACE, 3) && readable(PLACE + PAGE, &byte) && byte == 0;
}

static bool create_taken(void) {
  bool good = prepare();
  refuses = takes = true;
  only = PAGE;
  return good && !port_window_create(OTHER) && whole(OTHER);
}

static bool image_taken(bool code) {
  static const uint8_t bytes[PAGE] = {0xc3};
  bool good = prepare();
  struct port_image *image = port_image_create(bytes, sizeof bytes);
  good = good && image && port_window_create(OTHER);
  refuses = takes = true;
  return good && !port_image_map(image, 0, OTHER, SIGNET_IMAGE_LOW, PAGE, code, SIGNET_PROTECT_READ) && whole(OTHER);
}
static bool code_taken(void) { return image_taken(true); }
static bool data_taken(void) { return image_taken(false); }

static bool block_taken(void) {
  bool good = prepare();
  struct port_block *block = port_block_create(8u << 20);
  refuses = takes = true;
  return good && block && !port_block_map(block, 8u << 20, WINDOW, SIGNET_BLOCKS_LOW) && whole(WINDOW);
}

static bool block_refused(void) {
  uint8_t byte;
  bool good = prepare();
  struct port_block *block = port_block_create(8u << 20);
  good = good && block && port_block_map(block, 8u << 20, WINDOW, SIGNET_BLOCKS_LOW);
  refuses = refuses_to_keep = refuses_return = true;
  port_block_unmap(block, 8u << 20, WINDOW, SIGNET_BLOCKS_LOW);
  return good && whole(WINDOW) && !readable(SIGNET_BLOCKS_LOW, &byte);
}

static void *got;
static void *ask_for_page(void *unused) {
  pthread_barrier_wait(&hole_is_there);
  got = port_pages_allocate(PAGE);
  return unused;
}

/* While it is tried in vain another thread asks for a page. */
static bool beside(bool (*attempt)(void)) {
  pthread_t thread;
  bool good = prepare() && pthread_barrier_init(&hole_is_there, NULL, 2) == 0 &&
              pthread_create(&thread, NULL, ask_for_page, NULL) == 0;
  refuses = takes = tells_of_hole = answers_hole = true;
  only = PAGE;
  good = good && !attempt() && pthread_join(thread, NULL) == 0;
  return good && got && !(got >= address(WINDOW, 0) && got < address(OTHER + 1, 0)) && whole(WINDOW) && whole(OTHER);
}

static bool map_one(void) { return map(PLACE, 1); }
static bool create_other(void) { return port_window_create(OTHER); }
static bool map_beside(void) { return beside(map_one); }
static bool create_beside(void) { return beside(create_other); }

/* An earlier process had two pages that the host sees as one mapping; its successor has the first of them. */
static bool leave_two(void) {
  alone_prepare();
  bool good = port_window_create(WINDOW) && map(PLACE, 1) && map(PLACE + PAGE, 1);
  linux_window_settle(WINDOW);
  port_window_destroy(WINDOW);
  good = good && port_window_create(WINDOW) && map(PLACE, 1);
  refuses = refuses_protection = true;
  only = PAGE;
  return good;
}

static bool stale_stays(void) {
  bool good = leave_two() && !port_window_map(WINDOW, PLACE + PAGE, 2 * PAGE, SIGNET_PROTECT_READ);
  port_window_destroy(WINDOW);
  return good && whole(WINDOW);
}

static bool stale_at_settling(void) {
  uint8_t byte;
  bool good = leave_two();
  linux_window_settle(WINDOW);
  return good && !readable(PLACE, &byte) && !readable(PLACE + PAGE, &byte) && whole(WINDOW);
}

/* An earlier process's image is not taken out when its successor is to run: none of it is in memory that this one maps
 * there, whether it is the window's whole end or the successor's beginning that is refused. */
static bool image_remains(bool code, bool at_its_end, enum signet_protection protection) {
  static uint8_t bytes[4 * PAGE];
  uint8_t byte = 1;
  memset(bytes, 77, sizeof bytes);
  alone_prepare();
  struct port_image *image = port_image_create(bytes, sizeof bytes);
  bool good = image && port_window_create(WINDOW) &&
              port_image_map(image, 0, WINDOW, PLACE, sizeof bytes, code, SIGNET_PROTECT_READ) &&
              readable(PLACE, &byte) && byte == 77;
  linux_window_settle(WINDOW);
  good = good && (!at_its_end || port_window_protect(WINDOW, PLACE, PAGE, SIGNET_PROTECT_READ));
  refuses = at_its_end;
  port_window_destroy(WINDOW);
  refuses = false;
  good = good && port_window_create(WINDOW);
  refuses = !at_its_end;
  linux_window_settle(WINDOW);
  refuses = false;
  good = good && !readable(PLACE, &byte) && port_window_map(WINDOW, PLACE, sizeof bytes, protection) &&
         readable(PLACE + PAGE, &byte) && byte == 0;
  /* Nor does it come back with the protection that is changed after that. */
  return good && port_window_unmap(WINDOW, PLACE, sizeof bytes) && !readable(PLACE, &byte) && map(PLACE, 2) &&
         port_window_protect(WINDOW, PLACE, PAGE, SIGNET_PROTECT_READ) && readable(PLACE, &byte) && byte == 0 &&
         whole(WINDOW);
}
static bool data_remains(void) { return image_remains(false, false, SIGNET_PROTECT_WRITE); }
static bool code_remains(void) { return image_remains(true, false, SIGNET_PROTECT_READ); }
static bool data_remains_at_end(void) { return image_remains(false, true, SIGNET_PROTECT_WRITE); }
static bool code_remains_at_end(void) { return image_remains(true, true, SIGNET_PROTECT_READ); }

static bool nothing_closes(void) {
  /* What is no more as it was mapped is not kept for a successor. */
  bool good = prepare() && port_window_protect(WINDOW, PLACE, PAGE, SIGNET_PROTECT_READ);
  refuses = refuses_protection = true;
  port_window_destroy(WINDOW);
  return good;
}

/* ---- */

static const struct {
  const char *what;
  bool (*attempt)(void);
  bool stops; /* the kernel stops, and says why */
} cases[] = {
    {"a mapping is refused and what was there is gone: the window is whole", map_taken, false},
    {"and it cannot be made whole: the kernel stops", map_taken_and_not_kept, true},
    {"a mapping is refused and nothing happened: what was there is there, and nothing stops", map_refused, false},
    {"memory is taken out, which is refused, and gone: the window is whole", unmap_taken, false},
    {"and it cannot be made whole: the kernel stops", unmap_taken_and_not_kept, true},
    {"memory is taken out, which is refused, nor is it given back: it cannot be reached", unmap_refused, false},
    {"and is not there for who comes next", return_refused, false},
    {"a window cannot be made: it is whole", create_taken, false},
    {"code cannot be mapped: the window is whole", code_taken, false},
    {"nor data of an image", data_taken, false},
    {"nor a block", block_taken, false},
    {"a block is taken out, which is refused: it cannot be reached", block_refused, false},
    {"while there is a hole in a window nobody gets its address", map_beside, false},
    {"nor where the tables of a window are", create_beside, false},
    {"what an earlier process left cannot be taken away: its successor is not made", stale_stays, false},
    {"nor when it is to run: it finds nothing in its window", stale_at_settling, false},
    {"an earlier process's image is not taken out: nothing of its data is where its successor maps memory",
     data_remains, false},
    {"nor of its code", code_remains, false},
    {"nor when it was to be taken out at that process's end", data_remains_at_end, false},
    {"nor of its code then", code_remains_at_end, false},
    {"nothing can be closed in any way: the kernel stops", nothing_closes, true},
};

static bool judge(bool (*attempt)(void), bool stops) {
  int status, said[2];
  char text[512] = "";
  if (pipe(said) != 0)
    return false;
  pid_t child = fork();
  if (child == 0) {
    dup2(said[1], 2);
    alarm(20);
    bool good = attempt();
    _exit(good ? 0 : 1);
  }
  close(said[1]);
  for (size_t got_by_now = 0; got_by_now < sizeof text - 1;) {
    ssize_t part = read(said[0], text + got_by_now, sizeof text - 1 - got_by_now);
    if (part <= 0)
      break;
    got_by_now += (size_t)part;
  }
  close(said[0]);
  if (child < 0 || waitpid(child, &status, 0) != child)
    return false;
  bool stopped = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(text, "kernel panic");
  if (stops ? stopped : WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return true;
  printf("# status 0x%x, said: %s\n", status, text);
  return false;
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    ok(judge(cases[i].attempt, cases[i].stops), "%s", cases[i].what);
  return finish();
}
