/* What the file service in memory begins with: a right archive, archives that are wrong in every field, cut anywhere or
 * with any byte another, start-up bytes that are wrong, reads that fail, too little memory. */
#include <sys/stat.h>

#include "tests/services/memory_kernel.h"

static void test_archive(void) {
  uint64_t read_only;
  cpio_good();
  places_good();
  ok(begin(2, 3) == 0, "an archive is taken");
  ok(read_all("/ro/file", (const uint8_t *)"hello", 5) && read_all("/ro/dir/deep", content, sizeof content) &&
         read_all("/w/file", content, 20000) && read_all("/w/empty", content, 0),
     "its files hold what they held");
  struct signet_file_status status = status_of("/ro/file", true, &read_only);
  ok(status.mode == (S_IFREG | 0755) && status.modified == 3000ull * 1000000000 && read_only == 1,
     "with their permissions, but no set-user bit, and their times: %o", status.mode);
  status = status_of("/ro", true, &read_only);
  ok(status.mode == (S_IFDIR | 0755) && status.modified == 2000ull * 1000000000 && read_only == 1, "directories too");
  status = status_of("/ro/dir/deep", true, &read_only);
  ok(status.size == sizeof content && read_only == 1, "what is below a read-only place is read-only");
  status = status_of("/ro/dir/open", true, &read_only);
  ok(S_ISDIR(status.mode) && read_only == 0, "a place that is not in the archive is made, also in a read-only one");
  status = status_of("/w/in", true, &read_only);
  ok(status.mode == (S_IFLNK | 0777) && status.size == 8 && read_only == 0, "a link");
  status = status_of("/w/in", false, &read_only);
  ok(S_ISREG(status.mode) && status.size == 5 && read_only == 1, "and where it leads");
  status = status_of("/tmp", true, &read_only);
  ok(status.mode == (S_IFDIR | 01777) && read_only == 0, "/tmp is there");
  status = status_of("/", true, &read_only);
  ok(status.mode == (S_IFDIR | 0751) && read_only == 0, "the top is the archive's: %o", status.mode);
}

static uint32_t begin_with(uint32_t which) {
  static const struct services_mount good = {.flags = SERVICES_MOUNT_READ_ONLY, .path = "/ro"};
  struct signet_startup startup = {.abi_version = SIGNET_ABI_VERSION,
                                   .slots = 3,
                                   .area_low = AREA_LOW,
                                   .area_high = AREA_HIGH,
                                   .bytes_offset = (uint32_t)(uintptr_t)&bytes,
                                   .bytes_length = sizeof bytes.head + 2 * sizeof bytes.place[0],
                                   .handles = {1, 2, 0x77}};
  memset(&bytes, 0, sizeof bytes);
  bytes.head = (struct services_memory){SERVICES_MEMORY_VERSION, 2, 5, 2};
  bytes.place[0] = good;
  bytes.place[1] = (struct services_mount){.path = "/w"};
  switch (which) {
  case 1:
    startup.abi_version++;
    break;
  case 2:
    startup.bytes_length = sizeof bytes.head - 1;
    break;
  case 3:
    startup.bytes_length--;
    break;
  case 4:
    bytes.head.version++;
    break;
  case 5:
    bytes.head.clients = 0;
    startup.slots = 1;
    break;
  case 6:
    bytes.head.clients = SIGNET_SLOTS_MOST;
    startup.slots = SIGNET_SLOTS_MOST + 1;
    break;
  case 7:
    startup.slots = 2;
    break;
  case 8:
    startup.slots = 4;
    break;
  case 9:
    bytes.head.places = UINT32_MAX;
    break;
  case 10:
    memset(bytes.place[1].path, 'x', sizeof bytes.place[1].path);
    break;
  case 11:
    strcpy(bytes.place[1].path, "w");
    break;
  case 12:
    strcpy(bytes.place[1].path, "/w/");
    break;
  case 13:
    strcpy(bytes.place[1].path, "/ro/file");
    break;
  case 14:
    strcpy(bytes.place[1].path, "/ro/file/below");
    break;
  case 15:
    strcpy(bytes.place[1].path, "/w/indir");
    break;
  case 16:
    bytes.place[1].flags = 2;
    break;
  case 17:
    memset(bytes.place[1].path, '/', sizeof bytes.place[1].path);
    break;
  }
  memory_anew();
  return memory_begin(&service, &startup);
}

