/* The client's side: a program under the library OS, whose file and console services answer whatever their contract
 * lets through, or die, and whose supervisor brings others. The program makes the calls that an input says; what it is
 * told has to be what Linux could say, and nothing outside its buffers may change. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <sanitizer/asan_interface.h>
#include <signet/device.h>
#include <signet/supervised.h>

#include "contracts/files.h"
#include "contracts/supervision.h"
#include "lib/library.h"
#include "tests/fuzz/service_play.h"

const unsigned fuzz_count = 2500;

#define STREAMS 4 /* input, output, error, files: the slots */
#define CALLS_MOST 80
#define ROOM 0x50000u
#define DESCRIPTORS 8
#define WRITTEN 'p'

static uint32_t files, supervision;
static bool marks[STREAMS][256]; /* what the services of that slot fill their bytes with */
static uint8_t slot_of[KERNEL_ENDS_MOST];
static struct files_request asked[KERNEL_ENDS_MOST];
static uint8_t room[ROOM] __attribute__((aligned(64)));
struct signet_process_facts signet_facts; /* start.c is not linked */
_Noreturn void service_main(const struct signet_startup *startup);
bool signet_slot_renew(uint32_t slot, uint32_t endpoint);

/* ---- The program ---- */

static struct signet_supervised supervised;

/* `length` bytes, behind which everything is forbidden. */
static uint8_t *buffer(uint32_t length) {
  __asan_unpoison_memory_region(room, ROOM);
  uint8_t *bytes = room + ROOM - length;
  bytes -= (uintptr_t)bytes % 8; /* as the sanitizer can say it */
  memset(bytes, WRITTEN, length);
  __asan_poison_memory_region(bytes + length, (size_t)(room + ROOM - (bytes + length)));
  return bytes;
}

/* A result that Linux could give: at most `most`, or an error of its own. */
static long call(const char *name, long number, long a, long b, long c, long d, uint64_t most) {
  long result = signet_system_call(number, a, b, c, d, 0, 0);
  if (result < 0 ? result <= INTERRUPTED_AGAIN : (uint64_t)result > most)
    fuzz_fail("%s says %ld, of at most %lu", name, result, most);
  service_counted(result >= 0);
  return result;
}

static uint32_t size(void) {
  static const uint32_t sizes[] = {0, 1, 100, 303, 304, 305, 4096, 4097, 65536, 65537, 0x40000, 0x48000};
  uint8_t choice = fuzz_byte(&kernel_input);
  return sizes[choice % (sizeof sizes / sizeof *sizes)];
}

static const char *path(void) {
  static const char *const paths[] = {"/a", "/dir", "b/c", "/tmp/x", "../d", "/w/", ".", "/dev/null", "/tmp"};
  return paths[fuzz_byte(&kernel_input) % (sizeof paths / sizeof *paths)];
}

static long descriptor(void) { return fuzz_byte(&kernel_input) % DESCRIPTORS; }

/* Bytes that were read are those of a service of that stream. Files may be the program's own. */
static void were_said(long number, const uint8_t *bytes, long length) {
  for (long i = 0; i < length; i++)
    if (number == 0 ? !marks[0][bytes[i]]
                    : number > 2 && bytes[i] && bytes[i] != WRITTEN && !marks[3][bytes[i]] && !marks[0][bytes[i]])
      fuzz_fail("the byte %ld of %ld that descriptor %ld gave, %#x, was never said", i, length, number, bytes[i]);
}

static void list(void) {
  uint32_t length = size();
  uint8_t *bytes = buffer(length);
  long result = call("getdents64", SYS_getdents64, descriptor(), (long)bytes, length, 0, length);
  for (long at = 0; at < result;) {
    struct signet_directory_entry entry;
    if (result - at < (long)offsetof(struct signet_directory_entry, name) + 1)
      fuzz_fail("a directory's record of %ld bytes", result - at);
    memcpy(&entry, bytes + at, offsetof(struct signet_directory_entry, name));
    if (entry.size % 8 || entry.size > result - at || entry.size <= offsetof(struct signet_directory_entry, name) ||
        !memchr(bytes + at + offsetof(struct signet_directory_entry, name), 0,
                entry.size - offsetof(struct signet_directory_entry, name)))
      fuzz_fail("a directory's record at %ld of %ld is of %u bytes, or its name has no end", at, result, entry.size);
    at += entry.size;
  }
}

