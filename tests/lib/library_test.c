/* The library OS against the mock kernel: the range manager against a model, every system call's number, descriptors
 * used up and shared by threads, transfers of all sizes, memory refused, and services that answer nonsense or are gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/linux.h"
#include "lib/range.h"
#include "tests/lib/mock.h"

#define CALL(number, ...) call(number, (const long[6]){__VA_ARGS__})

static long call(long number, const long *a) { return signet_system_call(number, a[0], a[1], a[2], a[3], a[4], a[5]); }

/* ---- The range manager ---- */

static void test_ranges(void) {
  enum { PAGES = 200, ROUNDS = 200000 };
  static struct range ranges[PAGES];
  struct range_set set = {ranges, 0, PAGES};
  bool model[PAGES] = {0};
  int wrong = 0;
  for (int round = 0; round < ROUNDS; round++) {
    uint32_t low = test_random() % PAGES, high = low + test_random() % (test_random() % 2 ? 8 : PAGES - low);
    if (high > PAGES)
      high = PAGES;
    bool any = false, all = true;
    for (uint32_t i = low; i < high; i++)
      any |= model[i], all &= model[i];
    if (low < high)
      wrong += signet_range_touches(&set, low, high) != any;
    wrong += signet_range_covers(&set, low, high) != all;
    if (low < high) {
      bool inside;
      uint32_t end = signet_range_run(&set, low, high, &inside), expected = low;
      while (expected < high && model[expected] == model[low])
        expected++;
      wrong += inside != model[low] || end != expected;
    }
    uint32_t pages = 1 + test_random() % 20, found = 0;
    for (uint32_t place = high >= pages + low ? high - pages : 0; place >= low && place > 0 && !found; place--) {
      bool used = false;
      for (uint32_t i = place; i < place + pages; i++)
        used |= model[i];
      if (!used)
        found = place;
    }
    if (low > 0)
      wrong += signet_range_gap(&set, pages, low, high) != found;
    if (test_random() % 2)
      signet_range_add(&set, low, high);
    else
      signet_range_remove(&set, low, high);
    for (uint32_t i = low; i < high; i++)
      model[i] = false;
    for (uint32_t i = 0; i < set.count; i++) {
      wrong += ranges[i].low >= ranges[i].high || (i && ranges[i - 1].high >= ranges[i].low);
      for (uint32_t j = ranges[i].low; j < ranges[i].high && j < PAGES; j++)
        if (j >= low && j < high)
          model[j] = true;
    }
    uint32_t in_set = 0, in_model = 0;
    for (uint32_t i = 0; i < set.count; i++)
      in_set += ranges[i].high - ranges[i].low;
    for (uint32_t i = 0; i < PAGES; i++)
      in_model += model[i];
    wrong += in_set != in_model;
  }
  ok(wrong == 0, "the range manager does as the model: %d differences in %d rounds", wrong, ROUNDS);
}

/* ---- Every number ---- */

static bool waits_or_ends(long number) {
  return number == SYS_exit || number == SYS_exit_group || number == SYS_pause || number == SYS_rt_sigsuspend;
}

