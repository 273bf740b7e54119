/* The kernel's own figures, measured by a sealed process: `parent null|channel|stubs|block|start|alive ROUNDS [IMAGE]`.
 * Run by bench/run under `signet run`; prints nanoseconds for one operation, as bench/native/linux.c does. For `alive`
 * it starts ROUNDS processes that all wait, says so, and stops them when told to on standard input. */
#include <string.h>

#include "bench/sealed/ask.h"
#include "bench/sealed/exchange.h"
#define PROGRAM "parent"
#include "bench/sealed/load.h"
#include "contracts/files.h"
#include <signet/image.h>

#define BLOCK 65536

static const struct exchange_contract exchange = {
    .contract = {.version = 1,
                 .messages = EXCHANGE_MESSAGES,
                 .states = EXCHANGE_STATES,
                 .slots_to_server = 1,
                 .slots_to_client = 1,
                 .data_most = EXCHANGE_DATA,
                 .identity = "bench exchange"},
    .messages = {[EXCHANGE_REQUEST] = {.length_least = EXCHANGE_DATA, .length_most = EXCHANGE_DATA},
                 [EXCHANGE_REPLY] = {.to_client = 1, .length_least = EXCHANGE_DATA, .length_most = EXCHANGE_DATA},
                 [EXCHANGE_BLOCK] = {.moved_count = 1, .moved_kind = {SIGNET_KIND_BLOCK}},
                 [EXCHANGE_BLOCK_BACK] = {.to_client = 1, .moved_count = 1, .moved_kind = {SIGNET_KIND_BLOCK}}},
    .next = {[EXCHANGE_IDLE] = {EXCHANGE_ASKED, SIGNET_CONTRACT_REFUSED, EXCHANGE_LENT, SIGNET_CONTRACT_REFUSED},
             [EXCHANGE_ASKED] = {SIGNET_CONTRACT_REFUSED, EXCHANGE_IDLE, SIGNET_CONTRACT_REFUSED,
                                 SIGNET_CONTRACT_REFUSED},
             [EXCHANGE_LENT] = {SIGNET_CONTRACT_REFUSED, SIGNET_CONTRACT_REFUSED, SIGNET_CONTRACT_REFUSED,
                                EXCHANGE_IDLE}},
};

static double now(void) { return (double)done(signet_clock_read(SIGNET_CLOCK_MONOTONIC), "clock_read"); }

static double null_call(long rounds) {
  double start = now();
  for (long i = 0; i < rounds; i++)
    signet_abi_version();
  return (now() - start) / (double)rounds;
}

/* Starts echo.c, or stub_echo.c; the client end is written to *endpoint. */
static uint32_t start_echo(const char *path, const struct signet_contract *contract, size_t length,
                           uint32_t *endpoint) {
  struct signet_process_specification specification = {
      .image = load_image(path),
      .slots = 1,
      .stack = 16 * SIGNET_PAGE,
      .quota = {.memory = 1 << 20, .threads = 1, .handles = 4, .regions = 16},
      .name = "echo",
  };
  uint32_t child = (uint32_t)done(signet_process_create(&specification), "process_create");
  uint64_t ends = done(signet_channel_create(contract, length), "channel_create");
  done(signet_process_grant(child, 0, (uint32_t)(ends >> 32)), "process_grant");
  done(signet_process_start(child), "process_start");
  *endpoint = (uint32_t)ends;
  return child;
}

static void end_echo(uint32_t child, uint32_t endpoint) {
  struct signet_ending ending;
  done(signet_handle_close(endpoint), "handle_close");
  done(signet_process_wait(child, &ending, SIGNET_NEVER), "process_wait");
  if (ending.kind != SIGNET_ENDED_EXIT || ending.code != 0) {
    fprintf(stderr, "parent: the other side ended as %u with code %u\n", ending.kind, ending.code);
    exit(1);
  }
}

static double request_and_reply(long rounds, const char *path) {
  uint32_t endpoint, child = start_echo(path, &exchange.contract, sizeof exchange, &endpoint);
  struct exchange_message request = {.message = {.tag = EXCHANGE_REQUEST, .length = EXCHANGE_DATA}}, reply;
  double start = now();
  for (long i = 0; i < rounds; i++) {
    done(signet_channel_call(endpoint, &request.message, &reply.message, sizeof reply, SIGNET_NEVER), "channel_call");
    memcpy(request.data, reply.data, EXCHANGE_DATA);
  }
  double time = (now() - start) / (double)rounds;
  if (request.data[0] != (uint8_t)rounds || request.data[EXCHANGE_DATA - 1] != (uint8_t)rounds) {
    fprintf(stderr, "parent: the replies were wrong\n");
    exit(1);
  }
  end_echo(child, endpoint);
  return time;
}

