/* The web server's core without a network: `fuzz [SEED [ROUNDS]]`. Each round is a random life of some connections at
 * once: requests of corpus.txt, whole, cut, joined and mutated; answers taken whole, in parts, or not; the file
 * service, the extension and the observation failing and coming back; time passing. What the core asks of the transport
 * is checked against the transport's rules, what it writes against HTTP's, and at the end nothing may be left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apps/web/web.h"
#include "tests/lib/tap.h"

#define CONNECTIONS 12
#define INPUT_MOST 70000u
#define SEEDS_MOST 512

enum asked { NOTHING, READ, WRITE, REPLY, BLOCK, SHUT };

struct fake {
  struct connection connection;
  bool used;
  bool silent; /* it neither ends nor says more when it has said all */
  enum asked asked;
  uint8_t *input;
  size_t length, at;
  uint64_t until; /* of READ */
  struct block block;
  uint32_t block_length;
  /* The answers as a client sees them. */
  bool unframed; /* it asked with HEAD, or ended: bodies cannot be told */
  char head[2048];
  size_t head_length;
  uint64_t body_left;
};

static struct fake fakes[CONNECTIONS];
static struct {
  uint8_t *bytes;
  size_t length;
} seeds[SEEDS_MOST];
static size_t seed_count;
static uint64_t random_state, now, round_number;
static uint32_t blocks_out, files_open;
static bool storage_here, observing;
static enum extension_presence presence;
static uint8_t room[PIECE_MOST];
static uint64_t answers, closes;
static uint64_t late[2];     /* answers of 408: where a read cannot be interrupted, where it can */
static uint32_t block_limit; /* of memory */

static uint64_t chance(uint64_t of) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (random_state >> 33) % of;
}

#define MUST(condition, ...)                                                                                           \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      printf("not ok %d - round %llu: %s\n1..1\n", 1, (unsigned long long)round_number, "" __VA_ARGS__);               \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

/* ---- What a client sees ---- */

bool transport_can_interrupt_read(void) { return round_number & 1; }

static void head_check(struct fake *fake) {
  fake->head[fake->head_length] = 0;
  MUST(!strncmp(fake->head, "HTTP/1.1 ", 9), "no status line");
  unsigned status = (unsigned)atoi(fake->head + 9);
  MUST(status >= 100 && status < 600, "no status");
  answers += status >= 200;
  late[transport_can_interrupt_read()] += status == 408;
  const char *length = strstr(fake->head, "\r\nContent-Length: ");
  MUST(length || status == 100 || status == 204 || status == 304, "an answer without a length");
  fake->body_left = length && status != 304 && !fake->unframed ? strtoull(length + 18, NULL, 10) : 0;
}

static void seen(struct fake *fake, const uint8_t *bytes, size_t length) {
  while (length) {
    if (fake->body_left) {
      size_t step = length < fake->body_left ? length : fake->body_left;
      fake->body_left -= step;
      bytes += step;
      length -= step;
      continue;
    }
    if (fake->unframed && fake->head_length == 0 && *bytes != 'H')
      return;
    MUST(fake->head_length < sizeof fake->head - 1, "a head without end");
    fake->head[fake->head_length++] = (char)*bytes++;
    length--;
    if (fake->head_length >= 4 && !memcmp(fake->head + fake->head_length - 4, "\r\n\r\n", 4)) {
      head_check(fake);
      fake->head_length = 0;
      if (fake->unframed)
        return;
    }
  }
}

/* ---- The transport ---- */

static struct fake *begin(struct connection *connection) {
  struct fake *fake = (struct fake *)connection;
  MUST(fake->used, "a connection that is closed");
  MUST(fake->asked == NOTHING, "two things at once");
  return fake;
}

uint64_t transport_now(void) { return now; }
uint64_t transport_time(void) { return now + 1700000000 * SECOND; }
uint8_t *transport_room(void) { return room; }

void transport_read(struct connection *connection, uint64_t until) {
  struct fake *fake = begin(connection);
  fake->asked = READ;
  fake->until = until;
}

/* A deadline may end a read, where the transport says so. */
static struct fake *begin_write(struct connection *connection, uint32_t length) {
  struct fake *fake = (struct fake *)connection;
  MUST(length >= 1 && length <= PIECE_MOST, "a piece of no length");
  if (transport_can_interrupt_read() && fake->asked == READ)
    fake->asked = NOTHING;
  seen(fake, room, length);
  memset(room, 0x5a, sizeof room);
  return begin(connection);
}

void transport_write(struct connection *connection, uint32_t length) { begin_write(connection, length)->asked = WRITE; }
void transport_reply(struct connection *connection, uint32_t length) { begin_write(connection, length)->asked = REPLY; }