static void test_start(void) {
  cpio_good();
  ok(begin_with(0) == 0, "start-up bytes that are right");
  for (uint32_t i = 1; i <= 17; i++)
    ok(begin_with(i) == SERVICES_END_STARTUP, "start-up bytes that are wrong, %u", i);
  archive_bytes = NULL;
  ok(begin_with(0) == SERVICES_END_ARCHIVE, "an entry that the archive does not have");
  uint32_t ended = 0;
  cpio_good();
  places_good();
  uint64_t reads = (begin(1, 3), archive_reads);
  for (uint64_t i = 1; i <= reads; i++) {
    archive_reads = 0;
    archive_fails_at = i;
    ended += begin(1, 3) == SERVICES_END_ARCHIVE;
  }
  archive_fails_at = 0;
  ok(ended == reads && reads > 20, "each of %lu reads of the archive fails: it ends and says so", reads);
  ended = 0;
  for (uint64_t pages = 0; pages < 100; pages++) {
    memory_left = pages * 4096;
    uint32_t said = begin(1, 3);
    ended += said == SERVICES_END_MEMORY;
    if (said && said != SERVICES_END_MEMORY)
      ok(false, "with %lu pages it says %u", pages, said);
  }
  memory_left = UINT64_MAX;
  ok(ended > 40 && ended < 100, "too little memory for its files: it ends and says so, %u times of 100", ended);
}

static uint32_t with_name(const char *name, uint32_t mode) {
  cpio_begin();
  cpio_add("d", S_IFDIR | 0755, 0, NULL, 0);
  cpio_add("f", S_IFREG | 0755, 0, "x", 1);
  cpio_add("l", S_IFLNK | 0777, 0, "d", 1);
  cpio_add(name, mode, 0, "abc", S_ISDIR(mode) ? 0 : 3);
  cpio_end();
  return begin(1, 0);
}

/* The archive of one file, one of whose header's fields is another. */
static uint32_t with_field(uint32_t field, const char *digits) {
  cpio_begin();
  uint64_t at = cpio_add("file", S_IFREG | 0644, 0, "0123456789", 10);
  cpio_end();
  memcpy(made.bytes + at + (field ? 6 + 8 * (field - 1) : 0), digits, strlen(digits));
  return begin(1, 0);
}

