/* The services that the web server is a client of, as they should be, and the clients of its connections: what each was
 * asked, what is the right answer, and what a connection may be told. For service_web.c. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/device.h>

#include "apps/web/transport.h"
#include "contracts/extension.h"
#include "contracts/files.h"
#include "contracts/network.h"
#include "contracts/observation.h"
#include "contracts/stream.h"
#include "contracts/supervision.h"
#include "tests/fuzz/service_web_peers.h"

uint32_t web_contracts[SLOTS], web_listener, web_stream, web_services[SLOTS];
bool web_settled, web_started, web_blocks_wait;
uint32_t web_most_at_once;

/* ---- Files ---- */

const struct web_name web_names[WEB_NAMES] = {
    {"/site", 0, S_IFDIR},
    {"/site/small.txt", 980, S_IFREG},
    {"/site/big.bin", 65536, S_IFREG},
    {"/site/dir", 0, S_IFDIR},
    {"/site/huge.bin", 200000, S_IFREG},
    {"/site/dir/a", 5000, S_IFREG},
    {"/site/out", 0, S_IFLNK},
    {"/site/late.txt", 900, S_IFREG},
    {"/site/late.bin", 60000, S_IFREG},
    {"/site/late.big", 150000, S_IFREG},
};

static uint8_t content(uint64_t number, uint64_t at) { return (uint8_t)((at * 7 + number) % 97 + ' '); }

/* ---- What a peer was asked, by its end ---- */

struct web_asked web_asked[KERNEL_ENDS_MOST];

static void web_forget(uint32_t end) {
  if (web_asked[end].block)
    kernel_block_free(web_asked[end].block);
  memset(&web_asked[end], 0, sizeof web_asked[end]);
}

/* Before there are new channels: of those that are no more nothing is known. */
void web_forget_closed(void) {
  for (uint32_t end = 3; end < KERNEL_ENDS_MOST; end += 2)
    if (!kernel_ends[end].holder)
      web_forget(end);
  for (uint32_t slot = 0; slot < SLOTS; slot++)
    if (!kernel_ends[web_services[slot]].holder)
      web_services[slot] = 0;
}

/* ---- What a connection says, and is told ---- */

#define HOST " HTTP/1.1\r\nHost: a\r\n"
static const char *const requests[] = {
    "GET /small.txt" HOST "\r\n",
    "GET /big.bin" HOST "\r\n",
    "GET /huge.bin" HOST "\r\n",
    "GET /ext/a?b=c" HOST "\r\n",
    "GET /status.json" HOST "\r\n",
    "GET /dir/" HOST "\r\n",
    "GET /huge.bin" HOST "Range: bytes=100-70099\r\n\r\n",
    "GET /big.bin HTTP/1.0\r\n\r\n",
    "POST /ext/a" HOST "Content-Length: 5\r\n\r\nhello",
    "POST /ext/a" HOST "Content-Length: 1500\r\n\r\n",
    "POST /ext/b" HOST "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "HEAD /big.bin" HOST "\r\n",
    "GET /status/" HOST "Connection: close\r\n\r\n",
    "GET /small.txt" HOST "If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n\r\n",
    "GET /dir" HOST "\r\n",
    "GET /dir/a" HOST "Range: bytes=9999-\r\n\r\n",
    "GET /out" HOST "\r\n",
    "GET /none" HOST "\r\n",
    "\r\n",
    "no request\r\n\r\n",
};
#define REQUESTS (sizeof requests / sizeof *requests)