void transport_write_block(struct connection *connection, struct block block, uint32_t offset, uint32_t length) {
  struct fake *fake = begin(connection);
  MUST(length >= 1 && offset < BLOCK_MOST && length <= BLOCK_MOST - offset, "bytes outside the block");
  fake->asked = BLOCK;
  fake->block = block;
  fake->block_length = length;
  /* How many of them are seen is decided later, in go_on. */
  fake->block.handle = offset;
}

void transport_shut(struct connection *connection) { begin(connection)->asked = SHUT; }

void transport_close(struct connection *connection) {
  struct fake *fake = (struct fake *)connection;
  MUST(fake->used, "closed twice");
  if (fake->asked == BLOCK)
    transport_block_give(fake->block);
  free(fake->input);
  memset(fake, 0x5a, sizeof *fake);
  fake->used = false;
  closes++;
}

bool transport_block_take(struct block *block) {
  *block = (struct block){0};
  if (blocks_out >= block_limit || chance(8) == 0)
    return false;
  block->bytes = malloc(BLOCK_MOST);
  blocks_out++;
  return block->bytes;
}

void transport_block_give(struct block block) {
  MUST(block.bytes && blocks_out, "a block given back that was not taken");
  free(block.bytes);
  blocks_out--;
}

/* ---- Files: names say what they are ---- */

static const struct {
  const char *path;
  uint32_t size, mode;
} files[] = {{"/small.txt", 980, S_IFREG},   {"/large.bin", 65536, S_IFREG},
             {"/huge.bin", 300000, S_IFREG}, {"/folder", 0, S_IFDIR},
             {"/folder/a.txt", 2, S_IFREG},  {"/folder/<b>", 0, S_IFREG},
             {"/out", 0, S_IFLNK | 0777},    {"/", 0, S_IFDIR}};
#define FILES (sizeof files / sizeof *files)
static uint64_t file_change;

static int find(const char *path, uint32_t *number, struct storage_facts *facts) {
  if (!storage_here || chance(50) == 0) {
    storage_here = false;
    return STORAGE_GONE;
  }
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/')
    length--;
  for (uint32_t i = 0; i < FILES; i++)
    if (strlen(files[i].path) == length && !memcmp(files[i].path, path, length)) {
      if (number)
        *number = i;
      *facts = (struct storage_facts){.inode = i + 1,
                                      .size = files[i].size,
                                      .mode = files[i].mode,
                                      .modified = (1600000000 + file_change) * SECOND};
      return S_ISLNK(files[i].mode) ? EXDEV : 0;
    }
  static const int errors[] = {ENOENT, ENOENT, ENOENT, ENOTDIR, EACCES, EIO};
  return errors[chance(6)];
}

int storage_status(const char *path, struct storage_facts *facts) { return find(path, NULL, facts); }

int storage_open(const char *path, uint32_t *number, struct storage_facts *facts) {
  int error = find(path, number, facts);
  if (error || !S_ISREG(facts->mode))
    return error ? error : EACCES;
  files_open++;
  return 0;
}

int storage_open_directory(const char *path, uint32_t *number) {
  struct storage_facts facts;
  int error = find(path, number, &facts);
  files_open += !error;
  return error;
}

void storage_close(uint32_t number) {
  MUST(number < FILES, "a file that is not open");
  files_open--;
}

int storage_read(uint32_t number, uint64_t offset, void *bytes, uint32_t length, uint32_t *read) {
  MUST(length <= PIECE_MOST, "a piece that is too long");
  *read = 0;
  if (!storage_here)
    return STORAGE_GONE;
  if (chance(100) == 0)
    return EIO;
  uint64_t size = chance(50) ? files[number].size : 0; /* cut meanwhile */
  *read = offset >= size ? 0 : size - offset < length ? (uint32_t)(size - offset) : length;
  memset(bytes, 'x', *read);
  return 0;
}

int storage_read_block(uint32_t number, uint64_t offset, struct block *block, uint32_t at, uint32_t length,
                       uint32_t *read) {
  MUST(at < BLOCK_MOST && length <= BLOCK_MOST - at, "more than the block holds");
  *read = 0;
  if (!storage_here) {
    if (chance(2)) {
      transport_block_give(*block);
      block->bytes = NULL;
    }
    return STORAGE_GONE;
  }
  uint64_t size = files[number].size, left = offset < size ? size - offset : 0;
  *read = (uint32_t)(left < length ? left : length);
  if (*read > 1 && chance(10) == 0)
    *read = 1 + (uint32_t)chance(*read);
  memset(block->bytes + at, 'x', *read);
  return 0;
}