/* request_and_reply by the functions that contractc makes. */
static double through_stubs(long rounds, const char *path) {
  struct ask_client_READY ready;
  struct ask_client_QUESTION_ASKED waiting;
  struct ask_client_QUESTION_ASKED_received received;
  struct ask_buffer buffer;
  struct ask_QUESTION question = {{0}};
  uint32_t endpoint, child = start_echo(path, &ask_contract.contract, ASK_CONTRACT_LENGTH, &endpoint);
  if (ask_adopt_client_READY(endpoint, &ready) != SIGNET_OK) {
    fprintf(stderr, "parent: the end is another than it was made\n");
    exit(1);
  }
  double start = now();
  for (long i = 0; i < rounds; i++) {
    int64_t status = ask_call_QUESTION(&ready, &waiting, &question, &received, &buffer, SIGNET_NEVER);
    if (status != SIGNET_OK)
      end_echo(child, waiting.handle);
    done((struct signet_result){status, 0}, "ask_call_QUESTION");
    memcpy(question.bytes, received.REPLY.message.bytes, ASK_BYTES);
    ready = received.REPLY.next;
  }
  double time = (now() - start) / (double)rounds;
  if (question.bytes[0] != (uint8_t)rounds || question.bytes[ASK_BYTES - 1] != (uint8_t)rounds) {
    fprintf(stderr, "parent: the replies were wrong\n");
    exit(1);
  }
  end_echo(child, ready.handle);
  return time;
}

static double block_and_back(long rounds, const char *path) {
  uint32_t endpoint, child = start_echo(path, &exchange.contract, sizeof exchange, &endpoint);
  uint64_t block = done(signet_block_allocate(BLOCK), "block_allocate");
  uint32_t handle = (uint32_t)block;
  volatile uint8_t *bytes = (volatile uint8_t *)(uintptr_t)(block >> 32);
  struct exchange_message message;
  for (uint32_t at = 0; at < BLOCK; at += SIGNET_PAGE)
    bytes[at] = 1;
  double start = now();
  for (long i = 0; i < rounds; i++) {
    message.message = (struct signet_message){.tag = EXCHANGE_BLOCK, .moved_count = 1, .moved = {{.handle = handle}}};
    done(signet_channel_call(endpoint, &message.message, &message.message, sizeof message, SIGNET_NEVER),
         "channel_call");
    handle = message.message.moved[0].handle;
    bytes = (volatile uint8_t *)(uintptr_t)message.message.moved[0].offset;
    for (uint32_t at = 0; at < BLOCK; at += SIGNET_PAGE)
      bytes[at]++;
  }
  double time = (now() - start) / (double)rounds;
  if (bytes[BLOCK - SIGNET_PAGE] != (uint8_t)(1 + 2 * rounds)) {
    fprintf(stderr, "parent: the block came back with other bytes\n");
    exit(1);
  }
  end_echo(child, endpoint);
  return time;
}

/* A hello-world program under the library OS; its parent is its console. */
struct hello {
  uint32_t child;
  uint32_t input, output, error, files; /* server ends */
};

static uint32_t make_end(uint32_t child, uint32_t slot) {
  uint64_t ends = done(signet_channel_create(&files_contract.contract, FILES_CONTRACT_LENGTH), "channel_create");
  done(signet_process_grant(child, slot, (uint32_t)ends), "process_grant");
  return (uint32_t)(ends >> 32);
}

static struct hello start_hello(uint32_t image) {
  static struct {
    struct signet_program program;
    char text[sizeof "hello\0/\0input\0output\0error\0files"];
  } bytes = {{.version = SIGNET_PROGRAM_VERSION, .arguments = 1, .slots = 4}, "hello\0/\0input\0output\0error\0files"};
  struct signet_process_specification specification = {
      .image = image,
      .slots = 4,
      .startup_offset = (uint32_t)(uintptr_t)&bytes,
      .startup_length = sizeof bytes,
      .stack = 16 * SIGNET_PAGE,
      .quota = {.memory = 1 << 20, .threads = 1, .handles = 8, .regions = 16},
      .name = "hello",
  };
  struct hello hello;
  hello.child = (uint32_t)done(signet_process_create(&specification), "process_create");
  hello.input = make_end(hello.child, SIGNET_SLOT_INPUT);
  hello.output = make_end(hello.child, SIGNET_SLOT_OUTPUT);
  hello.error = make_end(hello.child, SIGNET_SLOT_ERROR);
  hello.files = make_end(hello.child, SIGNET_SLOT_FILES);
  done(signet_process_start(hello.child), "process_start");
  return hello;
}