static void test_hostile_archives(void) {
  memset(&bytes, 0, sizeof bytes);
  char name[300];
  static const char *const outside[] = {"..",      "../x",      "d/../x", "d/..",   "/x", "/",         "d//x",
                                        "d/../..", "x/../../y", "f/x",    "none/x", "",   "d/../../.."};
  for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
    ok(with_name(outside[i], S_IFREG | 0644) == SERVICES_END_NAME, "an archive with the name \"%s\"", outside[i]);
  memset(name, 'n', 256);
  name[256] = 0;
  ok(with_name(name, S_IFREG | 0644) == SERVICES_END_NAME, "a name of 256 bytes");
  name[255] = 0;
  ok(with_name(name, S_IFREG | 0644) == 0, "one of 255");
  ok(with_name("f", S_IFREG | 0644) == SERVICES_END_NAME && with_name("f", S_IFDIR | 0755) == SERVICES_END_NAME &&
         with_name("d", S_IFREG | 0644) == SERVICES_END_NAME && with_name("d", S_IFLNK | 0777) == SERVICES_END_NAME &&
         with_name("l", S_IFREG | 0644) == SERVICES_END_NAME,
     "a name that is there");
  ok(with_name("d", S_IFDIR | 0700) == 0 && status_of("/d", true, NULL).mode == (S_IFDIR | 0700),
     "a directory may be there");
  ok(with_name("l/new", S_IFREG | 0644) == 0 && read_all("/d/new", (const uint8_t *)"abc", 3),
     "a link on the way leads nowhere else than inside");
  ok(with_name("./d/./new", S_IFREG | 0644) == 0 && read_all("/d/new", (const uint8_t *)"abc", 3), "\".\" is nothing");
  static const uint32_t kinds[] = {S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, 0, 0170000};
  for (size_t i = 0; i < 6; i++)
    ok(with_name("x", kinds[i] | 0644) == SERVICES_END_KIND, "an entry of the type %o", kinds[i]);
  ok(with_field(5, "00000002") == SERVICES_END_KIND, "a second name of a file");

  cpio_begin();
  cpio_add("link", S_IFLNK | 0777, 0, "a\0b", 3);
  cpio_end();
  ok(begin(1, 0) == SERVICES_END_NAME, "a link with a NUL in it");
  cpio_begin();
  cpio_add("link", S_IFLNK | 0777, 0, "", 0);
  cpio_end();
  ok(begin(1, 0) == SERVICES_END_NAME, "a link to nothing");
  cpio_begin();
  memset(content, 'x', 4096);
  cpio_add("link", S_IFLNK | 0777, 0, content, 4096);
  cpio_end();
  ok(begin(1, 0) == SERVICES_END_NAME, "a link that is too long");
  cpio_begin();
  cpio_add("link", S_IFLNK | 0777, 0, content, 4095);
  cpio_end();
  ok(begin(1, 0) == 0, "and one that is not");

  static const struct {
    uint32_t field;
    const char *digits, *name;
  } fields[] = {{0, "070702", "the other magic"},       {0, "\xc7\x71\0\0\0\0", "the old form"},
                {2, "0000x1a4", "no number"},           {2, "0000 1a4", "a space in a number"},
                {7, "ffffffff", "a file without end"},  {7, "00001000", "a file over the end"},
                {7, "7fffffff", "a long file"},         {12, "00000000", "a name of no bytes"},
                {12, "00000004", "a name that is cut"}, {12, "00000006", "a name that goes on"},
                {12, "ffffffff", "a name without end"}, {12, "fffffff8", "nearly so"}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    ok(with_field(fields[i].field, fields[i].digits) == SERVICES_END_FORM, "%s", fields[i].name);
  ok(with_field(2, "000081A4") == 0, "capital digits are digits");
  ok(with_field(12, "00000005") == 0, "the right length is right");

  /* Cut anywhere, or with any byte another: it ends with a reason, or it is a tree. */
  uint32_t forms = 0, others = 0;
  cpio_good();
  places_good();
  uint64_t whole = made.length;
  for (uint64_t length = 0; length < whole; length += length < 3000 || length > whole - 1000 ? 1 : 611) {
    archive_length = length;
    uint32_t said = begin(1, 3);
    forms += said == SERVICES_END_FORM;
    others += said != SERVICES_END_FORM;
  }
  ok(forms > 3000 && others <= 4, "cut short it is refused, at %u places", forms + others);
  archive_length = whole;
  uint32_t taken = 0, refused = 0;
  for (int i = 0; i < 20000; i++) {
    uint64_t at = test_random() % 1400;
    uint8_t before = made.bytes[at];
    made.bytes[at] = test_random() % 2 ? (uint8_t)test_random() : (uint8_t) "0123456789abcdef/."[test_random() % 18];
    uint32_t said = begin(1, 3);
    taken += !said;
    refused += said >= SERVICES_END_DEVICE && said <= SERVICES_END_STARTUP;
    made.bytes[at] = before;
  }
  ok(taken + refused == 20000 && taken > 100 && refused > 1000,
     "bytes of it changed: %u times a tree, %u times refused", taken, refused);
}

static void test_all(void) {
  test_start();
  test_archive();
  test_hostile_archives();
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  test_run_low(test_all);
  return finish();
}