static void transfer(uint8_t how) {
  static const long numbers[2][2] = {{SYS_read, SYS_pread64}, {SYS_write, SYS_pwrite64}};
  uint32_t length = size();
  uint8_t *bytes = buffer(length);
  long number = descriptor(), offset = how & 2 ? (long)fuzz_number(&kernel_input, how & 4 ? 8 : 2) : 0;
  bool writes = how & 1, at = how & 2;
  long result = call(writes ? "write" : "read", numbers[writes][at], number, (long)bytes, length, offset, length);
  if (!writes && !at)
    were_said(number, bytes, result);
}

static void transfer_two(void) {
  uint32_t first = size() % 5000, second = size() % 0x40000;
  uint8_t *bytes = buffer(first + second + 64);
  struct iovec vectors[2] = {{bytes, first}, {bytes + first + 64, second}};
  long number = descriptor();
  long result = call("readv", SYS_readv, number, (long)vectors, 2, 0, first + second);
  for (uint32_t i = 0; i < 64; i++)
    if (bytes[first + i] != WRITTEN)
      fuzz_fail("readv changes what lies between two buffers");
  were_said(number, bytes, result < (long)first ? result : (long)first);
}

static void look(uint8_t how) {
  static const int times[] = {0, 1, 40, -1};
  struct pollfd entries[2] = {{(int)descriptor(), POLLIN, 0}, {how & 4 ? (int)descriptor() : -1, POLLIN | POLLOUT, 0}};
  call("poll", SYS_poll, (long)entries, 2, times[how & 3], 0, 2);
}

static void control(uint8_t how) {
  static const long requests[] = {TIOCGWINSZ, FIONREAD, 0x5401 /* TCGETS */, 0x5402 /* TCSETS */, FIONBIO};
  uint8_t *bytes = buffer(64);
  memset(bytes, 0, 64);
  bytes[0] = how & 1;
  call("ioctl", SYS_ioctl, descriptor(), requests[how % 5], (long)bytes, 0, INT32_MAX);
}

static void name_call(uint8_t how) {
  struct stat status;
  uint32_t length = size();
  const char *one = path(), *two = path();
  switch (how % 8) {
  case 0:
    call("readlink", SYS_readlink, (long)one, (long)buffer(length), length, 0, length);
    return;
  case 1:
    call("rename", SYS_rename, (long)one, (long)two, 0, 0, 0);
    return;
  case 2:
    call("mkdir", SYS_mkdir, (long)one, 0755, 0, 0, 0);
    return;
  case 3:
    call("unlink", SYS_unlink, (long)one, 0, 0, 0, 0);
    return;
  case 4:
    call("chdir", SYS_chdir, (long)one, 0, 0, 0, 0);
    return;
  case 5:
    call("getcwd", SYS_getcwd, (long)buffer(length), length, 0, 0, length);
    return;
  default:
    call("stat", how & 8 ? SYS_lstat : SYS_stat, (long)one, (long)&status, 0, 0, 0);
  }
}

static void one_call(void) {
  static const int flags[] = {O_RDONLY, O_RDWR | O_CREAT, O_WRONLY | O_APPEND, O_RDONLY | O_DIRECTORY};
  struct stat status;
  uint8_t which = fuzz_byte(&kernel_input), how = fuzz_byte(&kernel_input);
  switch (which % 16) {
  case 0 ... 1:
    call("open", SYS_open, (long)path(), flags[how % 4], 0644, 0, 4095);
    return;
  case 2 ... 5:
    transfer(how);
    return;
  case 6:
    transfer_two();
    return;
  case 7:
    list();
    return;
  case 8:
    call("lseek", SYS_lseek, descriptor(), (long)fuzz_number(&kernel_input, how & 8 ? 8 : 2), how % 4, 0, INT64_MAX);
    return;
  case 9:
    call("fstat", SYS_fstat, descriptor(), (long)&status, 0, 0, 0);
    return;
  case 10:
    look(how);
    return;
  case 11:
    control(how);
    return;
  case 12:
    name_call(how);
    return;
  case 13:
    if (how & 1)
      call("sendfile", SYS_sendfile, descriptor(), descriptor(), 0, size(), INT64_MAX);
    else
      call("close", SYS_close, 3 + descriptor(), 0, 0, 0, 0);
    return;
  case 14:
    call("ftruncate or fsync", how & 1 ? SYS_ftruncate : SYS_fsync, descriptor(), size(), 0, 0, 0);
    return;
  case 15:
    if (how & 1)
      call("kill", SYS_kill, 0, SIGINT, 0, 0, 0);
    else
      signet_supervised_wait(&supervised, 0);
  }
}

static void on_signal(int number) { (void)number; }

