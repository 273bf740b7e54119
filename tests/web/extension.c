/* The content extension (apps/web/extension), sealed: this program is its parent, its web server, its supervisor and
 * its file service, whose requests it passes on to its own. Arguments: the extension's image. TAP. With "measure"
 * behind it: how long a new one takes from its creation to its first answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <signet/calls.h>
#include <signet/image.h>
#include <signet/program.h>

#include "contracts/extension.h"
#include "contracts/files.h"
#include "contracts/supervision.h"
#include "tests/child.h"

enum slot { EXTENSION, FILES, SUPERVISION, SLOTS };

static uint32_t image, child, ends[SLOTS], own_files;
static int tests, failures;

static struct {
  uint32_t tag; /* EXTENSION_ANSWER, _BLOCK, _BEGIN; CONTRACT_NOTHING: the process has ended */
  uint32_t status, pieces;
  char type[256];
  uint8_t *body;
  size_t length;
} reply;

static union {
  struct signet_message message;
  uint8_t bytes[SIGNET_MESSAGE_DATA + SIGNET_MESSAGE_DATA_MOST];
  struct extension_buffer extension;
  struct supervision_buffer supervision;
} buffer __attribute__((aligned(8)));

static void ok(bool good, const char *name) {
  printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
  failures += !good;
  if (!good)
    printf("# status %u, type %s, %zu bytes: %.300s\n", reply.status, reply.type, reply.length, (char *)reply.body);
  fflush(stdout);
}

static _Noreturn void bail(const char *what) {
  printf("Bail out! %s\n", what);
  exit(1);
}

static uint64_t done(struct signet_result result, const char *what) {
  if (result.status != SIGNET_OK)
    bail(what);
  return result.value;
}

/* ---- The process ---- */

static uint32_t client_end(uint32_t slot, const void *contract, uint32_t length) {
  uint64_t both = done(signet_channel_create(contract, length), "channel_create");
  done(signet_process_grant(child, slot, (uint32_t)both), "process_grant");
  return (uint32_t)(both >> 32);
}

static void start(const char *place, uint64_t memory) {
  static struct {
    struct signet_program program;
    char text[300];
  } bytes = {.program = {.version = SIGNET_PROGRAM_VERSION, .arguments = 2, .slots = SLOTS}};
  uint32_t length =
      (uint32_t)sprintf(bytes.text, "extension%c%s%c/%cextension%cfiles%csupervision%c", 0, place, 0, 0, 0, 0, 0);
  struct signet_process_specification specification = {
      .image = image,
      .slots = SLOTS,
      .startup_offset = (uint32_t)(uintptr_t)&bytes,
      .startup_length = (uint32_t)sizeof bytes.program + length,
      .stack = 256 << 10,
      .quota = {.memory = memory, .threads = 4, .handles = 32, .regions = 256},
      .name = "extension"};
  child = (uint32_t)done(signet_process_create(&specification), "process_create");
  uint64_t both =
      done(signet_channel_create(&extension_contract.contract, EXTENSION_CONTRACT_LENGTH), "channel_create");
  ends[EXTENSION] = (uint32_t)both;
  done(signet_process_grant(child, EXTENSION, (uint32_t)(both >> 32)), "process_grant");
  ends[FILES] = client_end(FILES, &files_contract, FILES_CONTRACT_LENGTH);
  ends[SUPERVISION] = client_end(SUPERVISION, &supervision_contract, SUPERVISION_CONTRACT_LENGTH);
  done(signet_process_start(child), "process_start");
}

static struct signet_ending end(void) {
  struct signet_ending ending = {0};
  for (uint32_t i = 0; i < SLOTS; i++)
    signet_handle_close(ends[i]);
  done(signet_process_wait(child, &ending, signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + 1000000000),
       "process_wait");
  return ending;
}

/* Serves the process until something comes from that end; false: the end is closed. */
static bool wait_for(uint32_t wanted) {
  uint64_t deadline = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + 30000000000;
  for (;;) {
    struct signet_result result = signet_channel_receive(ends, SLOTS, &buffer.message, sizeof buffer, deadline);
    if (result.status == SIGNET_TIMEOUT)
      bail("the extension does not answer");
    if (result.status == SIGNET_CLOSED && result.value == wanted)
      return false;
    if (result.status == SIGNET_CLOSED && ends[EXTENSION] == ends[result.value])
      return false;
    if (result.status != SIGNET_OK)
      return false;
    if (result.value == wanted)
      return true;
    if (result.value == FILES) {
      done(signet_channel_call(own_files, &buffer.message, &buffer.message, sizeof buffer, SIGNET_NEVER),
           "channel_call");
      signet_channel_send(ends[FILES], &buffer.message);
    }
  }
}