uint32_t web_asks(uint32_t end, uint8_t *data, uint32_t most) {
  uint8_t choice = fuzz_byte(&kernel_input);
  uint32_t length = 0;
  if (choice >= 0xf0) {
    uint8_t with = kernel_plain(fuzz_byte(&kernel_input));
    memset(data, with, length = choice == 0xf0 ? most : choice == 0xf1 ? 1500 : 1u + choice % 16);
    web_asked[end].unframed = true;
    return length;
  }
  for (uint32_t count = choice >= 0xe0 ? 1 + choice % 16 : 1; count; count--) {
    const char *one = requests[(count > 1 ? fuzz_byte(&kernel_input) : choice) % REQUESTS];
    web_asked[end].unframed |= *one == 'H';
    memcpy(data + length, one, strlen(one));
    length += (uint32_t)strlen(one);
  }
  if (choice >= 0xc0 && choice < 0xe0)
    length = 1 + fuzz_byte(&kernel_input) % length;
  return length;
}

static const struct {
  const char *request;
  uint32_t file; /* of `names`; 0: something else */
} late_requests[WEB_LATE_REQUESTS] = {
    {"GET /late.txt" HOST "\r\n", 7},
    {"GET /late.bin" HOST "\r\n", 8},
    {"GET /ext/late" HOST "\r\n", 0},
    {"GET /late.bin" HOST "\r\n", 8},
    {"GET /status.json" HOST "\r\n", 0},
    {"POST /ext/late" HOST "Content-Length: 1100\r\n\r\n", 0},
    {"GET /dir/" HOST "\r\n", 0},
    {"GET /late.big" HOST "\r\n", 9},
    {"GET /late.txt" HOST "Connection: close\r\n\r\n", 7},
};

static void head_came(struct web_asked *to) {
  to->head[to->head_length] = 0;
  unsigned status = strncmp(to->head, "HTTP/1.1 ", 9) ? 0 : (unsigned)atoi(to->head + 9);
  const char *length = strstr(to->head, "\r\nContent-Length: ");
  if (status < 100 || status > 599 || (!length && status != 100 && status != 204 && status != 304))
    fuzz_fail("a connection is told \"%s\"", to->head);
  to->body_left = length && status != 304 ? strtoull(length + 18, NULL, 10) : 0;
  to->body_at = 0;
  to->head_length = 0;
  if (status == 100)
    return;
  to->answers++;
  service_counted(status < 400);
  if (!to->late)
    return;
  uint32_t file = to->answers > WEB_LATE_REQUESTS ? 0 : late_requests[to->answers - 1].file;
  if (to->answers > to->step || status != 200 || (file && to->body_left != web_names[file].size))
    fuzz_fail("all do what they should, and the answer %u of %u is \"%s\"", to->answers, to->step, to->head);
}

static void is_told(uint32_t end, const uint8_t *bytes, uint32_t length) {
  struct web_asked *to = &web_asked[end];
  for (; length && !to->unframed; bytes++, length--) {
    if (to->body_left) {
      uint32_t file = to->late ? late_requests[to->answers - 1].file : 0;
      if (file && *bytes != content(file, to->body_at))
        fuzz_fail("byte %lu of %s is another's", to->body_at, web_names[file].path);
      to->body_at++;
      to->body_left--;
      continue;
    }
    if (to->head_length == sizeof to->head - 1)
      fuzz_fail("an answer whose head has no end: \"%.100s\"", to->head);
    to->head[to->head_length++] = (char)*bytes;
    if (to->head_length >= 4 && !memcmp(to->head + to->head_length - 4, "\r\n\r\n", 4))
      head_came(to);
  }
}

/* ---- Right answers ---- */

struct kernel_message web_reply;

void web_send(uint32_t end, uint32_t tag, uint32_t length) {
  web_reply.tag = tag;
  web_reply.length = length;
  if (kernel_may_send(end, tag))
    kernel_peer_send(end, &web_reply);
  web_reply.moved_count = 0;
}

void web_move(uint32_t kind, uint32_t number) {
  web_reply.moved[0] = (struct kernel_moved){kind, number};
  web_reply.moved_count = 1;
}

/* That it holds, or one like it. 0: there is no room for any. */
uint32_t web_block_back(uint32_t end) {
  uint32_t block = web_asked[end].block ? web_asked[end].block : kernel_block(BLOCK_MOST / SIGNET_PAGE);
  web_asked[end].block = 0;
  return block;
}