int storage_list(uint32_t number, uint64_t *position, bool (*each)(void *context, const char *name), void *context,
                 bool *more) {
  (void)number;
  static const char *const names[] = {".", "..", "a.txt", "<b>"};
  for (; *position < 4; ++*position)
    if (!each(context, names[*position]))
      break;
  *more = false;
  return chance(20) ? 0 : EIO;
}

/* ---- The extension and the observation ---- */

enum extension_presence extension_presence(void) { return presence; }

bool extension_ask(const struct extension_question *question) {
  MUST(presence == EXTENSION_IS_READY, "two questions at once");
  MUST(!strncmp(question->target, "/ext/", 5) && strlen(question->target) <= TARGET_MOST &&
           strlen(question->query) <= QUERY_MOST && strlen(question->headers) <= 4096 &&
           question->body_length <= BODY_MOST,
       "a question that no message holds");
  if (chance(20) == 0)
    return false;
  presence = EXTENSION_IS_BUSY;
  return true;
}

bool observation_begin(void) {
  MUST(!observing, "two looks at once");
  observing = chance(4);
  return observing;
}

/* ---- Rounds ---- */

static void mutate(uint8_t *bytes, size_t *length) {
  for (uint64_t i = chance(4); i && *length; i--) {
    size_t at = chance(*length);
    switch (chance(4)) {
    case 0:
      bytes[at] = (uint8_t)chance(256);
      break;
    case 1:
      bytes[at] ^= (uint8_t)(1u << chance(8));
      break;
    case 2: {
      size_t step = 1 + chance(*length - at < 20 ? *length - at : 20);
      memmove(bytes + at, bytes + at + step, *length - at - step);
      *length -= step;
      break;
    }
    case 3: {
      size_t step = 1 + chance(40);
      if (*length + step > INPUT_MOST)
        break;
      memmove(bytes + at + step, bytes + at, *length - at);
      memset(bytes + at, " \r\n:\t/%.\0,a0"[chance(12)], step);
      *length += step;
    }
    }
  }
}

static void open_one(void) {
  struct fake *fake = fakes;
  while (fake < fakes + CONNECTIONS && fake->used)
    fake++;
  if (fake == fakes + CONNECTIONS || !server_has_room())
    return;
  *fake = (struct fake){.used = true, .silent = chance(4) == 0, .input = malloc(INPUT_MOST)};
  for (uint64_t i = 1 + chance(4); i; i--) {
    size_t seed = chance(seed_count);
    if (fake->length + seeds[seed].length > INPUT_MOST)
      break;
    memcpy(fake->input + fake->length, seeds[seed].bytes, seeds[seed].length);
    fake->length += seeds[seed].length;
  }
  if (chance(3))
    mutate(fake->input, &fake->length);
  fake->unframed = memmem(fake->input, fake->length, "HEAD", 4) != NULL;
  connection_opened(&fake->connection);
}

static void go_on(struct fake *fake) {
  enum asked asked = fake->asked;
  if (asked == NOTHING)
    return;
  if (!fake->silent && chance(60) == 0) { /* a block that is being written goes with it */
    connection_failed(&fake->connection);
    return;
  }
  fake->asked = NOTHING;
  switch (asked) {
  case READ:
  case REPLY: {
    size_t left = fake->length - fake->at, step = left;
    if (asked == READ && fake->until <= now && !transport_can_interrupt_read() && chance(2)) {
      connection_read_over(&fake->connection);
      return;
    }
    if (left == 0) {
      if (!fake->silent && chance(2))
        connection_ended(&fake->connection);
      else
        fake->asked = asked;
      return;
    }
    if (step > PIECE_MOST)
      step = PIECE_MOST;
    if (chance(3) == 0)
      step = 1 + chance(step);
    /* Bytes of their own memory, so that a read behind them shows. */
    uint8_t *bytes = malloc(step);
    memcpy(bytes, fake->input + fake->at, step);
    fake->at += step;
    connection_received(&fake->connection, bytes, (uint32_t)step);
    free(bytes);
    return;
  }
  case BLOCK: {
    uint32_t taken = chance(4) ? fake->block_length : (uint32_t)chance(fake->block_length + 1);
    struct block block = fake->block;
    if (chance(10) == 0) {
      connection_block_refused(&fake->connection, block);
      return;
    }
    seen(fake, block.bytes + block.handle, taken);
    connection_block_written(&fake->connection, block, taken);
    return;
  }
  default:
    connection_written(&fake->connection);
  }
}