static void test_numbers(void) {
  static char bytes[1 << 20] __attribute__((aligned(4096)));
  int implemented = 0, odd = 0;
  for (long number = -3; number < 600; number++) {
    if (waits_or_ends(number))
      continue;
    /* Every argument a valid address: what no handler may take for a descriptor, a size or a flag. */
    memset(bytes, 0, sizeof bytes);
    long a = (long)(bytes + (sizeof bytes) / 2);
    long result = signet_system_call(number, a, a, a, a, a, a);
    implemented += result != -ENOSYS;
    if (result < -4095 && result > -1000000) /* not an address either */
      odd++;
    /* And zeros, where that is no address. */
    if (number == SYS_getpid || number == SYS_close || number == SYS_lseek || number == SYS_mmap || number == SYS_fcntl)
      signet_system_call(number, 0, 0, 0, 0, 0, 0);
  }
  ok(implemented > 120, "%d numbers are answered with something", implemented);
  ok(odd == 0, "and none with less than -4095");
  ok(CALL(511, 0) == -ENOSYS && CALL(SYS_fork, 0) == -ENOSYS && CALL(SYS_execve, 0) == -ENOSYS, "the rest with ENOSYS");
  ok(CALL(SYS_socket, 2, 1, 0) == -EAFNOSUPPORT, "no family of sockets");
  mock_output_length = 0;
  CALL(SYS_fork, 0);
  signet_trace_report();
  mock_output[mock_output_length < sizeof mock_output ? mock_output_length : sizeof mock_output - 1] = 0;
  ok(strstr(mock_output, "signet: trace: fork(57) is not implemented, called 3 times\n") != NULL,
     "the trace names fork");
  ok(strstr(mock_output, "signet: trace: call(512) is not implemented, called ") != NULL,
     "and numbers beyond all names");
  ok(!strstr(mock_output, "read(0)"), "and not what is implemented");
  /* The sweep closed or changed some of these. */
  CALL(SYS_umask, 022);
}

/* ---- Descriptors ---- */

static void test_descriptors(void) {
  long first = CALL(SYS_openat, AT_FDCWD, (long)"f", O_RDWR | O_CREAT, 0600), last = first, result;
  ok(first == 3, "the first is %ld", first);
  while ((result = CALL(SYS_dup, first)) >= 0)
    last = result;
  ok(result == -EMFILE && last == 4095, "descriptors end at %ld", last);
  ok(CALL(SYS_dup2, first, 4096) == -EBADF && CALL(SYS_dup2, first, -1) == -EBADF, "numbers out of range");
  ok(mock_open_files() == 1, "duplicates are one file");
  ok(CALL(SYS_close_range, 4, UINT32_MAX, 0) == 0 && CALL(SYS_dup, first) == 4, "and are free again");
  CALL(SYS_close, 4);
  mock_fail_next = ENOSPC;
  ok(CALL(SYS_open, (long)"g", O_CREAT | O_WRONLY, 0600) == -ENOSPC, "an error of the device comes through");
  ok(CALL(SYS_close, first) == 0 && mock_open_files() == 0, "the last close closes the file");
  ok(CALL(SYS_close, first) == -EBADF, "but once");
  struct iovec vectors[2] = {{"a", INT64_MAX}, {"b", INT64_MAX}};
  ok(CALL(SYS_writev, 1, (long)vectors, 1025) == -EINVAL, "too many vectors");
  vectors[0].iov_len = SIZE_MAX;
  ok(CALL(SYS_writev, 1, (long)vectors, 2) == -EINVAL, "a vector of negative length");
}

