/* The file service in memory: read-only places, whatever name leads there; requests that are wrong in every field;
 * memory that is used up and comes back. */
#include <errno.h>
#include <sys/stat.h>

#include "services/request.h"
#include "tests/services/memory_kernel.h"

static void test_read_only(void) {
  uint64_t file, value;
  cpio_good();
  places_good();
  ok(begin(2, 3) == 0, "a service with two places");
  static const char *const sealed[] = {"/ro/file", "/w/in", "/w/../ro/file", "/ro/dir/deep", "/w/indir/deep"};
  for (size_t i = 0; i < sizeof sealed / sizeof *sealed; i++) {
    const char *name = sealed[i];
    ok(open_file(name, SIGNET_OPEN_WRITE, NULL) == EROFS &&
           open_file(name, SIGNET_OPEN_READ | SIGNET_OPEN_TRUNCATE, NULL) == EROFS &&
           open_file(name, SIGNET_OPEN_READ | SIGNET_OPEN_APPEND, NULL) == EROFS &&
           open_file(name, SIGNET_OPEN_READ | SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, NULL) == EROFS,
       "%s is not opened to be changed", name);
    ok(ask(FILES_PERMISSIONS, (struct files_request){.length = 0777}, name, NULL) == EROFS &&
           ask(FILES_TIMES, (struct files_request){0}, name, NULL) == EROFS,
       "nor are its permissions and times");
    ok(open_file(name, SIGNET_OPEN_READ | SIGNET_OPEN_CREATE, &file) == 0 &&
           ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file}, "x", 1, NULL) == EBADF &&
           ask(FILES_WRITE_BLOCK, (struct files_request){.file = (uint32_t)file, .length = 1}, NULL, NULL) == EBADF &&
           ask(FILES_TRUNCATE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == EINVAL &&
           ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0,
       "opened to be read it is not written");
    ok(open_file(name, SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE | SIGNET_OPEN_EXCLUSIVE, NULL) == EEXIST,
       "nor made again");
  }
  ok(ask(FILES_REMOVE, (struct files_request){0}, "/ro/file", NULL) == EROFS &&
         ask(FILES_REMOVE, (struct files_request){0}, "/w/indir/deep", NULL) == EROFS,
     "nothing is removed");
  ok(open_file("/ro/new", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, NULL) == EROFS &&
         open_file("/w/indir/new", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, NULL) == EROFS &&
         ask(FILES_MAKE, (struct files_request){.length = 0700}, "/ro/new", NULL) == EROFS &&
         ask_two(FILES_LINK, "x", "/ro/new") == EROFS,
     "nor made");
  ok(ask_two(FILES_RENAME, "/ro/file", "/w/x") == EROFS && ask_two(FILES_RENAME, "/w/file", "/ro/x") == EROFS &&
         ask_two(FILES_RENAME, "/w/file", "/ro/file") == EROFS && ask_two(FILES_RENAME, "/ro/file", "/ro/x") == EROFS,
     "nor renamed, out or in");
  ok(ask_two(FILES_RENAME, "/ro", "/x") == EBUSY && ask_two(FILES_RENAME, "/w/file", "/ro") == EBUSY &&
         ask(FILES_REMOVE, (struct files_request){.flags = 1}, "/ro", NULL) == EBUSY &&
         ask(FILES_REMOVE, (struct files_request){.flags = 1}, "/", NULL) == EBUSY &&
         ask_two(FILES_RENAME, "/", "/x") == EBUSY && ask_two(FILES_RENAME, "/x", "/") == EBUSY,
     "a place is neither removed nor renamed");
  ok(ask(FILES_PERMISSIONS, (struct files_request){.length = 0777}, "/ro", NULL) == EROFS,
     "nor are its permissions changed");
  ok(open_file("/ro/out", SIGNET_OPEN_WRITE, &file) == 0 &&
         ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file, .offset = 3}, "xyz", 3, &value) == 0,
     "a link in it to what can be written leads there");
  ok(ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0, "closed");
  ok(open_file("/ro/dir/open/new", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file) == 0 &&
         ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0 &&
         ask_two(FILES_RENAME, "/ro/dir/open/new", "/w/new") == 0 &&
         ask(FILES_REMOVE, (struct files_request){0}, "/w/new", NULL) == 0,
     "an open place in it is open");
  memcpy(content + 3, "xyz", 3);
  ok(read_all("/ro/file", (const uint8_t *)"hello", 5) && read_all("/w/file", content, 20000),
     "after all that, the files are as they should be");
}