static uint32_t name_number(const uint8_t *data, uint32_t length) {
  const char *path = (const char *)data + FILES_REQUEST;
  uint32_t size = length - FILES_REQUEST;
  size = (uint32_t)strnlen(path, size < REST_MOST - FILES_REQUEST ? size : REST_MOST - FILES_REQUEST);
  while (size > 1 && path[size - 1] == '/')
    size--;
  for (uint32_t i = 0; i < WEB_NAMES; i++)
    if (strlen(web_names[i].path) == size && !memcmp(web_names[i].path, path, size))
      return i;
  return UINT32_MAX;
}

/* What the request says, for a file service that does as it should; -> the length. */
uint32_t web_file_answer(uint32_t end, uint8_t *data) {
  const struct web_asked *of = &web_asked[end];
  struct files_request request;
  struct files_answer answer = {0};
  uint32_t bytes = 0, number;
  memcpy(&request, of->data, sizeof request);
  bool named = of->tag == FILES_OPEN || of->tag == FILES_STATUS_NAME;
  number = named ? name_number(of->data, of->length) : request.file;
  if (number >= WEB_NAMES) {
    answer.error = named ? ENOENT : EBADF;
    memcpy(data, &answer, sizeof answer);
    return FILES_ANSWER;
  }
  uint64_t size = web_names[number].size, left = request.offset < size ? size - request.offset : 0;
  left = left < request.length ? left : request.length;
  switch (of->tag) {
  case FILES_OPEN:
    answer.value = number | (uint64_t)web_names[number].mode << 32;
    break;
  case FILES_STATUS:
  case FILES_STATUS_NAME: {
    struct signet_file_status status = {
        .inode = number, .mode = web_names[number].mode, .size = size, .modified = SECOND};
    memcpy(data + FILES_ANSWER, &status, bytes = sizeof status);
    break;
  }
  case FILES_READ:
    answer.value = bytes = (uint32_t)left;
    for (uint32_t i = 0; i < bytes; i++)
      data[FILES_ANSWER + i] = content(number, request.offset + i);
    break;
  case FILES_READ_BLOCK:
    answer.value = left;
    if (request.flags > BLOCK_MOST || left > BLOCK_MOST - request.flags)
      fuzz_fail("the file service is asked for %lu bytes at %u of a block", left, request.flags);
    break;
  case FILES_LIST:
    for (uint32_t i = 0; i < 2 && !request.offset; i++) {
      struct signet_directory_entry entry = {.inode = i, .next = 1 + i, .size = 24};
      memcpy(data + FILES_ANSWER + bytes, &entry, offsetof(struct signet_directory_entry, name));
      strcpy((char *)data + FILES_ANSWER + bytes + offsetof(struct signet_directory_entry, name), i ? "a" : "b");
      bytes += entry.size;
    }
    break;
  }
  memcpy(data, &answer, sizeof answer);
  return FILES_ANSWER + bytes;
}

static void files_answer(uint32_t end) {
  uint32_t length = web_file_answer(end, web_reply.data), room;
  if (web_asked[end].tag != FILES_READ_BLOCK) {
    web_send(end, FILES_ANSWERED, length);
    return;
  }
  struct files_request request;
  struct files_answer answer;
  uint32_t block = web_block_back(end);
  if (!block)
    return;
  memcpy(&request, web_asked[end].data, sizeof request);
  memcpy(&answer, web_reply.data, sizeof answer);
  uint8_t *bytes = kernel_block_open(block, &room);
  for (uint64_t i = 0; i < answer.value; i++)
    bytes[request.flags + i] = content(request.file, request.offset + i);
  kernel_block_close(block);
  web_move(SIGNET_KIND_BLOCK, block);
  web_send(end, FILES_ANSWERED_BLOCK, length);
}