/* ---- Requests ---- */

static void take(uint32_t status, const char *type, const void *bytes, size_t length) {
  reply.status = status;
  if (type)
    snprintf(reply.type, sizeof reply.type, "%s", type);
  reply.body = realloc(reply.body, reply.length + length + 1);
  if (length)
    memcpy(reply.body + reply.length, bytes, length);
  reply.length += length;
  reply.body[reply.length] = 0;
}

static void read_pieces(uint32_t most) {
  struct extension_PIECE piece;
  for (;;) {
    extension_put_MORE(&buffer.extension);
    if (reply.pieces == most)
      extension_put_ENOUGH(&buffer.extension);
    done(signet_channel_send(ends[EXTENSION], &buffer.message), "send");
    if (reply.pieces == most || !wait_for(EXTENSION) || buffer.message.tag == EXTENSION_LAST)
      return;
    if (buffer.message.tag != EXTENSION_PIECE || !extension_get_PIECE(&buffer.extension, &piece))
      bail("no piece came");
    take(reply.status, NULL, piece.bytes, piece.bytes_count);
    reply.pieces++;
  }
}

static void receive(uint32_t most_pieces) {
  struct extension_ANSWER whole;
  struct extension_ANSWER_BLOCK block;
  struct extension_BEGIN begin;
  reply.tag = CONTRACT_NOTHING;
  reply.length = reply.status = reply.pieces = 0;
  if (!wait_for(EXTENSION))
    return;
  reply.tag = buffer.message.tag;
  if (reply.tag == EXTENSION_ANSWER && extension_get_ANSWER(&buffer.extension, &whole)) {
    take(whole.status, whole.type, whole.body, whole.body_count);
  } else if (reply.tag == EXTENSION_ANSWER_BLOCK && extension_get_ANSWER_BLOCK(&buffer.extension, &block)) {
    take(block.status, block.type, contract_block_bytes(block.body), block.length);
    signet_handle_close(block.body.handle);
  } else if (reply.tag == EXTENSION_BEGIN && extension_get_BEGIN(&buffer.extension, &begin)) {
    take(begin.status, begin.type, NULL, 0);
    read_pieces(most_pieces);
  } else {
    bail("an answer that the contract does not have");
  }
}

static void send(enum extension_method method, const char *target, const char *query, const char *headers,
                 const char *body) {
  const struct extension_REQUEST request = {.request = {method, 7},
                                            .target = target,
                                            .target_length = (uint32_t)strlen(target),
                                            .query = query,
                                            .query_length = (uint32_t)strlen(query),
                                            .headers = headers,
                                            .headers_length = (uint32_t)strlen(headers),
                                            .body = (const uint8_t *)body,
                                            .body_count = (uint32_t)strlen(body)};
  if (extension_put_REQUEST(&buffer.extension, &request) != SIGNET_OK)
    bail("the request is none");
  signet_channel_send(ends[EXTENSION], &buffer.message);
}

static void get(const char *target, const char *query) {
  send(EXTENSION_METHOD_GET, target, query, "", "");
  receive(UINT32_MAX);
}

static bool has(const char *text) { return reply.body && strstr((const char *)reply.body, text); }
static bool failed_with(const char *text) {
  return reply.tag == EXTENSION_ANSWER && reply.status == 500 && !strcmp(reply.type, "text/html; charset=utf-8") &&
         has(text);
}

static uint64_t memory_used(void) {
  struct signet_usage usage;
  signet_process_usage(&usage);
  return usage.used.memory;
}

/* ---- The tests ---- */