/* What leads to a place keeps its name too: else another tree could be put where it was. */
static void test_what_leads_to_a_place(void) {
  cpio_good();
  places_good();
  bytes.place[3] = (struct services_mount){.flags = SERVICES_MOUNT_READ_ONLY, .path = "/w/one/two/three"};
  ok(begin(2, 4) == 0, "a service with a read-only place deep in what can be written");
  static const char *const leads[] = {"/w/one", "/w/one/two", "/w/one/two/three"};
  for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
    ok(ask_two(FILES_RENAME, leads[i], "/w/away") == EBUSY && ask_two(FILES_RENAME, leads[i], "/w/one/x") &&
           ask(FILES_REMOVE, (struct files_request){.flags = 1}, leads[i], NULL) != 0 &&
           ask_two(FILES_RENAME, "/w/in", leads[i]) != 0,
       "%s keeps its name", leads[i]);
  ok(ask(FILES_MAKE, (struct files_request){.length = 0700}, "/w/one/two/three/new", NULL) == EROFS,
     "what is there is read-only");
  ok(ask(FILES_MAKE, (struct files_request){.length = 0700}, "/w/one/beside", NULL) == 0 &&
         ask_two(FILES_RENAME, "/w/one/beside", "/w/away") == 0 &&
         ask(FILES_REMOVE, (struct files_request){.flags = 1}, "/w/away", NULL) == 0,
     "what is beside it is not");
}