uint32_t web_extension_answer(uint32_t tag, uint8_t *data, uint32_t status, uint32_t told, const char *type) {
  memcpy(data, &status, 4);
  memcpy(data + 4, &told, 4);
  uint32_t at = tag == EXTENSION_ANSWER_BLOCK ? 8 : 4;
  strcpy((char *)data + at, type);
  at += (uint32_t)strlen(type) + 1;
  if (tag == EXTENSION_ANSWER)
    memset(data + at, 'e', told);
  return at + (tag == EXTENSION_ANSWER ? told : 0);
}

uint32_t web_observation_answer(uint32_t end, uint32_t tag, uint8_t *data) {
  bool first = !number_at(web_asked[end].data, 0);
  uint32_t size = tag == OBSERVATION_PROCESSES_ARE  ? sizeof(struct signet_observed_process)
                  : tag == OBSERVATION_CHANNELS_ARE ? sizeof(struct signet_observed_channel)
                                                    : sizeof(struct observation_supervised);
  if (!first)
    return 0;
  memset(data, 0, size);
  data[0] = 1;
  if (tag == OBSERVATION_SUPERVISED_ARE)
    put_number(data, offsetof(struct observation_supervised, phase), OBSERVATION_PHASE_RUNNING);
  return size;
}

static void stream_answer(uint32_t end) {
  struct web_asked *of = &web_asked[end];
  uint32_t length;
  switch (of->tag) {
  case STREAM_READ:
  case STREAM_REPLY:
    if (!of->late)
      return;
    if (of->answers != of->step || of->body_left)
      fuzz_fail("of a connection more is read, and its request %u is not answered", of->step);
    if (of->step == WEB_LATE_REQUESTS) {
      web_send(end, STREAM_ENDED, 0);
      return;
    }
    length = (uint32_t)strlen(late_requests[of->step].request);
    memset(web_reply.data + length, 'b', 1100);
    memcpy(web_reply.data, late_requests[of->step].request, length);
    length += strstr(late_requests[of->step].request, "1100") ? 1100 : 0;
    of->step++;
    web_send(end, STREAM_DATA, length);
    return;
  case STREAM_WRITE:
    memcpy(web_reply.data, &of->length, 4);
    web_send(end, STREAM_WRITTEN, 4);
    return;
  case STREAM_WRITE_BLOCK: {
    uint32_t block = web_block_back(end);
    length = number_at(of->data, 4);
    if (!block)
      return;
    is_told(end, kernel_block_open(block, &(uint32_t){0}) + number_at(of->data, 0), length);
    kernel_block_close(block);
    memcpy(web_reply.data, &length, 4);
    web_move(SIGNET_KIND_BLOCK, block);
    web_send(end, STREAM_WRITTEN_BLOCK, 4);
    return;
  }
  case STREAM_SHUT:
    web_send(end, STREAM_SHUT_DONE, 0);
  }
}

uint32_t web_channel(uint32_t contract, uint32_t peer) {
  web_forget_closed();
  return kernel_channel(contract, peer);
}

void web_answer(uint32_t end) {
  uint32_t contract = kernel_ends[end].contract, tag = web_asked[end].tag, client;
  if (!web_asked[end].any || !kernel_turn(end))
    return;
  web_reply.moved_count = 0;
  if (contract == web_stream) {
    stream_answer(end);
  } else if (contract == web_contracts[FILES]) {
    files_answer(end);
  } else if (contract == web_contracts[NETWORK] && (client = web_channel(web_listener, NETWORK))) {
    web_move(SIGNET_KIND_CLIENT, client);
    memset(web_reply.data, 0, 8);
    web_send(end, NETWORK_LISTENING, 2);
  } else if (contract == web_contracts[EXTENSION]) {
    uint32_t with = tag == EXTENSION_MORE ? EXTENSION_LAST : EXTENSION_ANSWER;
    web_send(end, with,
             with == EXTENSION_LAST ? 0 : web_extension_answer(with, web_reply.data, 200, 100, "text/plain"));
  } else if (contract == web_contracts[OBSERVATION]) {
    uint32_t with = tag == OBSERVATION_PROCESSES  ? OBSERVATION_PROCESSES_ARE
                    : tag == OBSERVATION_CHANNELS ? OBSERVATION_CHANNELS_ARE
                                                  : OBSERVATION_SUPERVISED_ARE;
    web_send(end, with, web_observation_answer(end, with, web_reply.data));
  }
}