static void extension_step(void) {
  static uint8_t body[100000];
  memset(body, 'e', sizeof body);
  switch (presence) {
  case EXTENSION_IS_BUSY:
    if (chance(4) == 0) {
      presence = EXTENSION_IS_GONE;
      extension_lost();
    } else {
      presence = EXTENSION_IS_READY;
      if (chance(8) == 0)
        extension_failed("it says so");
      else
        extension_answered(100 + (unsigned)chance(600), chance(8) ? "text/plain" : "a\r\nb: c", body,
                           chance(sizeof body));
    }
    return;
  case EXTENSION_IS_GONE:
    presence = EXTENSION_IS_READY;
    extension_back();
    return;
  default:
    return;
  }
}

static void step(void) {
  switch (chance(16)) {
  case 0:
  case 1:
    open_one();
    return;
  case 2:
    now += chance(4) ? chance(SECOND / 10) : chance(12 * SECOND);
    server_expire();
    MUST(server_next_deadline() > now, "a deadline that has passed");
    return;
  case 3:
    extension_step();
    return;
  case 4:
    if (!storage_here) {
      storage_here = true;
      files_open = 0;
      storage_back();
    } else if (chance(10) == 0) {
      file_change++;
    }
    return;
  case 5:
    if (observing) {
      observing = false;
      char *fields = chance(3) ? strdup("\"processes\":[],\"channels\":[]") : NULL;
      observed(fields, fields ? strlen(fields) : 0);
    }
    return;
  default: {
    struct fake *fake = &fakes[chance(CONNECTIONS)];
    if (fake->used)
      go_on(fake);
  }
  }
}

static uint32_t used_count(void) {
  uint32_t used = 0;
  for (int i = 0; i < CONNECTIONS; i++)
    used += fakes[i].used;
  return used;
}

static void round_run(uint64_t seed) {
  round_number = seed;
  random_state = seed * 2654435761u + 88172645463325252u;
  server_begin(1);
  storage_here = true;
  block_limit = chance(2) ? 4 : 100;
  presence = chance(5) ? EXTENSION_IS_READY : (enum extension_presence)chance(2);
  for (uint64_t steps = 50 + chance(400); steps; steps--) {
    step();
    if (chance(2))
      server_continue();
    MUST(server_figures.connections == used_count(), "connections are miscounted");
  }
  /* All ends: what is under way is finished, or its time is over. */
  server_stop();
  storage_here = true;
  storage_back();
  for (int i = 0; i < 3000 && used_count(); i++) {
    now += SECOND / 50;
    server_expire();
    for (int j = 0; j < CONNECTIONS; j++)
      if (fakes[j].used)
        go_on(&fakes[j]);
    if (observing) {
      observing = false;
      observed(NULL, 0);
    }
    server_continue();
    extension_step();
    if (!storage_here) {
      storage_here = true;
      storage_back();
    }
  }
  MUST(used_count() == 0 && server_is_idle(), "a connection is left");
  MUST(blocks_used() == 0, "blocks are miscounted");
  blocks_drop();
  MUST(blocks_out == 0, "a block is left");
  MUST(server_next_deadline() == UINT64_MAX, "a deadline is left");
}

/* ---- The corpus ---- */

static size_t unescape(const char *text, uint8_t *to) {
  uint8_t *begin = to;
  for (; *text; text++) {
    int times, end = 0;
    char c;
    if (sscanf(text, "{%d*%c}%n", &times, &c, &end) == 2 && end) {
      memset(to, c, (size_t)times);
      to += times;
      text += end - 1;
    } else if (*text == '\\') {
      unsigned byte;
      text++;
      if (*text == 'x' && sscanf(text + 1, "%2x", &byte) == 1) {
        *to++ = (uint8_t)byte;
        text += 2;
      } else {
        *to++ = *text == 'r' ? '\r' : *text == 'n' ? '\n' : *text == 't' ? '\t' : *text == '0' ? 0 : (uint8_t)*text;
      }
    } else {
      *to++ = (uint8_t)*text;
    }
  }
  return (size_t)(to - begin);
}

static void seed_add(const char *text) {
  static uint8_t bytes[1 << 17];
  size_t length = unescape(text, bytes);
  seeds[seed_count].bytes = malloc(length);
  memcpy(seeds[seed_count].bytes, bytes, length);
  seeds[seed_count++].length = length;
}