static void test_boundaries(void) {
  uint64_t file, value;
  ok(open_file("/w/file", SIGNET_OPEN_READ | SIGNET_OPEN_WRITE, &file) == 0, "a file is opened");
  struct files_request request = {.file = (uint32_t)file};
  ok(ask_bytes(1, FILES_WRITE, request, "a", 1, NULL) == EBADF &&
         ask_bytes(1, FILES_CLOSE, request, NULL, 0, NULL) == EBADF &&
         ask_bytes(1, FILES_STATUS, request, NULL, 0, NULL) == EBADF,
     "its number is nothing to another client");
  ok(ask(FILES_READ, (struct files_request){.file = MEMORY_OPEN_MOST, .length = 1}, NULL, NULL) == EBADF &&
         ask(FILES_READ, (struct files_request){.file = UINT32_MAX, .length = 1}, NULL, NULL) == EBADF,
     "numbers past the last");
  request.offset = UINT64_MAX;
  ok(ask_bytes(0, FILES_WRITE, request, "a", 1, NULL) == EINVAL && ask(FILES_READ, request, NULL, NULL) == EINVAL,
     "an offset that is negative");
  request.offset = 1ull << 32;
  ok(ask_bytes(0, FILES_WRITE, request, "a", 1, NULL) == EFBIG, "a file longer than all memory");
  request.offset = (1ull << 32) - 2;
  uint64_t before = memory_left;
  memory_left = 64 << 20;
  ok(ask_bytes(0, FILES_WRITE, request, "abcd", 4, &value) == 0 && value == 2, "as much as there may be of it: %lu",
     value);
  memory_left = before;
  struct signet_file_status status = status_of("/w/file", false, NULL);
  ok(status.size == 1ull << 32 && status.blocks < 10000, "a hole takes no memory: %lu blocks", status.blocks);
  request.offset = 1 << 30;
  request.length = 1000;
  memset(block, 7, 1000);
  ok(ask(FILES_READ_BLOCK, request, NULL, &value) == 0 && value == 1000 && !block[0] && !memcmp(block, block + 1, 999),
     "and holds zeros");
  request = (struct files_request){.file = (uint32_t)file, .flags = 10, .offset = 1 << 30, .length = 1000};
  memset(block, 7, 1011);
  ok(ask(FILES_READ_BLOCK, request, NULL, &value) == 0 && value == 1000 && block[9] == 7 && !block[10] &&
         !memcmp(block + 10, block + 11, 999) && block[1010] == 7,
     "into the block from the byte that is named");
  request.length = FILES_BLOCK_MOST - 9;
  ok(ask(FILES_READ_BLOCK, request, NULL, NULL) == EINVAL && ask(FILES_WRITE_BLOCK, request, NULL, NULL) == EINVAL,
     "more than the block holds from there on");
  request = (struct files_request){.file = (uint32_t)file, .flags = UINT32_MAX, .length = 1};
  ok(ask(FILES_READ_BLOCK, request, NULL, NULL) == EINVAL && ask(FILES_WRITE_BLOCK, request, NULL, NULL) == EINVAL,
     "from a byte behind the block");
  request = (struct files_request){.file = (uint32_t)file, .length = FILES_BLOCK_MOST + 1};
  ok(ask(FILES_WRITE_BLOCK, request, NULL, NULL) == EINVAL && ask(FILES_READ_BLOCK, request, NULL, NULL) == EINVAL,
     "more than a block holds");
  request.length = (1ull << 32) + 1;
  ok(ask(FILES_TRUNCATE, request, NULL, NULL) == EFBIG, "a length that is too great");
  request.length = UINT64_MAX;
  ok(ask(FILES_TRUNCATE, request, NULL, NULL) == EINVAL, "a length that is negative");
  request.length = 0;
  ok(ask(FILES_TRUNCATE, request, NULL, NULL) == 0 && ask(FILES_CLOSE, request, NULL, NULL) == 0 &&
         status_of("/w/file", true, NULL).blocks == 0,
     "cut to nothing");

  ok(open_file("/w/file", SIGNET_OPEN_WRITE, &file) == 0 &&
         ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file, .offset = 1000}, "", 0, &value) ==
             0 &&
         !value && status_of("/w/file", true, NULL).size == 0 &&
         ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0,
     "nothing is written at once, and makes nothing longer");
  static const struct signet_message broken[] = {
      {.tag = FILES_SYNC, .length = FILES_REQUEST - 1},
      {.tag = FILES_SYNC, .length = 0},
      {.tag = FILES_SYNC, .length = FILES_DATA_MOST + 1},
      {.tag = FILES_SYNC, .length = UINT32_MAX},
      {.tag = FILES_READ, .length = FILES_REQUEST, .moved_count = 1},
      {.tag = FILES_READ_BLOCK, .length = FILES_REQUEST},
      {.tag = FILES_WRITE_BLOCK, .length = FILES_REQUEST, .moved_count = 2},
  };
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    struct files_answer answer;
    memset(&buffer, 0, sizeof buffer);
    buffer.message = broken[i];
    memory_serve(&service, &service.clients[0], &buffer);
    memcpy(&answer, buffer.data, sizeof answer);
    ok(answer.error == EINVAL, "a header that the contract forbids, %zu", i);
  }

  /* A large directory: told in pieces of any size, each name once. */
  ok(ask(FILES_MAKE, (struct files_request){.length = 0700}, "/w/large", NULL) == 0, "a directory");
  for (int i = 0; i < 500; i++) {
    char numbered[32];
    snprintf(numbered, sizeof numbered, "/w/large/%d", i);
    ask(FILES_MAKE, (struct files_request){.length = 0700}, numbered, NULL);
  }
  ok(open_file("/w/large", SIGNET_OPEN_READ, &file) == 0, "with 500 names");
  for (uint32_t room = 24; room <= 4096; room += 509) {
    static bool seen[500];
    uint32_t told = 0;
    bool wrong = false;
    memset(seen, 0, sizeof seen);
    uint64_t at = 0;
    for (;;) {
      uint32_t error =
          ask(FILES_LIST, (struct files_request){.file = (uint32_t)file, .offset = at, .length = room}, NULL, &value);
      if (error || !value || value > room)
        break;
      for (uint64_t i = 0; i < value;) {
        const struct signet_directory_entry *entry = (const void *)((const uint8_t *)answered() + i);
        int number = atoi(entry->name);
        if (entry->name[0] != '.') {
          wrong = wrong || number < 0 || number > 499 || seen[number];
          seen[number] = true;
        }
        told++;
        at = entry->next;
        i += entry->size;
      }
    }
    ok(!wrong && told == 502 && value == 0, "listed %u bytes at a time: %u names", room, told);
  }
  ok(ask(FILES_LIST, (struct files_request){.file = (uint32_t)file, .length = 23}, NULL, NULL) == EINVAL,
     "no name has room in 23 bytes");
  ok(ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0, "closed");

  ok(open_file("relative", SIGNET_OPEN_READ, NULL) == EINVAL, "a relative name");
  ok(ask_bytes(0, FILES_OPEN, (struct files_request){.flags = 1}, "/w/file", 7, NULL) == EINVAL,
     "a name without its NUL");
  ok(ask_bytes(0, FILES_OPEN, (struct files_request){.flags = 1}, "/w\0file", 8, NULL) == EINVAL,
     "a NUL inside a name");
  ok(ask_bytes(0, FILES_RENAME, (struct files_request){0}, "/w/file", 8, NULL) == EINVAL, "one name of two");
  ok(ask_bytes(0, FILES_OPEN, (struct files_request){.flags = 1}, "", 0, NULL) == EINVAL, "no name");
  ok(open_file("/w/file", 256 | SIGNET_OPEN_READ, NULL) == EINVAL &&
         open_file("/w/file", SIGNET_OPEN_APPEND, NULL) == EINVAL,
     "flags that there are not");
  ok(ask(FILES_REMOVE, (struct files_request){.flags = 2}, "/w/file", NULL) == EINVAL &&
         ask(FILES_PERMISSIONS, (struct files_request){.flags = 1}, "/w/file", NULL) == EINVAL &&
         ask(FILES_MAKE, (struct files_request){.length = 010000}, "/w/d", NULL) == EINVAL &&
         ask(FILES_OPEN, (struct files_request){.flags = 3, .length = 010000}, "/w/d", NULL) == EINVAL,
     "and of other requests");
  ok(ask(FILES_STREAM_READ, (struct files_request){.length = 10}, NULL, NULL) == ENOSYS &&
         ask(99, (struct files_request){0}, NULL, NULL) == ENOSYS,
     "requests of a stream, and no requests");

  char name[600];
  memset(name, 'n', sizeof name);
  memcpy(name, "/w/", 3);
  name[3 + 256] = 0;
  ok(open_file(name, SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, NULL) == ENAMETOOLONG, "a name of 256 bytes");
  name[3 + 255] = 0;
  ok(open_file(name, SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file) == 0 &&
         ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0 &&
         ask(FILES_REMOVE, (struct files_request){0}, name, NULL) == 0,
     "and one of 255");
  ok(ask_two(FILES_LINK, "loop", "/w/loop") == 0 && open_file("/w/loop", SIGNET_OPEN_READ, NULL) == ELOOP &&
         open_file("/w/loop/x", SIGNET_OPEN_READ, NULL) == ELOOP,
     "a link to itself");
  static char target[4097];
  memset(target, 'a', 4000);
  for (int i = 3; i < 4000; i += 100)
    target[i] = '/';
  char text[4096];
  memcpy(text, target, 4000);
  strcpy(text + 4000, "/w/long");
  memmove(text + 4001, "/w/long", 8);
  text[4000] = 0;
  ok(ask_bytes(0, FILES_LINK, (struct files_request){0}, text, 4009, NULL) == 0, "a link of 4,000 bytes");
  name[0] = '/';
  strcpy(name, "/w/long");
  memset(name + 7, 'b', 120);
  name[7] = '/';
  name[127] = 0;
  ok(open_file(name, SIGNET_OPEN_READ, NULL) == ENAMETOOLONG, "which leads to a name that is too long");

  uint32_t count = 0, error;
  while (!(error = open_file("/w/file", SIGNET_OPEN_READ, NULL)))
    count++;
  ok(error == EMFILE && count == MEMORY_OPEN_MOST, "a client may have %u files open", count);
  memory_forget(&service.clients[0]);
  ok(open_file("/w/file", SIGNET_OPEN_READ, &file) == 0, "which close when it is gone");
  ok(ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0 &&
         ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == EBADF,
     "a number is closed once");
}