static void service_back(void *context, uint32_t slot, uint32_t endpoint, uint32_t restarts) {
  (void)context, (void)restarts;
  if (!signet_slot_renew(slot, endpoint))
    signet_handle_close(endpoint);
}

static void act_on(int number, void (*handler)(int), unsigned long flags) {
  const struct {
    uintptr_t handler;
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
  } action = {(uintptr_t)handler, flags, 0, 0};
  signet_system_call(SYS_rt_sigaction, number, (long)&action, 0, sizeof action.mask, 0, 0);
}

_Noreturn void service_main(const struct signet_startup *startup) {
  static const struct signet_supervised_calls calls = {.service_back = service_back};
  uint32_t clear = 0;
  signet_memory_begin(startup->area_low, startup->area_high);
  signet_facts = (struct signet_process_facts){startup, "program", "/w", 1000, false};
  for (uint32_t i = 0; i < STREAMS; i++) {
    signet_channels[i].endpoint = startup->handles[i];
    signet_channels[i].slot = i + 1;
  }
  memset(&signet_thread, 0, sizeof signet_thread);
  signet_system_call(SYS_set_tid_address, (long)&clear, 0, 0, 0, 0, 0);
  act_on(SIGPIPE, SIG_IGN, 0);
  act_on(SIGINT, on_signal, fuzz_byte(&kernel_input) & 1 ? 0x10000000 /* SA_RESTART */ : 0);
  signet_supervised_begin(&supervised, startup->handles[STREAMS], &calls, NULL);
  for (uint32_t i = 0; i < CALLS_MOST && kernel_input.at < kernel_input.end; i++)
    one_call();
  for (long i = 3; i < 2 * DESCRIPTORS; i++)
    signet_system_call(SYS_close, i, 0, 0, 0, 0, 0);
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}

/* ---- Its services ---- */

static void serves(uint32_t end, uint32_t slot) {
  slot_of[end] = (uint8_t)slot;
  marks[slot][service_mark(end)] = true;
  asked[end] = (struct files_request){0};
}

static void begin(void) {
  uint32_t handles[STREAMS + 1];
  memset(marks, 0, sizeof marks);
  files = kernel_learn(&files_contract, FILES_CONTRACT_LENGTH);
  supervision = kernel_learn(&supervision_contract, SUPERVISION_CONTRACT_LENGTH);
  for (uint32_t i = 0; i < STREAMS; i++) {
    uint32_t client = kernel_channel(files, i + 1);
    handles[i] = kernel_give(client);
    serves(client + 1, i);
  }
  uint32_t client = kernel_channel(supervision, 0);
  handles[STREAMS] = kernel_give(client);
  service_supervisor = service_honest[0] = client + 1; /* act speaks for it */
  service_may_refuse = true;                           /* it ends when it has made its calls */
  kernel_start(handles, STREAMS + 1, "", 1);
}

static uint64_t edge(void) {
  static const uint64_t edges[] = {0,         1,          2,       304,       305,        4096,
                                   4097,      0x40000,    0x40001, INT32_MAX, UINT32_MAX, INT64_MAX,
                                   1ul << 63, UINT64_MAX, -11ul,   -512ul,    -4096ul,    0x400000003ul};
  return edges[fuzz_byte(&kernel_input) % (sizeof edges / sizeof *edges)];
}

/* Records of a directory, of which some are none. */
static uint32_t records(uint8_t *to, uint32_t most) {
  uint32_t used = 0, count = fuzz_byte(&kernel_input) % 12;
  for (uint32_t i = 0; i < count; i++) {
    uint8_t choice = fuzz_byte(&kernel_input);
    uint32_t head = offsetof(struct signet_directory_entry, name), whole = head + 5 + choice % 8;
    whole = (whole + 7) & ~7u;
    struct signet_directory_entry entry = {.inode = i, .next = i + 1, .size = (uint16_t)whole, .type = 8};
    if (choice >= 0xf0)
      entry.size = (uint16_t)edge();
    if (choice >= 0xe0)
      entry.next = edge();
    if (used + whole > most)
      break;
    memset(to + used, 'n', whole);
    memcpy(to + used, &entry, head);
    if (choice < 0xf8)
      to[used + whole - 1] = 0;
    used += whole;
  }
  return used;
}