/* Answers what it asks of its standard output until it writes; true when that was a greeting. A program that ends first
 * gives false. */
static int serve_until_written(const struct hello *hello, int answer_write) {
  static struct {
    struct signet_message message;
    uint8_t data[FILES_DATA_MOST];
  } message;
  uint32_t ends[4] = {hello->output, hello->files, hello->error, hello->input};
  for (;;) {
    struct signet_result result = signet_channel_receive(ends, 4, &message.message, sizeof message, SIGNET_NEVER);
    if (result.status != SIGNET_OK)
      return 0;
    uint32_t end = ends[result.value], tag = message.message.tag;
    int written = tag == FILES_STREAM_WRITE && message.message.length == FILES_REQUEST + 6 &&
                  memcmp(message.data + FILES_REQUEST, "hello\n", 6) == 0;
    if (written && !answer_write)
      return 1;
    /* Anything else that it asks is not there: the answer that a pipe would give. */
    struct files_answer answer = {.error = written || tag == FILES_STREAM_STATUS ? 0 : 25 /* ENOTTY */, .value = 0};
    if (written)
      answer.value = 6;
    uint32_t extra = 0;
    if (tag == FILES_STREAM_STATUS) {
      struct signet_file_status status = {.mode = 0010600};
      answer.value = SIGNET_STREAM_IS_PIPE;
      memcpy(message.data + FILES_ANSWER, &status, sizeof status);
      extra = sizeof status;
    }
    message.message = (struct signet_message){.tag = FILES_ANSWERED, .length = FILES_ANSWER + extra};
    memcpy(message.data, &answer, sizeof answer);
    done(signet_channel_send(end, &message.message), "channel_send");
    if (written)
      return 1;
  }
}

static void close_hello(const struct hello *hello) {
  done(signet_handle_close(hello->input), "handle_close");
  done(signet_handle_close(hello->output), "handle_close");
  done(signet_handle_close(hello->error), "handle_close");
  done(signet_handle_close(hello->files), "handle_close");
}

static double start_and_reap(long rounds, const char *path) {
  uint32_t image = load_image(path);
  double start = now();
  for (long i = 0; i < rounds; i++) {
    struct hello hello = start_hello(image);
    struct signet_ending ending;
    if (!serve_until_written(&hello, 1)) {
      fprintf(stderr, "parent: hello said nothing\n");
      exit(1);
    }
    done(signet_process_wait(hello.child, &ending, SIGNET_NEVER), "process_wait");
    if (ending.kind != SIGNET_ENDED_EXIT || ending.code != 0) {
      fprintf(stderr, "parent: hello ended as %u with code %u\n", ending.kind, ending.code);
      exit(1);
    }
    close_hello(&hello);
  }
  return (now() - start) / (double)rounds;
}

/* Each waits in its write to standard output, so all of them are alive at once, having run as far as a program does. */
static void keep_alive(long count, const char *path) {
  uint32_t image = load_image(path);
  struct hello *all = calloc((size_t)count, sizeof *all);
  char line[16];
  if (!all) {
    perror("calloc");
    exit(1);
  }
  printf("alive 0\n");
  fflush(stdout);
  if (!fgets(line, sizeof line, stdin))
    exit(1);
  for (long i = 0; i < count; i++) {
    all[i] = start_hello(image);
    if (!serve_until_written(&all[i], 0)) {
      fprintf(stderr, "parent: process %ld said nothing\n", i);
      exit(1);
    }
  }
  printf("alive %ld\n", count);
  fflush(stdout);
  if (!fgets(line, sizeof line, stdin))
    exit(1);
  for (long i = 0; i < count; i++) {
    done(signet_process_stop(all[i].child), "process_stop");
    done(signet_handle_close(all[i].child), "handle_close");
    close_hello(&all[i]);
  }
  printf("alive 0\n");
}

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: parent null|channel|stubs|block|start|alive ROUNDS [IMAGE]\n");
    return 2;
  }
  const char *what = arguments[1], *image = count > 3 ? arguments[3] : "";
  long rounds = atol(arguments[2]);
  double time;
  if (strcmp(what, "null") == 0) {
    time = null_call(rounds);
  } else if (strcmp(what, "channel") == 0) {
    time = request_and_reply(rounds, image);
  } else if (strcmp(what, "stubs") == 0) {
    time = through_stubs(rounds, image);
  } else if (strcmp(what, "block") == 0) {
    time = block_and_back(rounds, image);
  } else if (strcmp(what, "start") == 0) {
    time = start_and_reap(rounds, image);
  } else if (strcmp(what, "alive") == 0) {
    keep_alive(rounds, image);
    return 0;
  } else {
    return 2;
  }
  printf("ns %.2f\n", time);
  return 0;
}