/* Memory: used up, it is an error; given back, it can be used again, all of it, again and again. */
static void test_memory(void) {
  uint64_t file, value, filled[4], many = 0;
  archive_bytes = NULL;
  memset(&bytes, 0, sizeof bytes);
  memory_left = 4 << 20;
  ok(begin(1, 0) == 0, "a service with 4 MiB");
  uint32_t error = 0, different = 0;
  /* What one use leaves behind, thousands do. */
  for (int round = 0; round < 3000; round++) {
    if (open_file("/short", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file) ||
        ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file, .offset = round % 2 * 200000}, "x", 1,
                  &value) ||
        ask_two(FILES_RENAME, "/short", "/a-longer-name-for-it") ||
        ask_two(FILES_LINK, "a-longer-name-for-it", "/link") ||
        ask(FILES_REMOVE, (struct files_request){0}, "/a-longer-name-for-it", NULL) ||
        ask(FILES_REMOVE, (struct files_request){0}, "/link", NULL))
      break;
    many++;
    if (round % 3)
      ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL);
    else
      memory_forget(&service.clients[0]);
  }
  ok(many == 3000 && memory_next - AREA_LOW < 200000,
     "files come and go, by closing and with their client: %lu bytes are in use", memory_next - AREA_LOW);
  for (int round = 0; round < 4; round++) {
    filled[round] = 0;
    open_file("/big", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file);
    memset(block, round + 1, sizeof block);
    do {
      error =
          ask(FILES_WRITE_BLOCK,
              (struct files_request){.file = (uint32_t)file, .offset = filled[round], .length = 100000}, NULL, &value);
      filled[round] += error ? 0 : value;
    } while (!error);
    /* What was given up by another file reads as zeros where this one has a hole. */
    ask(FILES_REMOVE, (struct files_request){0}, "/big", NULL);
    ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL);
    open_file("/hole", SIGNET_OPEN_READ | SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file);
    ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file, .offset = 40000}, "x", 1, NULL);
    ask(FILES_READ_BLOCK, (struct files_request){.file = (uint32_t)file, .length = 40001}, NULL, &value);
    for (int i = 0; i < 40000; i++)
      different += block[i] != 0;
    ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL);
    ask(FILES_REMOVE, (struct files_request){0}, "/hole", NULL);
  }
  ok(error == ENOSPC && filled[0] > 3500000, "when it is full, it says so: after %lu bytes", filled[0]);
  ok(filled[1] == filled[0] && filled[2] == filled[0] && filled[3] == filled[0],
     "what a removed file held can be used again");
  ok(!different, "and is zeros then");
  uint32_t made_files = 0;
  char name[32];
  do {
    snprintf(name, sizeof name, "/f%u", made_files);
    error = open_file(name, SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file);
    if (!error)
      ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL);
    made_files += !error;
  } while (!error && made_files < 100000);
  ok(error == ENOSPC && made_files > 1000, "%u names use it up too", made_files);
  ok(ask(FILES_MAKE, (struct files_request){.length = 0700}, "/d", NULL) == ENOSPC &&
         ask_two(FILES_LINK, "x", "/l") == ENOSPC &&
         ask_two(FILES_RENAME, "/f0", "/g0-which-is-much-longer-than-what-it-replaces-and-so-needs-memory") == ENOSPC,
     "directories, links and new names as well");
  ok(open_file("/f0", SIGNET_OPEN_WRITE, &file) == 0 &&
         ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file}, "x", 1, NULL) == ENOSPC &&
         ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file, .offset = 1 << 22}, "x", 1, NULL) ==
             ENOSPC,
     "and bytes of a file that had none");
  struct signet_file_status status = status_of("/f0", true, NULL);
  ok(status.mode == (S_IFREG | 0644) && !status.size, "what failed has changed nothing");
  memory_left = UINT64_MAX;
}

