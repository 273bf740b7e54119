/* A device of the real port is lent to a child again and again, which leaves files open in it and is stopped, faults,
 * exits, or closes it. One image, two roles: without start-up bytes it is who lends, with them who borrows. Started by
 * lend_host.c with a directory device in slot 0, which holds this image as "lend"; a stream in slot 1. Prints TAP. No C
 * library. */
#include <signet/calls.h>
#include <signet/device.h>

#define ROUNDS 60
#define FILES 100 /* in all more than the device allows open at a time */
#define PIECE 65536u

enum way { WAY_STOPPED, WAY_WAITING, WAY_FAULT, WAY_EXIT, WAY_CLOSE, WAYS };

static uint32_t directory, stream;
static unsigned tests, failures;
static union {
  struct signet_observed_process process[8];
  struct signet_observed_channel channel[8];
} told;

static struct signet_result request(uint32_t device, uint32_t operation, const void *buffer, uint64_t length,
                                    const char *text, uint64_t first, uint64_t second) {
  uint32_t named = 0;
  while (text[named])
    named++;
  struct signet_device_request asked = {.operation = operation,
                                        .buffer_offset = (uint32_t)(uintptr_t)buffer,
                                        .buffer_length = (uint32_t)length,
                                        .text_offset = (uint32_t)(uintptr_t)text,
                                        .text_length = named,
                                        .arguments = {first, second}};
  return signet_device_request(device, &asked);
}

static void print(const char *text) {
  uint32_t length = 0;
  while (text[length])
    length++;
  while (length) {
    struct signet_result written = request(stream, SIGNET_STREAM_WRITE, text, length, "", 0, 0);
    if (written.status != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, 3);
    text += written.value, length -= (uint32_t)written.value;
  }
}

static void print_number(unsigned number) {
  char text[12], *at = text + 11;
  *at = 0;
  do
    *--at = (char)('0' + number % 10);
  while (number /= 10);
  print(at);
}

static void ok(int good, const char *name) {
  print(good ? "ok " : "not ok ");
  print_number(++tests);
  print(" - ");
  print(name);
  print("\n");
  failures += !good;
}

static struct signet_result open_file(uint32_t device) {
  return request(device, SIGNET_DIRECTORY_OPEN, 0, 0, "lend", SIGNET_OPEN_READ, 0);
}

/* ---- Who borrows ---- */

static _Noreturn void borrow(uint32_t device, enum way way) {
  for (unsigned i = 0; i < FILES; i++) {
    struct signet_result opened = open_file(device);
    if (opened.status != SIGNET_OK || opened.value != i)
      signet_process_exit(SIGNET_ENDED_EXIT, 100);
  }
  volatile uint32_t word = 0;
  switch (way) {
  case WAY_STOPPED:
    for (;;)
      signet_thread_yield();
  case WAY_FAULT:
    __builtin_trap();
  case WAY_CLOSE:
    if (signet_handle_close(device).status != SIGNET_OK || open_file(device).status != SIGNET_HANDLE)
      signet_process_exit(SIGNET_ENDED_EXIT, 101);
    __attribute__((fallthrough));
  case WAY_WAITING:
    for (;;)
      signet_word_wait(&word, 0, SIGNET_NEVER);
  case WAY_EXIT:
  case WAYS:
    break;
  }
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}

/* ---- Who lends ---- */

static uint32_t own_image(void) {
  struct signet_file_status status;
  struct signet_result opened = open_file(directory);
  if (opened.status != SIGNET_OK ||
      request(directory, SIGNET_DIRECTORY_STATUS, &status, sizeof status, "", opened.value, 0).status != SIGNET_OK)
    return 0;
  struct signet_result block = signet_block_allocate(status.size);
  for (uint64_t at = 0; block.status == SIGNET_OK && at < status.size;) {
    uint64_t piece = status.size - at < PIECE ? status.size - at : PIECE;
    struct signet_result got =
        request(directory, SIGNET_DIRECTORY_READ, (char *)(block.value >> 32) + at, piece, "", opened.value, at);
    if (got.status != SIGNET_OK || !got.value)
      return 0;
    at += got.value;
  }
  request(directory, SIGNET_DIRECTORY_CLOSE, 0, 0, "", opened.value, 0);
  struct signet_result image = signet_image_load((uint32_t)block.value, status.size);
  return image.status == SIGNET_OK ? (uint32_t)image.value : 0;
}