enum { SHARED_ROUNDS = 300 };
static long appended; /* atomic: bytes that threads put at the end of one file */
static void *share(void *argument) {
  struct thread *self = signet_self();
  self->number = 5000 + (long)argument;
  char name[32], other[] = "/tmp/other", bytes[5000], back[5000];
  bool temporary = (long)argument >= 4;
  snprintf(name, sizeof name, "%ss%ld", temporary ? "/tmp/" : "", (long)argument);
  long damage = 0, log = temporary ? CALL(SYS_open, (long)"/tmp/log", O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
  for (int i = 0; i < (temporary ? 10 : 1) * SHARED_ROUNDS; i++) {
    long file = CALL(SYS_open, (long)name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    size_t size = i % 7 == 0 ? sizeof bytes : (size_t)i % 300;
    memset(bytes, i + (long)argument, sizeof bytes);
    damage += CALL(SYS_pwrite64, file, (long)bytes, size, 3) != (long)size;
    long copy = CALL(SYS_dup, file);
    damage += CALL(SYS_close, file) != 0;
    if (temporary && i % 2) /* each takes it from the others */
      damage += CALL(SYS_rename, (long)name, (long)other) != 0;
    damage += CALL(SYS_pread64, copy, (long)back, size, 3) != (long)size || memcmp(bytes, back, size) != 0;
    damage += CALL(SYS_close, copy) != 0;
    if (temporary) {
      damage += CALL(SYS_write, log, (long)bytes, sizeof bytes) != sizeof bytes;
      __atomic_fetch_add(&appended, sizeof bytes, __ATOMIC_RELAXED);
    }
  }
  CALL(SYS_close, log);
  return (void *)damage;
}

static void test_threads(void) {
  pthread_t threads[8];
  long damage = 0;
  for (long i = 0; i < 8; i++)
    pthread_create(&threads[i], NULL, share, (void *)i);
  for (long i = 0; i < 8; i++) {
    void *result;
    pthread_join(threads[i], &result);
    damage += (long)result;
  }
  struct stat status;
  CALL(SYS_stat, (long)"/tmp/log", (long)&status);
  ok(status.st_size == appended, "what four threads append is all there: %ld of %ld bytes", (long)status.st_size,
     appended);
  ok(damage == 0 && mock_open_files() == 0,
     "eight threads open, write, read and close, half of them in /tmp: %ld errors", damage);
}

/* ---- Transfers ---- */

static void test_transfers(void) {
  static char bytes[700000], back[700000];
  long file = CALL(SYS_open, (long)"t", O_RDWR | O_CREAT, 0600);
  int wrong = 0, refusals = 0;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = test_random();
  for (int round = 0; round < 300; round++) {
    size_t length = test_random() % (round % 10 ? 20000 : 600000), done = 0;
    struct iovec out[20], in[20];
    int count = 0, count_in = 0;
    for (size_t at = 0; at < length && count < 20; count++) {
      size_t part = count == 19 ? length - at : test_random() % (length - at + 1);
      out[count] = (struct iovec){bytes + at, part};
      at += part;
    }
    for (size_t at = 0; at < length && count_in < 20; count_in++) {
      size_t part = count_in == 19 ? length - at : test_random() % (length - at + 1);
      in[count_in] = (struct iovec){back + at, part};
      at += part;
    }
    for (int i = 0; i < count; i++)
      done += out[i].iov_len;
    mock_no_memory = test_random() % 4 == 0; /* of a block: messages then do; or of their buffer: an error */
    long result = CALL(SYS_pwritev, file, (long)out, count, round);
    mock_no_memory = false;
    if (result == -ENOMEM)
      refusals++, result = CALL(SYS_pwritev, file, (long)out, count, round);
    wrong += result != (long)done;
    memset(back, 0, length);
    wrong += CALL(SYS_preadv, file, (long)in, count_in, round) < (long)done;
    wrong += memcmp(bytes, back, done) != 0;
    mock_output_length = 0;
    long written = CALL(SYS_writev, 1, (long)out, count);
    size_t kept = written < (long)sizeof mock_output ? (size_t)written : sizeof mock_output;
    wrong += done && (written < 0 || memcmp(mock_output, bytes, kept) != 0);
  }
  ok(wrong == 0 && refusals <= 2, "vectors of all sizes, to files and streams: %d wrong", wrong);
  CALL(SYS_close, file);
}

/* ---- Memory ---- */

static void test_memory(void) {
  const long flags = MAP_PRIVATE | MAP_ANONYMOUS;
  mock_no_memory = true;
  ok(CALL(SYS_mmap, 0, 4096, 3, flags, -1, 0) == -ENOMEM, "memory refused");
  long at = CALL(SYS_mmap, 0, 8192, 3, flags, -1, 0);
  ok(at > 0, "and then given");
  mock_no_memory = true;
  ok(CALL(SYS_brk, CALL(SYS_brk, 0) + 8192) == CALL(SYS_brk, 0), "a refused brk changes nothing");
  mock_no_memory = false;
  ok(CALL(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, flags, -1, 0) == -EPERM, "no executable memory");
  ok(CALL(SYS_mprotect, at, 4096, PROT_READ | PROT_EXEC) == -EACCES, "nor made so");
  ok(CALL(SYS_mmap, 0x100000000 - 4096, 4096, 3, flags | MAP_FIXED, -1, 0) == -ENOMEM, "nothing at the window's end");
  ok(CALL(SYS_mmap, 0x20000, 4096, 3, flags | MAP_FIXED, -1, 0) == -ENOMEM, "nor over the image");
  ok(CALL(SYS_munmap, 0x20000, 4096) == -EINVAL, "the image stays");
  ok(CALL(SYS_munmap, at, UINT64_MAX) == -EINVAL && CALL(SYS_munmap, at, -4096) == -EINVAL, "lengths that wrap");
  ok(CALL(SYS_mremap, at, 8192, -4096, MREMAP_MAYMOVE, 0) == -ENOMEM, "a new length that wraps");
  ok(CALL(SYS_mprotect, at, -4096, 3) == -ENOMEM, "a protected length that wraps");
  ok(CALL(SYS_madvise, at, -1, MADV_DONTNEED) == -EINVAL, "an advised length that wraps");
  ok(CALL(SYS_mmap, at, 4096, 3, flags | 0x100000, -1, 0) == -EEXIST, "MAP_FIXED_NOREPLACE");
  /* Many pieces with holes between them, so that the sets must grow; then everything back. */
  static long places[600];
  int wrong = 0;
  for (int i = 0; i < 600; i++) {
    places[i] = CALL(SYS_mmap, 0, 3 * 4096, i % 3 ? 3 : 0, flags, -1, 0);
    wrong += places[i] < 0 || CALL(SYS_munmap, places[i] + 4096, 4096) != 0;
    if (i % 3)
      *(long *)places[i] = i;
  }
  for (int i = 0; i < 600; i++)
    wrong += (i % 3 && *(long *)places[i] != i) || CALL(SYS_munmap, places[i], 4096) != 0 ||
             CALL(SYS_munmap, places[i] + 2 * 4096, 4096) != 0; /* the hole may be another's by now */
  ok(wrong == 0, "600 pieces with holes: %d wrong", wrong);
  long all = CALL(SYS_mmap, 0, 0x18000000, 0, flags, -1, 0);
  ok(all > 0, "and the area is whole again");
  ok(CALL(SYS_mmap, 0, 0x18000000, 0, flags, -1, 0) == -ENOMEM, "but not twice");
  CALL(SYS_munmap, all, 0x18000000);
  CALL(SYS_munmap, at, 8192);
}

/* ---- The process's own /tmp ---- */

enum { MODEL_FILES = 6, MODEL_MOST = 150000 };
static char model[MODEL_FILES][MODEL_MOST];
static long model_length[MODEL_FILES]; /* -1: there is none */
static long model_file[MODEL_FILES];

/* One random step on one of the files and on its model, with memory refused now and then. -> differences. */
static int temporary_step(int i) {
  static char bytes[40000];
  char name[] = "/tmp/model-0", other[] = "/tmp/model-0";
  name[11] += i;
  long offset = test_random() % (MODEL_MOST - sizeof bytes), length = test_random() % sizeof bytes, result;
  switch (test_random() % 6) {
  case 0:
  case 1:
    memset(bytes, test_random(), length);
    mock_no_memory = test_random() % 8 == 0;
    result = CALL(SYS_pwrite64, model_file[i], (long)bytes, length, offset);
    mock_no_memory = false;
    if (result == -ENOSPC)
      return length == 0;
    if (result < 0 || result > length)
      return 1;
    if (result > 0 && model_length[i] < offset + result)
      model_length[i] = offset + result;
    memcpy(model[i] + offset, bytes, result);
    return 0;
  case 2:
    result = CALL(SYS_ftruncate, model_file[i], offset);
    if (offset < model_length[i])
      memset(model[i] + offset, 0, model_length[i] - offset);
    model_length[i] = offset;
    return result != 0;
  case 3: { /* Closed and opened again, under another's name perhaps: that one goes on without. */
    int j = test_random() % MODEL_FILES;
    other[11] += j;
    if (i == j || test_random() % 4)
      return 0;
    int wrong = CALL(SYS_rename, (long)name, (long)other) != 0 || CALL(SYS_close, model_file[j]) != 0;
    model_file[j] = model_file[i];
    memcpy(model[j], model[i], MODEL_MOST);
    model_length[j] = model_length[i];
    memset(model[i], 0, MODEL_MOST);
    model_length[i] = 0;
    model_file[i] = CALL(SYS_open, (long)name, O_RDWR | O_CREAT | O_EXCL, 0600);
    return wrong + (model_file[i] < 0);
  }
  default: {
    long expected = offset >= model_length[i] ? 0 : model_length[i] - offset;
    if (expected > length)
      expected = length;
    memset(bytes, 0x5a, sizeof bytes);
    result = CALL(SYS_pread64, model_file[i], (long)bytes, length, offset);
    return result != expected || memcmp(bytes, model[i] + offset, expected) != 0;
  }
  }
}

static void test_temporary(void) {
  static char bytes[300000];
  struct stat status;
  CALL(SYS_close, CALL(SYS_open, (long)"f", O_RDWR | O_CREAT, 0600));
  uint64_t calls = mock_calls;
  CALL(SYS_stat, (long)"f", (long)&status);
  CALL(SYS_stat, (long)"not-tmp", (long)&status);
  ok(mock_calls - calls == 4, "names elsewhere cost what they did: %lu calls", mock_calls - calls);
  mock_service_gone = true;
  ok(CALL(SYS_stat, (long)"/tmp", (long)&status) == -EIO, "whose /tmp is cannot be known from a service that is gone");
  mock_service_gone = false;
  uint32_t endpoint = signet_channels[SIGNET_SLOT_FILES].endpoint;
  ok(CALL(SYS_stat, (long)"/tmp", (long)&status) == 0 && status.st_mode == (S_IFDIR | 01777), "but from this one");
  mock_service_gone = true;
  calls = mock_calls;
  ok(CALL(SYS_access, (long)"/tmp/x", 0) == -ENOENT && mock_calls == calls, "once");
  mock_service_gone = false;
  ok(CALL(SYS_access, (long)"/tmpx", 0) == -ENOENT && CALL(SYS_mkdir, (long)"/tmpx", 0700) == -ENOENT,
     "/tmpx is not it");
  ok(CALL(SYS_rename, (long)"f", (long)"/tmp/f") == -EXDEV && CALL(SYS_rename, (long)"/tmp/f", (long)"f") == -EXDEV &&
         CALL(SYS_rename, (long)"/w/f/g", (long)"/tmp/f") == -EXDEV,
     "no renaming to it or from it");
  ok(CALL(SYS_symlink, (long)"f", (long)"/tmp/f") == -EPERM, "no links in it");
  ok(CALL(SYS_symlink, (long)"/tmp/f", (long)"link") == 0, "but to it");

  int wrong = 0;
  for (int i = 0; i < MODEL_FILES; i++) {
    char name[] = "/tmp/model-0";
    name[11] += i;
    model_file[i] = CALL(SYS_open, (long)name, O_RDWR | O_CREAT | O_EXCL, 0600);
    wrong += model_file[i] < 0;
  }
  for (int round = 0; round < 20000; round++)
    wrong += temporary_step(test_random() % MODEL_FILES);
  ok(wrong == 0, "files do as the model: %d differences", wrong);
  for (int i = 0; i < MODEL_FILES; i++) {
    char name[] = "/tmp/model-0";
    name[11] += i;
    CALL(SYS_unlink, (long)name);
    CALL(SYS_close, model_file[i]);
  }

  /* As large as the memory, thrice: what a file had comes back with its last name and descriptor. */
  long lengths[3];
  for (int i = 0; i < 3; i++) {
    long file = CALL(SYS_open, (long)"/tmp/large", O_RDWR | O_CREAT | O_APPEND, 0600), result;
    lengths[i] = 0;
    while ((result = CALL(SYS_write, file, (long)bytes, sizeof bytes)) > 0)
      lengths[i] += result;
    wrong += result != -ENOSPC || CALL(SYS_write, file, (long)bytes, 1 << 14) != -ENOSPC;
    wrong += CALL(SYS_fstat, file, (long)&status) != 0 || status.st_size != lengths[i];
    wrong += CALL(SYS_mkdir, (long)"/tmp/small", 0700) != 0; /* the heap had room for that */
    wrong += CALL(SYS_rmdir, (long)"/tmp/small") != 0 || CALL(SYS_unlink, (long)"/tmp/large") != 0;
    CALL(SYS_close, file);
  }
  ok(wrong == 0 && lengths[0] > 300 << 20 && lengths[1] == lengths[2],
     "until the memory ends: %ld bytes, then %ld and %ld", lengths[0], lengths[1], lengths[2]);

  long file = CALL(SYS_open, (long)"/tmp/far", O_RDWR | O_CREAT, 0600);
  ok(CALL(SYS_ftruncate, file, INT64_MAX) == -EFBIG && CALL(SYS_pwrite64, file, (long)"x", 1, 1l << 32) == -EFBIG &&
         CALL(SYS_pwrite64, file, (long)"x", 1, INT64_MAX) == -EINVAL,
     "nothing is further than a window is long");
  ok(CALL(SYS_ftruncate, file, 1l << 32) == 0 && CALL(SYS_pwrite64, file, (long)"xy", 2, (1l << 32) - 1) == 1 &&
         CALL(SYS_pread64, file, (long)bytes, 100, (1l << 32) - 2) == 2 && bytes[0] == 0 && bytes[1] == 'x' &&
         CALL(SYS_fstat, file, (long)&status) == 0 && status.st_blocks == 32,
     "a hole of 4 GiB takes no memory");
  CALL(SYS_close, file);
  CALL(SYS_unlink, (long)"/tmp/far");

  file = CALL(SYS_open, (long)"/tmp/cut", O_RDWR | O_CREAT, 0600);
  ok(CALL(SYS_write, file, (long)bytes, 100000) == 100000 && CALL(SYS_ftruncate, file, 20000) == 0 &&
         CALL(SYS_stat, (long)"/tmp/cut", (long)&status) == 0 && status.st_blocks == 64,
     "what is cut off takes none");
  CALL(SYS_close, file);
  CALL(SYS_unlink, (long)"/tmp/cut");
  wrong = 0;
  for (int round = 0; round < 20000; round++) {
    mock_no_memory = round > 0; /* what the first one took is there for all */
    wrong += CALL(SYS_close, CALL(SYS_creat, (long)"/tmp/a", 0600)) != 0;
    wrong += CALL(SYS_close, CALL(SYS_creat, (long)"/tmp/b", 0600)) != 0;
    wrong += CALL(SYS_rename, (long)"/tmp/a", (long)"/tmp/b") != 0 || CALL(SYS_unlink, (long)"/tmp/b") != 0;
    wrong += round > 0 && !mock_no_memory;
  }
  mock_no_memory = false;
  ok(wrong == 0, "no piece of the heap is lost: %d errors", wrong);

  /* A heap with nothing left. */
  int made = 0;
  long result = 0;
  for (int i = 0; i < 200 && result == 0; i++) {
    char name[260];
    memset(name, 'n', sizeof name);
    snprintf(name, sizeof name, "/tmp/%03d", i);
    name[8] = 'n';
    name[258] = 0;
    mock_no_memory = true;
    result = CALL(SYS_mkdir, (long)name, 0700);
    made += result == 0;
  }
  ok(result == -ENOSPC && made < 200, "no memory for one more name: %d were made", made);
  mock_no_memory = false;
  char entries[2000];
  int told = 0, refused = 0;
  long directory = CALL(SYS_open, (long)"/tmp", O_RDONLY | O_DIRECTORY);
  refused += CALL(SYS_getdents64, directory, (long)entries, 20) != -EINVAL;
  while ((result = CALL(SYS_getdents64, directory, (long)entries, sizeof entries)) > 0)
    for (long at = 0; at < result; told++) {
      struct signet_directory_entry entry;
      memcpy(&entry, entries + at, offsetof(struct signet_directory_entry, name));
      const char *name = entries + at + offsetof(struct signet_directory_entry, name);
      char full[300];
      snprintf(full, sizeof full, "/tmp/%s", name);
      refused += name[0] != '.' && CALL(SYS_rmdir, (long)full) != 0;
      at += entry.size;
    }
  ok(result == 0 && refused == 0 && told == made + 2, "all are listed and removed: %d of %d", told, made + 2);
  CALL(SYS_close, directory);
  ok(signet_channels[SIGNET_SLOT_FILES].endpoint == endpoint && mock_open_files() == 0,
     "and the service knows nothing");
}

/* ---- Services that misbehave ---- */

static void nonsense(struct service_buffer *buffer) {
  struct files_answer answer = {.error = test_random() % 4 ? 0 : test_random(), .value = test_random()};
  if (test_random() % 2)
    answer.value = (uint64_t)test_random() << 32 | test_random();
  if (test_random() % 3 == 0)
    answer.value = test_random() % 5000;
  /* Often a directory is opened, and what should be its entries follows. */
  if (buffer->message.tag == FILES_OPEN && test_random() % 2)
    answer = (struct files_answer){.value = (uint64_t)S_IFDIR << 32};
  bool shaped = test_random() % 2;
  uint32_t length = test_random() % 4 ? FILES_ANSWER + test_random() % 200 : test_random() % (FILES_ANSWER + 4097);
  for (uint32_t i = 0; i < length; i++)
    buffer->data[i] = test_random();
  memcpy(buffer->data, &answer, sizeof answer);
  if (shaped && length > 64) {
    struct signet_directory_entry entry = {.next = test_random(), .size = test_random() % 3 ? test_random() % 64 : 0};
    memcpy(buffer->data + FILES_ANSWER, &entry, offsetof(struct signet_directory_entry, name));
  }
  buffer->message.tag = test_random() % 2;
  buffer->message.length = length;
  if (test_random() % 2 == 0)
    buffer->message.moved_count = 0;
}

static void test_hostile_service(void) {
  static char bytes[300000];
  struct stat status;
  int wrong = 0;
  mock_hostile = nonsense;
  for (int i = 0; i < 20000; i++) {
    char small[20];
    struct iovec vectors[3] = {{bytes, 100}, {bytes + 500, 5000}, {bytes + 9000, test_random() % 200000}};
    long total = signet_iovec_length(vectors, 3), most = test_random() % 9000;
    long file = CALL(SYS_open, (long)"x", O_RDONLY);
    wrong += CALL(SYS_getdents64, file, (long)bytes, most) > most;
    wrong += CALL(SYS_read, file, (long)small, sizeof small) > (long)sizeof small;
    wrong += CALL(SYS_preadv, file, (long)vectors, 3, 0) > total;
    CALL(SYS_lseek, file, test_random(), SEEK_END);
    CALL(SYS_fstat, file, (long)&status);
    CALL(SYS_close, file);
    file = CALL(SYS_open, (long)"x", O_RDWR | O_APPEND);
    wrong += CALL(SYS_writev, file, (long)vectors, 3) > total;
    wrong += CALL(SYS_write, file, (long)small, sizeof small) > (long)sizeof small;
    CALL(SYS_close, file);
    wrong += CALL(SYS_readlink, (long)"x", (long)small, sizeof small) > (long)sizeof small;
    CALL(SYS_stat, (long)"x", (long)&status);
    wrong += CALL(SYS_writev, 1, (long)vectors, 3) > total;
    wrong += CALL(SYS_read, 0, (long)small, sizeof small) > (long)sizeof small;
    CALL(SYS_ioctl, 1, 0x5401, (long)bytes);
    CALL(SYS_lseek, 1, 0, SEEK_CUR);
    struct pollfd entry = {0, POLLIN, 0};
    CALL(SYS_poll, (long)&entry, 1, 0);
  }
  mock_hostile = NULL;
  ok(wrong == 0, "a service that answers nonsense: %d results larger than what was asked for", wrong);
  for (int i = 0; i < 4; i++)
    signet_channels[i].facts = 0;
  mock_service_gone = true;
  ok(CALL(SYS_open, (long)"f", O_RDONLY) == -EIO, "a service that is gone: open");
  ok(CALL(SYS_write, 1, (long)"f", 1) == -EIO, "write");
  ok(CALL(SYS_read, 0, (long)bytes, 1) == -EIO, "read");
  ok(CALL(SYS_stat, (long)"f", (long)&status) == -EIO, "stat");
  mock_service_gone = false;
  uint32_t endpoint = signet_channels[0].endpoint;
  signet_channels[0].endpoint = 0;
  ok(CALL(SYS_read, 0, (long)bytes, 1) == -EBADF, "a stream that was not granted is not open");
  signet_channels[0].endpoint = endpoint;
}

/* ---- Signals, as far as one thread goes ---- */

static int caught;
static void handler(int number) { caught += number; }

static void test_signals(void) {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
  } action = {handler, 0, NULL, 0};
  uint64_t set = 1ull << (SIGUSR1 - 1), empty = 0;
  ok(CALL(SYS_rt_sigaction, SIGUSR1, (long)&action, 0, 8) == 0 &&
         CALL(SYS_rt_sigaction, SIGKILL, (long)&action, 0, 8) == -EINVAL &&
         CALL(SYS_rt_sigaction, 65, (long)&action, 0, 8) == -EINVAL &&
         CALL(SYS_rt_sigaction, 0, (long)&action, 0, 8) == -EINVAL,
     "sigaction");
  CALL(SYS_kill, CALL(SYS_getpid, 0), SIGUSR1);
  ok(caught == SIGUSR1, "a signal is delivered before kill returns");
  CALL(SYS_rt_sigprocmask, SIG_BLOCK, (long)&set, 0, 8);
  CALL(SYS_tkill, CALL(SYS_gettid, 0), SIGUSR1);
  ok(caught == SIGUSR1, "not while it is blocked");
  CALL(SYS_rt_sigaction, SIGUSR2, (long)&action, 0, 8);
  CALL(SYS_tkill, CALL(SYS_gettid, 0), SIGUSR2);
  ok(caught == SIGUSR1 + SIGUSR2, "nor when another one is delivered");
  caught -= SIGUSR2;
  CALL(SYS_rt_sigprocmask, SIG_SETMASK, (long)&empty, 0, 8);
  ok(caught == 2 * SIGUSR1, "but then");
  ok(CALL(SYS_tkill, 99999, SIGUSR1) == -ESRCH && CALL(SYS_kill, 99999, 0) == -ESRCH, "nobody there");
}

static void test_all(void) {
  mock_begin(1);
  CALL(SYS_set_tid_address, 0);
  test_ranges();
  test_descriptors();
  test_transfers();
  test_temporary();
  test_threads();
  test_memory();
  test_signals();
  test_hostile_service();
  test_numbers();
  mock_end();
}

int main(void) {
  test_run_low(test_all);
  return finish();
}