/* ---- Requests that are wrong in every field ---- */

static uint64_t extreme(void) {
  static const uint64_t values[] = {
      0,      1,          2,        3,          7,         64,         255,        256,        1023,
      1024,   4095,       4096,     4097,       0xffff,    0777,       07777,      010000,     FILES_BLOCK_MOST,
      100000, 0x7fffffff, 1u << 31, UINT32_MAX, INT64_MAX, 1ull << 63, UINT64_MAX, 1ull << 32, FILES_BLOCK_MOST + 1};
  return values[test_random() % (sizeof values / sizeof *values)];
}

static size_t hostile_text(char *text, size_t most) {
  static const char *const pieces[] = {"/", "w", "ro",   "dir",  "..",  ".",    "//",   "file", "in", "indir",
                                       "a", "",  "/../", "loop", "/w/", "/ro/", "/w/a", "out",  "/"};
  size_t length = 0;
  if (test_random() % 64 == 0) {
    length = test_random() % (most + 1);
    memset(text, '/' + (int)(test_random() % 3), length);
    return length;
  }
  for (uint32_t count = test_random() % 8; count > 0; count--) {
    const char *piece = pieces[test_random() % (sizeof pieces / sizeof *pieces)];
    size_t size = *piece ? strlen(piece) : 1;
    memcpy(text + length, piece, size);
    length += size;
  }
  if (test_random() % 8)
    text[length++] = 0;
  return length;
}