/* ---- What is heard ---- */

bool web_block_asked(uint32_t end) {
  const struct web_asked *of = &web_asked[end];
  return of->any && kernel_turn(end) &&
         (kernel_ends[end].contract == web_stream
              ? of->tag == STREAM_WRITE_BLOCK
              : kernel_ends[end].contract == web_contracts[FILES] && of->tag == FILES_READ_BLOCK);
}

static void count_connections(void) {
  uint32_t count = 0;
  for (uint32_t end = 2; end < kernel_ends_used; end += 2)
    count += kernel_ends[end].contract == web_stream && kernel_ends[end].holder == KERNEL_SERVICE;
  if (count > web_most_at_once)
    web_most_at_once = count;
}

void web_heard(uint32_t end, const struct kernel_message *message) {
  count_connections();
  struct web_asked *of = &web_asked[end];
  of->any = true;
  of->tag = message->tag;
  of->length = message->length;
  memcpy(of->data, message->data, message->length < REST_MOST ? message->length : REST_MOST);
  if (of->block)
    kernel_block_free(of->block);
  of->block = 0;
  if (message->moved_count && message->moved[0].kind == SIGNET_KIND_BLOCK) {
    uint32_t length, room;
    const uint8_t *bytes = kernel_block_open(message->moved[0].number, &length);
    if (kernel_ends[end].contract == web_stream &&
        (number_at(of->data, 0) > length || number_at(of->data, 4) > length - number_at(of->data, 0)))
      fuzz_fail("the network is asked to send %u bytes at %u of a block of %u", number_at(of->data, 4),
                number_at(of->data, 0), length);
    of->block = kernel_block((length + SIGNET_PAGE - 1) / SIGNET_PAGE);
    if (of->block) {
      memcpy(kernel_block_open(of->block, &room), bytes, length);
      kernel_block_close(of->block);
    } else {
      of->unframed = true;
    }
    kernel_block_close(message->moved[0].number);
  }
  if (kernel_ends[end].contract == web_stream && (of->tag == STREAM_WRITE || of->tag == STREAM_REPLY))
    is_told(end, message->data + (of->tag == STREAM_REPLY ? 4 : 0),
            message->length - (of->tag == STREAM_REPLY ? 4 : 0));
  if (kernel_ends[end].contract == web_stream && of->tag == STREAM_SHUT &&
      number_at(of->data, 0) != STREAM_DIRECTION_WRITING)
    fuzz_fail("the network is asked to shut the direction %u", number_at(of->data, 0));
  if (web_settled)
    web_answer(end);
}

bool web_is_server(uint32_t end) { return kernel_ends[end].holder == KERNEL_PEER && end != service_supervisor; }

void web_supervisor_hears(void) {
  static struct kernel_message message;
  while (!kernel_ends[service_supervisor].closed && kernel_peer_receive(service_supervisor, &message))
    web_started |= message.tag == SUPERVISION_STARTED;
}

/* All answer rightly, and time stands still. */
void web_pump(void) {
  static struct kernel_message message;
  for (uint32_t before = ~kernel_version, rounds = 0; before != kernel_version && !kernel_exited;) {
    before = kernel_version;
    if (++rounds > 20000)
      fuzz_fail("all answer, and there is no end of it");
    kernel_run(KERNEL_UNTIL_IDLE);
    web_supervisor_hears();
    for (uint32_t end = 3; end < kernel_ends_used; end += 2)
      if (web_is_server(end)) {
        while (kernel_peer_receive(end, &message)) {
          web_heard(end, &message);
          if (message.moved_count)
            kernel_block_free(message.moved[0].number);
        }
        if (!web_blocks_wait || !web_block_asked(end))
          web_answer(end);
      }
  }
}