static bool corpus_read(const char *path) {
  FILE *file = fopen(path, "r");
  char line[4096];
  if (!file)
    return false;
  while (fgets(line, sizeof line, file) && seed_count < SEEDS_MOST - 64) {
    line[strcspn(line, "\n")] = 0;
    const char *text = line[0] == '#' ? NULL : strstr(line, " | ");
    for (int i = 0; text && i < 2; i++)
      text = strstr(text + 3, " | ");
    if (text)
      seed_add(text + 3);
  }
  fclose(file);
  static const char *const more[] = {
      "HEAD /large.bin HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n",
      "GET /huge.bin HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n",
      "GET /huge.bin HTTP/1.1\\r\\nHost: a\\r\\nRange: bytes=100-200000\\r\\n\\r\\n",
      "GET /status.json HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n",
      "GET /status HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n",
      "GET /ext/a?b HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n",
      "GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n",
      "POST /ext/a HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 5000\\r\\n\\r\\n{5000*x}",
      "POST /ext/a HTTP/1.1\\r\\nHost: a\\r\\nExpect: 100-continue\\r\\nContent-Length: 5\\r\\n\\r\\nabcde",
      "POST /ext/a HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: "
      "chunked\\r\\n\\r\\n1388\\r\\n{5000*x}\\r\\n0\\r\\n\\r\\n",
  };
  for (size_t i = 0; i < sizeof more / sizeof *more; i++)
    seed_add(more[i]);
  /* Those that need blocks, more often. */
  for (int i = 0; i < 30; i++)
    seed_add("GET /large.bin HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n");
  return seed_count > 100;
}

/* Who sends on and on after a refused request is not listened to for ever, however fast. -> bytes that were taken. */
static size_t linger(void) {
  static const char bad[] = "GET / HTTP/9.9\r\n\r\n";
  static const uint8_t more[PIECE_MOST];
  struct fake *fake = &fakes[0];
  size_t taken = 0;
  server_begin(1);
  *fake = (struct fake){.used = true};
  connection_opened(&fake->connection);
  fake->asked = NOTHING;
  connection_received(&fake->connection, (const uint8_t *)bad, sizeof bad - 1);
  while (fake->used && taken < 100u << 20) {
    enum asked asked = fake->asked;
    fake->asked = NOTHING;
    if (asked == READ) {
      connection_received(&fake->connection, more, sizeof more);
      taken += sizeof more;
    } else {
      connection_written(&fake->connection);
    }
  }
  if (fake->used)
    connection_close(&fake->connection);
  return taken;
}

/* A request that waits for the extension when that ends has a second, and one more that comes meanwhile too. -> how
 * many had an answer before, and after. */
static void lost(uint64_t *before, uint64_t *after) {
  static const char ask[] = "GET /ext/a HTTP/1.1\r\nHost: a\r\n\r\n";
  server_begin(1);
  presence = EXTENSION_IS_BUSY;
  for (int i = 0; i < 2; i++) {
    fakes[i] = (struct fake){.used = true};
    connection_opened(&fakes[i].connection);
    fakes[i].asked = NOTHING;
    connection_received(&fakes[i].connection, (const uint8_t *)ask, sizeof ask - 1);
    if (i == 0) {
      presence = EXTENSION_IS_GONE;
      extension_lost();
    }
  }
  uint64_t begin = answers;
  now += SECOND * 9 / 10;
  server_expire();
  *before = answers - begin;
  now += SECOND / 5;
  server_expire();
  *after = answers - begin;
  for (int i = 0; i < 2; i++)
    if (fakes[i].used)
      connection_close(&fakes[i].connection);
}

int main(int count, char **arguments) {
  uint64_t first = count > 1 ? strtoull(arguments[1], NULL, 0) : 1;
  uint64_t rounds = count > 2 ? strtoull(arguments[2], NULL, 0) : count > 1 ? 1 : 10000;
  server_root = "";
  bool read = corpus_read("tests/web/corpus.txt");
  ok(read, "the corpus: %zu requests", seed_count);
  for (uint64_t seed = first; seed < first + rounds; seed++)
    round_run(seed);
  ok(closes > rounds && answers > rounds, "%llu rounds: %llu connections, %llu answers, and nothing is left",
     (unsigned long long)rounds, (unsigned long long)closes, (unsigned long long)answers);
  ok(rounds < 1000 || (late[0] && late[1]),
     "a request that does not come in time is answered: %llu where a read ends by "
     "itself, %llu where it is interrupted",
     (unsigned long long)late[0], (unsigned long long)late[1]);
  size_t lingered = linger();
  ok(lingered > 100000 && lingered < 1000000, "who sends on after a refusal is read for %zu bytes", lingered);
  uint64_t before, after;
  lost(&before, &after);
  ok(before == 0 && after == 2, "an extension that has ended is waited for for a second (%llu, %llu)",
     (unsigned long long)before, (unsigned long long)after);
  for (size_t i = 0; i < seed_count; i++)
    free(seeds[i].bytes);
  return finish();
}