static uint32_t child_of_way(uint32_t image, enum way way) {
  uint32_t bytes = way;
  struct signet_process_specification specification = {
      .image = image,
      .slots = 1,
      .startup_offset = (uint32_t)(uintptr_t)&bytes,
      .startup_length = sizeof bytes,
      .stack = 16 * SIGNET_PAGE,
      .quota = {.memory = 4 << 20, .threads = 2, .handles = 4, .regions = 4},
      .name = "borrower",
  };
  struct signet_result child = signet_process_create(&specification);
  return child.status == SIGNET_OK ? (uint32_t)child.value : 0;
}

/* Calls that the one child has made; UINT64_MAX: it is not told of, or another is. */
static uint64_t calls_of_child(void) {
  struct signet_result got = signet_process_observe(SIGNET_OBSERVE_PROCESSES, 0, &told, sizeof told);
  if (got.status != SIGNET_OK || got.value != 2 || told.process[1].parent != told.process[0].number)
    return UINT64_MAX;
  return told.process[1].state == SIGNET_PROCESS_STOPPED ? FILES + 3 : told.process[1].calls;
}

/* -> NULL, or what was wrong. */
static const char *round_of(uint32_t image, enum way way) {
  struct signet_ending ending;
  uint32_t child = child_of_way(image, way), other = child_of_way(image, way);
  if (!child || !other)
    return "no child";
  if (signet_process_grant(child, 0, directory).status != SIGNET_OK)
    return "it cannot be lent";
  if (signet_process_grant(other, 0, directory).status != SIGNET_STATE || open_file(directory).status != SIGNET_STATE)
    return "it is lent, and here at once";
  if (signet_handle_close(other).status != SIGNET_OK || signet_process_start(child).status != SIGNET_OK)
    return "it does not start";
  uint64_t wanted = way == WAY_CLOSE ? FILES + 3 : FILES + 1, calls;
  while (way != WAY_FAULT && way != WAY_EXIT && (calls = calls_of_child()) < wanted)
    signet_thread_yield();
  if (way == WAY_CLOSE && open_file(directory).value != 0)
    return "it was closed, and is not as new";
  if (way == WAY_CLOSE)
    request(directory, SIGNET_DIRECTORY_CLOSE, 0, 0, "", 0, 0);
  else if (way < WAY_FAULT && open_file(directory).status != SIGNET_STATE)
    return "who has it lives, and it is back";
  if (way != WAY_FAULT && way != WAY_EXIT && signet_process_stop(child).status != SIGNET_OK)
    return "it does not stop";
  if (signet_process_wait(child, &ending, SIGNET_NEVER).status != SIGNET_OK)
    return "it has not ended";
  static const uint32_t kinds[WAYS] = {SIGNET_ENDED_STOPPED, SIGNET_ENDED_STOPPED, SIGNET_ENDED_FAULT,
                                       SIGNET_ENDED_EXIT, SIGNET_ENDED_STOPPED};
  if (ending.kind != kinds[way] || (way == WAY_EXIT && ending.code))
    return "it ended otherwise";
  /* The first file has the first number: nothing is open. */
  struct signet_result opened = open_file(directory);
  if (opened.status != SIGNET_OK || opened.value)
    return "it is not as new";
  return request(directory, SIGNET_DIRECTORY_CLOSE, 0, 0, "", 0, 0).status == SIGNET_OK ? 0 : "nor does it close";
}

_Noreturn void service_main(const struct signet_startup *startup);

_Noreturn void service_main(const struct signet_startup *startup) {
  static const char *const names[WAYS] = {"lent to a child that computes, which is stopped", "to one that waits",
                                          "to one that faults", "to one that exits",
                                          "to one that closes it and goes on"};
  directory = startup->handles[0];
  if (startup->bytes_length)
    borrow(directory, *(const enum way *)(uintptr_t)startup->bytes_offset);
  stream = startup->handles[1];
  uint32_t image = own_image();
  ok(image != 0, "the image is read from the directory that is lent later");
  for (unsigned way = 0; image && way < WAYS; way++) {
    const char *wrong = 0;
    for (unsigned i = 0; i < ROUNDS && !wrong; i++)
      wrong = round_of(image, (enum way)way);
    ok(!wrong, wrong ? wrong : names[way]);
  }
  print("1..");
  print_number(tests);
  print("\n");
  signet_process_exit(SIGNET_ENDED_EXIT, failures ? 1 : 0);
}