static void test_hostile_requests(void) {
  enum { ROUNDS = 200000 };
  static char text[FILES_INLINE_MOST];
  cpio_good();
  places_good();
  memory_left = 8 << 20;
  ok(begin(4, 3) == 0, "a service with four clients");
  uint32_t errors = 0;
  for (int i = 0; i < ROUNDS; i++) {
    uint32_t tag = test_random() % 32, client = test_random() % 4;
    if (tag >= FILES_MESSAGE_COUNT)
      tag = (uint32_t)extreme();
    struct files_request request = {(uint32_t)extreme(), (uint32_t)extreme(), extreme(), extreme()};
    if (test_random() % 2)
      request.flags = test_random() % 256;
    if (test_random() % 2)
      request.file = test_random() % 8;
    bool named = request_names(tag);
    size_t length = named || tag == FILES_WRITE || test_random() % 16 == 0 ? hostile_text(text, sizeof text) : 0;
    errors += ask_bytes(client, tag, request, text, length, NULL) != 0;
    if (test_random() % 3000 == 0)
      memory_forget(&service.clients[client]);
    map_fails = test_random() % 16 == 0;
  }
  map_fails = false;
  ok(errors > ROUNDS / 10 && errors < ROUNDS, "%u hostile requests, %u errors", ROUNDS, errors);
  for (int i = 0; i < 20000; i++) {
    memset(&buffer, 0, sizeof buffer);
    buffer.message.tag = test_random() % FILES_MESSAGE_COUNT;
    buffer.message.length = test_random() % 3 ? test_random() % 8000 : (uint32_t)extreme();
    buffer.message.moved_count = test_random() % 5;
    buffer.message.moved[0].offset = (uint32_t)(uintptr_t)block;
    buffer.message.moved[0].length = test_random() % 2 ? FILES_BLOCK_MOST : 0;
    if (buffer.message.length > FILES_REQUEST && buffer.message.length < sizeof buffer.data)
      memset(buffer.data + FILES_REQUEST, '/', buffer.message.length - FILES_REQUEST);
    memory_serve(&service, &service.clients[0], &buffer);
    if (buffer.message.length > FILES_ANSWER + FILES_INLINE_MOST)
      ok(false, "an answer that is too long");
  }
  for (uint32_t i = 0; i < 4; i++)
    memory_forget(&service.clients[i]);
  memory_left = UINT64_MAX;
  uint64_t read_only;
  ok(read_all("/ro/file", (const uint8_t *)"hello", 5) && read_all("/ro/dir/deep", content, sizeof content) &&
         status_of("/ro", true, &read_only).mode == (S_IFDIR | 0755) && read_only == 1 &&
         status_of("/ro/file", true, &read_only).modified == 3000ull * 1000000000,
     "what is read-only is as it was");
}

static void test_all(void) {
  test_what_leads_to_a_place();
  test_read_only();
  test_boundaries();
  test_memory();
  test_hostile_requests();
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  test_run_low(test_all);
  return finish();
}