static void test_requests(void) {
  start("/tests", 32 << 20);
  send(EXTENSION_METHOD_POST, "/ext/echo/a b/c", "a=1&b=%41+%c3%a4&%zz=%4&&=x&c",
       "host: here\r\nx-empty:\r\nbroken\r\nx:  y", "the body");
  receive(0);
  ok(reply.tag == EXTENSION_ANSWER && reply.status == 200 && !strcmp(reply.type, "text/plain") &&
         has("request.method=POST\n") && has("request.path=/ext/echo/a b/c\n") && has("request.client=7\n") &&
         has("request.body=the body\n"),
     "a script is told method, path, connection and body");
  ok(has("request.query.a=1\n") && has("request.query.b=A \303\244\n") && has("request.query.%zz=%4\n") &&
         has("request.query.c=\n") && has("request.query.=x\n") && has("request.query_string=a=1&b"),
     "and the query, decoded");
  ok(has("request.headers.host=here\n") && has("request.headers.x-empty=\n") && has("request.headers.x=y\n") &&
         !has("broken"),
     "and the headers");
  uint64_t block = done(signet_block_allocate(100000), "block_allocate");
  memset((void *)(uintptr_t)(block >> 32), 'y', 100000);
  struct extension_REQUEST_BLOCK request = {.request = {EXTENSION_METHOD_PUT, 8},
                                            .length = 90000,
                                            .body = {.handle = (uint32_t)block},
                                            .target = "/ext/echo",
                                            .target_length = 9,
                                            .query = "",
                                            .headers = ""};
  extension_put_REQUEST_BLOCK(&buffer.extension, &request);
  done(signet_channel_send(ends[EXTENSION], &buffer.message), "send");
  receive(0);
  ok(reply.tag == EXTENSION_ANSWER_BLOCK && reply.status == 200 && has("request.method=PUT") && reply.length > 90000 &&
         reply.length < 90200,
     "a long body comes in a block, and so does a long answer");
  uint64_t used = memory_used();
  bool right = true;
  static const struct {
    size_t size;
    uint32_t tag;
  } sizes[] = {{0, EXTENSION_ANSWER},
               {4096, EXTENSION_ANSWER},
               {4097, EXTENSION_ANSWER_BLOCK},
               {1 << 20, EXTENSION_ANSWER_BLOCK},
               {(1 << 20) + 1, EXTENSION_BEGIN},
               {2000000, EXTENSION_BEGIN}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char query[40];
    sprintf(query, "size=%zu", sizes[i].size);
    get("/ext/large", query);
    right = right && reply.status == 200 && reply.tag == sizes[i].tag && reply.length == sizes[i].size;
    for (size_t at = 0; right && at < reply.length; at++)
      right = reply.body[at] == at % 251;
  }
  ok(right, "answers of 0 bytes to 2 MB, in a message, a block, or pieces, are what the script made");
  send(EXTENSION_METHOD_GET, "/ext/large", "size=1500000", "", "");
  receive(3);
  ok(reply.tag == EXTENSION_BEGIN && reply.length == 3 * 4096, "a reader that has enough");
  get("/ext/large", "size=10");
  ok(reply.status == 200 && reply.length == 10, "can ask for something else");
  for (int i = 0; i < 200; i++)
    get("/ext/large", "size=300000");
  free(reply.body);
  reply.body = NULL;
  ok(reply.status == 200 && memory_used() <= used + (1 << 20), "and no block is kept by who does not need it");
}

static void test_places(void) {
  static const char *const none[] = {
      "/ext/nothing", "/ext/..",        "/ext/../scripts/hello",
      "/ext/a%2fb",   "/ext/hello.lua", "/ext/0123456789012345678901234567890123456789012345678901234567890123"};
  bool right = true;
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    get(none[i], "");
    right = right && reply.status == 404;
  }
  ok(right, "scripts that are not there: 404, whatever leads out of their folder too");
  get("/ext/<b>", "");
  ok(reply.status == 404 && !has("<b>") && has("&lt;b&gt;"), "and the name is shown as text");
  get("/ext/syntax", "");
  ok(failed_with("syntax.lua:1:"), "a script that is none: 500, with the line");
  get("/ext/absent", "");
  ok(failed_with("absent.lua does not define the function handle(request)"), "a script without the function");
}

static void test_answers(void) {
  static const struct {
    const char *kind, *text;
  } wrong[] = {{"kind=nothing", "status"}, {"kind=status", "status"},         {"kind=high", "status"},
               {"kind=float", "status"},   {"kind=words", "status"},          {"kind=notype", "content type second"},
               {"kind=empty", "0 bytes"},  {"kind=long", "256 bytes"},        {"kind=header", "headers cannot have"},
               {"kind=zero", "headers"},   {"kind=table", "third, the body"}, {"kind=other", "call a nil value"}};
  bool right = true;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    get("/ext/answers", wrong[i].kind);
    if (!failed_with(wrong[i].text)) {
      printf("# %s: %u %s\n", wrong[i].kind, reply.status, (char *)reply.body);
      right = false;
    }
  }
  ok(right, "a script that returns what is no answer: 500, and it says what was wrong");
  get("/ext/answers", "kind=nobody");
  bool empty = reply.status == 204 && reply.length == 0;
  get("/ext/answers", "kind=number");
  ok(empty && reply.status == 200 && !strcmp((char *)reply.body, "42"), "no body, and a number, are bodies");
}