static uint32_t compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t least, uint32_t most) {
  static const uint32_t errors[] = {ENOENT, EINTR, EIO, EAGAIN, EPIPE, ENOSPC, 511, 512, 514, 4095, 4096, UINT32_MAX};
  const struct files_request *request = &asked[end];
  struct files_answer answer = {0};
  uint8_t choice = fuzz_byte(&kernel_input);
  uint32_t bytes = 0, room_for = most - FILES_ANSWER;
  if (kernel_ends[end].contract != files)
    return 0;
  switch (service_asked[end]) {
  case FILES_STREAM_READ:
  case FILES_READ:
  case FILES_READ_LINK:
    bytes = (uint32_t)(request->length < room_for ? request->length : room_for);
    if (choice & 3)
      bytes = (choice & 3) == 1 ? bytes / 2 : (uint32_t)(edge() % (room_for + 1));
    memset(data + FILES_ANSWER, service_mark(end), bytes);
    answer.value = bytes;
    break;
  case FILES_LIST:
    answer.value = bytes = records(data + FILES_ANSWER, room_for);
    break;
  case FILES_STATUS:
  case FILES_STATUS_NAME:
  case FILES_STREAM_STATUS: {
    static const uint32_t modes[] = {S_IFREG | 0644, S_IFDIR | 0755, S_IFLNK, 0};
    struct signet_file_status status = {.mode = modes[choice & 3], .size = edge()};
    memcpy(data + FILES_ANSWER, &status, sizeof status);
    bytes = choice & 4 ? sizeof status : fuzz_byte(&kernel_input) % 200;
    answer.value = choice >> 3;
    break;
  }
  case FILES_OPEN:
    answer.value = choice % 16 | (uint64_t)(choice & 0x10 ? S_IFDIR : S_IFREG) << 32;
    break;
  default:
    answer.value = request->length;
  }
  if (choice >= 0xf0)
    answer.error = errors[fuzz_byte(&kernel_input) % (sizeof errors / sizeof *errors)];
  if (choice >= 0xe0)
    answer.value = edge();
  memcpy(data, &answer, sizeof answer);
  if (tag == FILES_ANSWERED_BLOCK || least == most)
    return least;
  return FILES_ANSWER + bytes;
}

static void heard(uint32_t end, const struct kernel_message *message) {
  if (kernel_ends[end].contract != files)
    return;
  service_asked[end] = message->tag;
  memcpy(&asked[end], message->data, sizeof asked[end]);
}

/* The supervisor speaks: another service at a slot, while the old one is there still or is not. */
static void supervise(void) {
  static struct kernel_message message;
  while (kernel_peer_receive(service_supervisor, &message))
    ;
  if (kernel_ends[service_supervisor].closed || !kernel_may_send(service_supervisor, SUPERVISION_SERVICE_BACK))
    return;
  uint8_t slot = fuzz_byte(&kernel_input) % 6;
  uint32_t client = kernel_channel(files, slot);
  if (!client)
    return;
  if (slot < STREAMS)
    serves(client + 1, slot);
  const uint32_t data[2] = {slot, 1};
  message = (struct kernel_message){.tag = SUPERVISION_SERVICE_BACK, .length = sizeof data, .moved_count = 1};
  message.moved[0] = (struct kernel_moved){SIGNET_KIND_CLIENT, client};
  memcpy(message.data, data, sizeof data);
  kernel_peer_send(service_supervisor, &message);
}

static void act(uint8_t which) {
  if (which == 0)
    supervise();
  else if (which == 1)
    kernel_event = SIGINT;
  kernel_changed();
}

static bool may_stand(uint32_t end) { return end != 0; }

/* All services die, and with them everything that the program waits for. */
static void finish(void) {
  for (uint32_t round = 0; round < 10 && !kernel_exited; round++) {
    for (uint32_t end = 2; end < kernel_ends_used; end++)
      if (kernel_ends[end].holder == KERNEL_PEER)
        kernel_peer_close(end);
    service_settle();
  }
  if (!kernel_exited)
    fuzz_fail("its services are gone, and the program waits");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const struct service_target target = {.begin = begin,
                                               .act = act,
                                               .compose = compose,
                                               .heard = heard,
                                               .may_stand = may_stand,
                                               .finish = finish,
                                               .answers = true};
  service_play(&target, bytes, length);
  if (kernel_exited && kernel_exit_code)
    fuzz_fail("the program ended with %u", kernel_exit_code);
  if (kernel_held(SIGNET_KIND_BLOCK) > STREAMS)
    fuzz_fail("%u blocks are held by %u channels", kernel_held(SIGNET_KIND_BLOCK), STREAMS);
  if (kernel_held(SIGNET_KIND_CLIENT) > STREAMS + 1)
    fuzz_fail("%u ends are held", kernel_held(SIGNET_KIND_CLIENT));
  return 0;
}