static void test_errors(void) {
  static const struct {
    const char *kind, *text;
  } cases[] = {
      {"text", "errors.lua:3: &lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"},
      {"escape", "errors.lua:4: "},
      {"table", "table"},
      {"nothing", "nil"},
      {"index", "attempt to concatenate a nil value"},
      {"tostring", "table"},
      {"loop", "50 million instructions"},
      {"caught", "50 million instructions"},
      {"coroutine", "50 million instructions"},
      {"close", "50 million instructions"},
      {"recursion", "not enough memory"},
      {"depth", "nil"},
      {"memory", "not enough memory"},
      {"kept", "not enough memory"},
      {"kept", "not enough memory"},
      {"string", "resulting string too large"},
      {"io", "attempt to index a nil value (global &#39;io&#39;)"},
      {"package", "attempt to call a nil value (global &#39;require&#39;)"},
      {"execute", "attempt to call a nil value (field &#39;execute&#39;)"},
      {"dofile", "attempt to call a nil value (global &#39;dofile&#39;)"},
      {"debug", "attempt to index a nil value (global &#39;debug&#39;)"},
      {"unset", "unset"},
      {"text", "handle` is no function"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char query[40], name[100];
    sprintf(query, "kind=%s", cases[i].kind);
    get("/ext/errors", query);
    snprintf(name, sizeof name, "an error of the script is an answer: %s: %s", cases[i].kind, cases[i].text);
    ok(failed_with(cases[i].text) || (!strcmp(cases[i].kind, "depth") && reply.status == 200), name);
  }
  get("/ext/echo", "a=b");
  ok(reply.status == 200 && has("request.query.a=b"), "and another script answers as before");
}

static bool ended_by_fault(const char *query, uint32_t fault) {
  start("/scripts", 32 << 20);
  get("/ext/crash", query);
  bool silent = reply.tag == CONTRACT_NOTHING;
  struct signet_ending ending = end();
  return silent && ending.kind == SIGNET_ENDED_FAULT && ending.code == fault;
}

static void test_crashes(void) {
  ok(ended_by_fault("", SIGNET_FAULT_WRITE) && ended_by_fault("how=divide", SIGNET_FAULT_DIVIDE) &&
         ended_by_fault("how=trap", SIGNET_FAULT_INSTRUCTION) && ended_by_fault("how=jump", SIGNET_FAULT_EXECUTE),
     "a crash ends the process, and its request has no answer");
  start("/scripts", 32 << 20);
  get("/ext/crash", "how=gently");
  ok(failed_with("invalid option &#39;gently&#39;"), "a crash that there is not does not");
  end();
  start("/tests", 32 << 20);
  uint64_t before = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
  get("/ext/stuck", "");
  double seconds = (double)(signet_clock_read(SIGNET_CLOCK_MONOTONIC).value - before) / 1e9;
  struct signet_ending ending = end();
  ok(reply.tag == CONTRACT_NOTHING && ending.kind == SIGNET_ENDED_SIGNAL && seconds > 4 && seconds < 9,
     "what takes for ever where no instruction of Lua is counted ends the process after five seconds");
}

static void test_examples(void) {
  start("/scripts", 32 << 20);
  get("/ext/", "");
  ok(reply.status == 200 && has("guestbook"), "the index");
  get("/ext/hello", "name=%3Cyou%3E");
  ok(reply.status == 200 && has("Hello, &lt;you&gt;!"), "hello");
  get("/ext/hello", "name=again");
  ok(has("Answer 2 of this process"), "state is kept from request to request");
  send(EXTENSION_METHOD_POST, "/ext/guestbook", "", "", "name=Ada&words=%3Cb%3Ewas%20here");
  receive(0);
  get("/ext/guestbook", "");
  ok(reply.status == 200 && has("<b>Ada</b>") && has("&lt;b&gt;was here"), "the guest book keeps an entry");
  get("/ext/mandelbrot", "");
  ok(reply.status == 200 && !strcmp(reply.type, "image/svg+xml") && has("<svg") && has("</svg>"), "a picture");
  get("/ext/mandelbrot", "size=-1");
  ok(reply.status == 400, "and no picture of nothing");
  end();
  start("/scripts/hello.lua", 32 << 20);
  get("/ext/anything", "name=one");
  ok(reply.status == 200 && has("Hello, one!"), "one script that answers everything");
  end();
}

/* The supervisor's part, and the next client. */
static void test_supervision(void) {
  start("/scripts", 32 << 20);
  ok(wait_for(SUPERVISION) && buffer.message.tag == SUPERVISION_STARTED && wait_for(SUPERVISION) &&
         buffer.message.tag == SUPERVISION_AWAIT,
     "it says that it has started, and awaits");
  get("/ext/hello", "name=first");
  signet_handle_close(ends[EXTENSION]);
  ends[EXTENSION] = ends[SUPERVISION];
  const struct supervision_CLIENT_WANTED wanted = {
      .slot = EXTENSION, .restarts = 1, .client = "web", .client_length = 3};
  supervision_put_CLIENT_WANTED(&buffer.supervision, &wanted);
  done(signet_channel_send(ends[SUPERVISION], &buffer.message), "send");
  bool given = wait_for(SUPERVISION) && buffer.message.tag == SUPERVISION_CLIENT_GIVEN;
  ends[EXTENSION] = given ? buffer.message.moved[0].handle : 0;
  given = given && wait_for(SUPERVISION) && buffer.message.tag == SUPERVISION_AWAIT;
  get("/ext/hello", "name=second");
  ok(given && reply.status == 200 && has("Hello, second!") && has("Answer 2"),
     "a client that was started again gets a new end");
  struct supervision_CLIENT_WANTED other = wanted;
  other.slot = 9;
  supervision_put_CLIENT_WANTED(&buffer.supervision, &other);
  done(signet_channel_send(ends[SUPERVISION], &buffer.message), "send");
  ok(wait_for(SUPERVISION) && buffer.message.tag == SUPERVISION_CLIENT_REFUSED && wait_for(SUPERVISION),
     "at another slot there is none");
  const struct supervision_STOP stop = {.deadline = SIGNET_NEVER};
  supervision_put_STOP(&buffer.supervision, &stop);
  done(signet_channel_send(ends[SUPERVISION], &buffer.message), "send");
  bool said = wait_for(SUPERVISION) && buffer.message.tag == SUPERVISION_STOPPING;
  struct signet_ending ending = end();
  ok(said && ending.kind == SIGNET_ENDED_EXIT && ending.code == 0, "it stops when it is told to");
}

static int compare(const void *one, const void *other) {
  double difference = *(const double *)one - *(const double *)other;
  return difference < 0 ? -1 : difference > 0;
}

static void measure(void) {
  enum { ROUNDS = 101 };
  static double created[ROUNDS], started[ROUNDS], answered[ROUNDS];
  for (int i = 0; i < ROUNDS; i++) {
    uint64_t begin = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
    start("/scripts", 32 << 20);
    uint64_t running = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
    wait_for(SUPERVISION);
    uint64_t serving = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
    wait_for(SUPERVISION);
    get("/ext/hello", "name=first");
    uint64_t over = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
    if (reply.status != 200)
      bail("no answer");
    created[i] = (double)(running - begin) / 1e3;
    started[i] = (double)(serving - begin) / 1e3;
    answered[i] = (double)(over - begin) / 1e3;
    end();
  }
  qsort(created, ROUNDS, sizeof *created, compare);
  qsort(started, ROUNDS, sizeof *started, compare);
  qsort(answered, ROUNDS, sizeof *answered, compare);
  printf("extension: microseconds from its creation to the end of process_start %.0f, to STARTED %.0f, to its first "
         "answer "
         "%.0f; at most %.0f (median and most of %d)\n",
         created[ROUNDS / 2], started[ROUNDS / 2], answered[ROUNDS / 2], answered[ROUNDS - 1], ROUNDS);
}

int main(int count, char **arguments) {
  image = count > 1 ? child_image(arguments[1]) : 0;
  own_files = signet_slot("files");
  if (!image)
    bail("want the extension's image");
  if (count > 2) {
    measure();
    return 0;
  }
  test_requests();
  test_places();
  test_answers();
  test_errors();
  end();
  test_crashes();
  test_examples();
  test_supervision();
  printf("1..%d\n", tests);
  return failures != 0;
}
