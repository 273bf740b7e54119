/* Images that are none: cut off, altered, overlapping, writable code. Each is refused with a reason; none does harm. */
#include "support.h"

static struct kernel_refusal refusal;

static enum signet_status load(const void *bytes, size_t length) {
  struct kernel_image *loaded = NULL;
  /* On a heap block of exactly this length, so that a byte too far is seen. */
  void *copy = malloc(length ? length : 1);
  memcpy(copy, bytes, length);
  memset(&refusal, 0x55, sizeof refusal);
  enum signet_status status = kernel_image_load(copy, length, &loaded, &refusal);
  free(copy);
  if (!status)
    kernel_image_release(loaded);
  return status;
}

static void refused(const void *bytes, size_t length, const char *reason, int line) {
  enum signet_status status = load(bytes, length);
  if (status != SIGNET_IMAGE || !strstr(refusal.text, reason)) {
    test_good = false;
    printf("# line %d: status %d, \"%.160s\", not \"%s\"\n", line, status, status ? refusal.text : "", reason);
  }
}

#define REFUSED(reason, change)                                                                                        \
  do {                                                                                                                 \
    struct image_file *file = image_file_make();                                                                       \
    change;                                                                                                            \
    refused(file, sizeof *file, reason, __LINE__);                                                                     \
    free(file);                                                                                                        \
  } while (0)
#define ACCEPTED(change)                                                                                               \
  do {                                                                                                                 \
    struct image_file *file = image_file_make();                                                                       \
    change;                                                                                                            \
    if (load(file, sizeof *file)) {                                                                                    \
      test_good = false;                                                                                               \
      printf("# %s:%d: refused: %s\n", __FILE__, __LINE__, refusal.text);                                              \
    }                                                                                                                  \
    free(file);                                                                                                        \
  } while (0)

static void the_header(void) {
  struct alive before = alive_now();
  ACCEPTED((void)0);
  refused("", 0, "empty", __LINE__);
  refused("#!/bin/sh\n", 10, "too short", __LINE__);
  REFUSED("not an ELF", file->header.magic[0] = 0);
  REFUSED("not an ELF", file->header.magic[3] = 'f');
  REFUSED("64-bit little-endian", file->header.class = 1);
  REFUSED("64-bit little-endian", file->header.data = 2);
  REFUSED("64-bit little-endian", file->header.version = 0);
  REFUSED("64-bit little-endian", file->header.version2 = 2);
  REFUSED("not for x86-64", file->header.machine = 183);
  REFUSED("not a static executable", file->header.type = 1);
  REFUSED("not a static executable", file->header.type = 3);
  REFUSED("number or size of the program headers", file->header.program_size = 55);
  REFUSED("number or size of the program headers", file->header.program_count = 0);
  REFUSED("number or size of the program headers", file->header.program_count = 65);
  REFUSED("number or size of the program headers", file->header.program_count = 65535);
  REFUSED("lie outside the file", file->header.programs = UINT64_MAX);
  REFUSED("lie outside the file", file->header.programs = UINT64_MAX - 55);
  REFUSED("lie outside the file", file->header.programs = IMAGE_BYTES);
  REFUSED("lie outside the file", file->header.programs = IMAGE_BYTES - 3 * 56 + 1);
  CHECK(alive_same(&before));
}

/* The program headers may lie anywhere, up to the last byte, and be as many as 64. */
static void program_headers(void) {
  struct alive before = alive_now();
  struct image_file *file = image_file_make();
  file->header.programs = IMAGE_BYTES - sizeof file->program;
  memcpy((uint8_t *)file + file->header.programs, file->program, sizeof file->program);
  CHECK(load(file, sizeof *file) == SIGNET_OK);
  free(file);
  file = image_file_make();
  file->header.programs = offsetof(struct image_file, padding);
  memcpy(file->padding, file->program, sizeof file->program);
  file->header.program_count = 64;
  CHECK(load(file, sizeof *file) == SIGNET_OK);
  file->header.program_count = 65;
  refused(file, sizeof *file, "number or size of the program headers", __LINE__);
  file->header.program_count = 3;
  refused(file, sizeof file->header, "lie outside the file", __LINE__);
  free(file);
  CHECK(alive_same(&before));
}

/* A process that runs an image is charged its file and the memory that is its own, in whole pages. */
static void what_an_image_costs(void) {
  struct image_file *file = image_file_make();
  struct kernel_image built = {.references = 1};
  file->program[1].length -= 7;
  CHECK(elf_parse((const uint8_t *)file, sizeof *file - 5, &built, &refusal));
  CHECK(built.charge == IMAGE_BYTES + DATA_LENGTH);
  built = (struct kernel_image){.references = 1};
  file->program[1].flags = 4;
  file->program[1].length = 0x900;
  CHECK(elf_parse((const uint8_t *)file, sizeof *file, &built, &refusal));
  CHECK(built.charge == IMAGE_BYTES);
  free(file);
}

/* 8 segments, and no more. */
static void the_most_segments(void) {
  struct alive before = alive_now();
  struct image_file *file = image_file_make();
  struct elf64_program program[10] = {file->program[0], file->program[2], file->program[1]};
  file->header.programs = offsetof(struct image_file, padding);
  for (unsigned count = 4; count <= 10; count++) {
    program[count - 1] = program[2];
    program[count - 1].address = program[count - 2].address + DATA_LENGTH;
    memcpy(file->padding, program, count * sizeof program[0]);
    file->header.program_count = (uint16_t)count;
    if (count < 10) /* one of them is the note */
      CHECK(load(file, sizeof *file) == SIGNET_OK);
    else
      refused(file, sizeof *file, "more segments than an image may have", __LINE__);
  }
  free(file);
  CHECK(alive_same(&before));
}

static void segments(void) {
  struct alive before = alive_now();
  REFUSED("both writable and executable", file->program[0].flags = 7);
  REFUSED("both writable and executable", file->program[1].flags = 7);
  REFUSED("second segment is executable", file->program[1].flags = 5);
  REFUSED("not the code", file->program[0].flags = 4);
  REFUSED("not the code", file->program[0].flags = 6);
  REFUSED("unknown flags", file->program[1].flags = 0x10 | 4);
  REFUSED("does not start on a page", file->program[1].address += 8);
  REFUSED("does not start on a page", file->program[1].offset += 8);
  REFUSED("does not start on a page", file->program[0].address += 32);
  REFUSED("cut off", file->program[1].offset = 0x4000);
  REFUSED("cut off", file->program[1].offset = UINT64_MAX - 4095);
  REFUSED("cut off", file->program[1].file_length = 0x1001);
  REFUSED("cut off", (file->program[1].file_length = UINT64_MAX, file->program[1].length = UINT64_MAX));
  REFUSED("larger in the file", file->program[1].length = 0x7ff);
  REFUSED("overlaps another", file->program[0].address = 0);
  REFUSED("overlaps another", file->program[1].address = CODE_LOW);
  REFUSED("overlaps another", file->program[1].address = 0);
  REFUSED("overlaps another", file->program[1].address = SIGNET_ENTRY_TABLE);
  REFUSED("overlaps another", file->program[1].address = SIGNET_CODE_HIGH);
  REFUSED("overlaps another", file->program[1].address = UINT64_MAX - 4095);
  REFUSED("overlaps another", file->program[1].length = SIGNET_CODE_HIGH);
  REFUSED("overlaps another", file->program[1].length = UINT64_MAX);
  REFUSED("overlaps another", file->program[1].length = UINT64_MAX - DATA_LOW + 1);
  REFUSED("overlaps another", file->program[0].length = UINT64_MAX);
  REFUSED("not whole pages", file->program[0].length = 0x2000);
  REFUSED("not whole pages", (file->program[0].length = 0xfff, file->program[0].file_length = 0xfff));
  REFUSED("not whole pages", file->program[0].address = DATA_LOW);
  REFUSED("read-only segment is larger", file->program[1].flags = 4);
  REFUSED("dynamically linked", file->program[1].type = 2);
  REFUSED("dynamically linked", file->program[1].type = 3);
  REFUSED("no segments", (file->program[0].type = 0, file->program[1].type = 0));
  ACCEPTED(file->program[1].type = 0);
  ACCEPTED((file->program[1].length = 0, file->program[1].address = 0)); /* nothing of it is in memory */
  ACCEPTED((file->program[1].offset = IMAGE_BYTES, file->program[1].file_length = 0));
  ACCEPTED(file->program[1].file_length = IMAGE_BYTES - 0x2000);
  ACCEPTED((file->program[1].flags = 4, file->program[1].length = 0x900));
  /* Two segments in the wrong order. */
  struct image_file *file = image_file_make();
  struct elf64_program code = file->program[0];
  file->program[0] = file->program[1];
  file->program[1] = code;
  refused(file, sizeof *file, "not the code", __LINE__);
  free(file);
  CHECK(alive_same(&before));
}

static void the_longest(void) {
  const size_t most = 64u << 20;
  struct alive before = alive_now();
  struct image_file *file = image_file_make();
  uint8_t *longer = calloc(1, most + 1);
  memcpy(longer, file, sizeof *file);
  refused(longer, most + 1, "at most 64 MiB", __LINE__);
  CHECK(load(longer, most) == SIGNET_OK);
  free(longer);
  free(file);
  CHECK(alive_same(&before));
}

/* What elf.c is told of a file's length bounds the offsets in it, whoever calls it: here, nothing so far is looked at.
 */
static void the_longest_that_has_offsets(void) {
  struct image_file *file = image_file_make();
  struct kernel_image built = {.references = 1};
  CHECK(elf_parse((const uint8_t *)file, SIGNET_CODE_HIGH, &built, &refusal));
  built = (struct kernel_image){.references = 1};
  CHECK(!elf_parse((const uint8_t *)file, (size_t)SIGNET_CODE_HIGH + 1, &built, &refusal));
  CHECK(strstr(refusal.text, "larger than an image may be"));
  free(file);
}

/* A note segment that holds another note, not padded at its end: what lies behind it is not looked at. */
static void notes_of_others(void) {
  static const uint32_t other[5] = {4, 1, 1}; /* 17 bytes, and 3 of padding */
  struct image_file *file = image_file_make();
  memcpy(file->padding, other, sizeof other);
  memcpy(file->padding + sizeof other, &file->note_name, 36);
  file->program[1] = (struct elf64_program){
      .type = 4, .offset = offsetof(struct image_file, padding), .file_length = 17, .alignment = 4};
  CHECK(load(file, sizeof *file) == SIGNET_OK);
  file->program[1].file_length = 20 + 36;
  refused(file, sizeof *file, "two Signet notes", __LINE__);
  file->program[1].offset = IMAGE_BYTES;
  file->program[1].file_length = 0;
  CHECK(load(file, sizeof *file) == SIGNET_OK);
  file->program[2].offset = IMAGE_BYTES - 36;
  memcpy((uint8_t *)file + IMAGE_BYTES - 36, &file->note_name, 36);
  CHECK(load(file, sizeof *file) == SIGNET_OK);
  free(file);
}

/* 64 segments of notes may all hold the same bytes: what is read is bounded by what one may hold. */
static void long_notes(void) {
  const uint32_t most = 0x10000;
  struct image_file *file = image_file_make();
  uint8_t *longer = calloc(1, IMAGE_BYTES + most + 1);
  file->program[1] = (struct elf64_program){.type = 4, .offset = IMAGE_BYTES, .file_length = most, .alignment = 4};
  memcpy(longer, file, IMAGE_BYTES);
  CHECK(load(longer, IMAGE_BYTES + most + 1) == SIGNET_OK);
  file->program[1].file_length++;
  memcpy(longer, file, IMAGE_BYTES);
  refused(longer, IMAGE_BYTES + most + 1, "notes are too long", __LINE__);
  free(longer);
  free(file);
}

static void entry_and_note(void) {
  struct alive before = alive_now();
  ACCEPTED(file->header.entry = CODE_LOW);
  REFUSED("no Signet note", file->note_name = sizeof SIGNET_NOTE_NAME + 1);
  REFUSED("note is cut off", file->program[2].file_length = 12);
  REFUSED("another size", (file->note_length = 0, file->program[2].file_length = 20));
  REFUSED("entry is not a bundle start", file->header.entry += 1);
  REFUSED("entry is not a bundle start", file->header.entry += 16);
  REFUSED("entry is not a bundle start", file->header.entry = CODE_LOW - 32);
  REFUSED("entry is not a bundle start", file->header.entry = CODE_LOW + CODE_LENGTH);
  REFUSED("entry is not a bundle start", file->header.entry += UINT64_C(1) << 32);
  REFUSED("entry is not a bundle start", file->header.entry = DATA_LOW);
  REFUSED("no Signet note", file->program[2].type = 0);
  REFUSED("no Signet note", file->name[0] = 's');
  REFUSED("no Signet note", file->note_type = 2);
  REFUSED("no Signet note", file->program[2].file_length = 11);
  REFUSED("note is cut off", file->program[2].file_length = 35);
  REFUSED("note is cut off", file->note_name = UINT32_MAX);
  REFUSED("note is cut off", file->note_length = UINT32_MAX);
  REFUSED("another size", file->note_length = 12);
  REFUSED("before its notes", file->program[2].offset = IMAGE_BYTES - 8);
  REFUSED("before its notes", file->program[2].offset = UINT64_MAX - 8);
  REFUSED("before its notes", file->program[2].file_length = UINT64_MAX);
  REFUSED("another version of the ABI", file->note.abi_version = 2);
  REFUSED("unknown flags", file->note.flags = 2);
  REFUSED("two Signet notes", file->program[1] = file->program[2]);
  ACCEPTED(file->note.flags = SIGNET_NOTE_PARALLEL);
  CHECK(alive_same(&before));
}

static void code(void) {
  struct alive before = alive_now();
  /* A plain return, a system call, a write of the window's base: the verifier's sentence and the place. */
  REFUSED("code at 0x20064", (file->code[0x64] = 0xc3));
  CHECK(refusal.offset == 0x20064);
  REFUSED("code at 0x20000", (file->code[0] = 0x0f, file->code[1] = 0x05));
  REFUSED("bundle-straddle", (file->code[31] = 0xb8));
  /* An instruction that starts where the entry points must be one. */
  sim_features = 0;
  REFUSED("lacks a processor feature that the code needs: popcnt",
          (memcpy(file->code + 0x80, "\xf3\x0f\xb8\xc1", 4))); /* popcnt %ecx,%eax */
  sim_features = ~0u;
  ACCEPTED((memcpy(file->code + 0x80, "\xf3\x0f\xb8\xc1", 4)));
  CHECK(alive_same(&before));
}

static void cut_off_at_every_byte(void) {
  struct alive before = alive_now();
  struct image_file *file = image_file_make();
  unsigned accepted = 0;
  for (size_t length = 0; length < sizeof *file; length++)
    accepted += load(file, length) == SIGNET_OK;
  /* Only what is cut off behind the last byte that a segment takes from the file still is an image. */
  CHECK(accepted == 0x800);
  free(file);
  CHECK(alive_same(&before));
}

/* Every byte of the headers with every single bit flipped, and with 0 and 255: refused or harmless. */
static void every_header_byte_altered(void) {
  struct alive before = alive_now();
  unsigned refusals = 0;
  for (size_t at = 0; at < offsetof(struct image_file, padding); at++)
    for (unsigned change = 0; change < 10; change++) {
      struct image_file *file = image_file_make();
      uint8_t *byte = (uint8_t *)file + at;
      *byte = change < 8 ? *byte ^ (uint8_t)(1u << change) : change == 8 ? 0 : 255;
      enum signet_status status = load(file, sizeof *file);
      CHECK(status == SIGNET_OK || (status == SIGNET_IMAGE && refusal.text[0] && !refusal.text[159]));
      refusals += status != SIGNET_OK;
      free(file);
    }
  CHECK(refusals > 1000);
  CHECK_INVARIANTS();
  CHECK(alive_same(&before));
}

/* What is altered and still accepted runs, or its process cannot be made: neither is harmful. */
static void altered_images_start_or_not(void) {
  struct alive before = alive_now();
  uint32_t seed = 12345;
  unsigned started = 0;
  for (unsigned round = 0; round < 3000; round++) {
    struct image_file *file = image_file_make();
    struct kernel_image *loaded;
    for (unsigned i = 0; i < 2; i++) {
      seed = seed * 1103515245 + 12345;
      ((uint8_t *)file)[(seed >> 8) % 300] = (uint8_t)(seed >> 24);
    }
    if (!kernel_image_load(file, sizeof *file, &loaded, &refusal)) {
      struct signet_process_specification specification = {.quota = quota_plenty, .name = "altered"};
      struct kernel_process *process;
      specification.quota.memory = UINT64_C(4) << 30;
      if (!kernel_process_create(loaded, &specification, NULL, &process)) {
        started += !kernel_process_start(process);
        if (round % 16 == 0)
          CHECK_INVARIANTS();
        end(process);
      }
      kernel_image_release(loaded);
    }
    free(file);
  }
  CHECK(started > 100);
  CHECK(alive_same(&before));
}

static void digest(void) {
  /* b2sum -l 256 of nothing, and of "abc". */
  static const uint8_t nothing[4] = {0x0e, 0x57, 0x51, 0xc0}, abc[4] = {0xbd, 0xdd, 0x81, 0x3c};
  uint8_t got[32];
  blake2b_256(got, "", 0);
  CHECK(!memcmp(got, nothing, 4));
  blake2b_256(got, "abc", 3);
  CHECK(!memcmp(got, abc, 4));
  /* Lengths around the block's, against the tool. */
  for (size_t length = 0; length < 400; length += length < 120 || length > 260 ? 40 : 1) {
    uint8_t bytes[400];
    char command[] = "/tmp/signet-digest-XXXXXX", line[256], hex[65];
    int file = mkstemp(command);
    for (size_t i = 0; i < length; i++)
      bytes[i] = (uint8_t)(i * 13 + 1);
    FILE *out = fdopen(file, "w");
    fwrite(bytes, 1, length, out);
    fclose(out);
    snprintf(line, sizeof line, "b2sum -l 256 %s", command);
    FILE *tool = popen(line, "r");
    blake2b_256(got, bytes, length);
    for (unsigned i = 0; i < 32; i++)
      snprintf(hex + 2 * i, 3, "%02x", got[i]);
    CHECK(tool && fgets(line, sizeof line, tool) && !strncmp(line, hex, 64));
    pclose(tool);
    remove(command);
  }
}

/* An image and a stack that together leave no room for the rest. */
static void too_large_together(void) {
  struct alive before = alive_now();
  struct image_file *file = image_file_make();
  struct kernel_image *loaded;
  struct kernel_process *process;
  struct signet_process_specification specification = {.quota = quota_plenty, .stack = 1 << 30, .name = "large"};
  specification.quota.memory = UINT64_C(16) << 30;
  file->program[1].length = SIGNET_CODE_HIGH - DATA_LOW;
  CHECK(!kernel_image_load(file, sizeof *file, &loaded, &refusal));
  CHECK(kernel_process_create(loaded, &specification, NULL, &process) == SIGNET_ARGUMENT);
  /* The start-up block is a page, and one page at least stays free. */
  specification.stack = (1 << 30) - 2 * SIGNET_GUARD - SIGNET_PAGE;
  CHECK(kernel_process_create(loaded, &specification, NULL, &process) == SIGNET_ARGUMENT);
  specification.stack -= SIGNET_PAGE;
  CHECK(kernel_process_create(loaded, &specification, NULL, &process) == SIGNET_OK);
  CHECK(!kernel_process_start(process));
  CHECK_INVARIANTS();
  end(process);
  kernel_image_release(loaded);
  free(file);
  CHECK(alive_same(&before));
}

static struct kernel_process *process_of(const struct image_file *file) {
  struct signet_process_specification specification = {.quota = quota_plenty, .name = "edge"};
  struct kernel_image *loaded;
  struct kernel_process *process = NULL;
  CHECK(!kernel_image_load(file, sizeof *file, &loaded, &refusal));
  CHECK(!kernel_process_create(loaded, &specification, NULL, &process) && !kernel_process_start(process));
  kernel_image_release(loaded);
  return process;
}

/* Read-only data that fills no page; data of which the file has nothing; and where the mapped memory ends. */
static void processes_of_odd_segments(void) {
  struct alive before = alive_now();
  struct image_file *file = image_file_make();
  file->program[1].flags = 4;
  file->program[1].length = 0x900;
  struct kernel_process *process = process_of(file);
  CHECK(sim_memory(process->window, DATA_LOW + 0xfff, 1, false));
  CHECK(!sim_memory(process->window, DATA_LOW, 1, true) && !sim_memory(process->window, DATA_LOW + 0x1000, 1, false));
  end(process);
  /* The file ends in its last page: the rest is zero if it can be written, and nobody's if not. */
  memset(file->content, 0xee, sizeof file->content);
  file->program[1].file_length = 0x800;
  end(process_of(file));
  file->program[1].flags = 6;
  process = process_of(file);
  const uint8_t *last = sim_memory(process->window, DATA_LOW + 0x7ff, 2, false);
  CHECK(last && last[0] == 0xee && !last[1]);
  CHECK(!sim_memory(process->window, DATA_LOW + 0x1000, 1, false));
  end(process);
  file->program[1].flags = 6;
  file->program[1].offset = IMAGE_BYTES;
  file->program[1].file_length = 0;
  process = process_of(file);
  CHECK(sim_memory(process->window, DATA_LOW + 0xfff, 1, true));
  CHECK(!sim_memory(process->window, DATA_LOW + 0x1000, 1, false));
  uint32_t after = process->area_low - SIGNET_GUARD;
  CHECK(sim_memory(process->window, process->stack_low, after - process->stack_low, true));
  CHECK(!sim_memory(process->window, after, 1, false) && !sim_memory(process->window, process->area_low, 1, false));
  CHECK(!sim_memory(process->window, process->stack_low - 1, 1, false));
  end(process);
  free(file);
  CHECK(alive_same(&before));
}

static void same_bytes_are_kept_once(void) {
  struct alive before = alive_now();
  struct image_file *file = image_file_make();
  struct kernel_image *one, *two;
  file->padding[7] = 1;
  CHECK(!kernel_image_load(file, sizeof *file, &one, &refusal));
  CHECK(!kernel_image_load(file, sizeof *file, &two, &refusal));
  CHECK(one == two && one != image);
  struct kernel_image_facts facts;
  kernel_image_facts(one, &facts);
  CHECK(facts.code_length == CODE_LENGTH && facts.instructions == CODE_LENGTH && !facts.calls_named);
  kernel_image_release(one);
  CHECK(sim_alive.images == before.sim.images + 1);
  kernel_image_release(two);
  free(file);
  CHECK(alive_same(&before));
}

int main(void) {
  support_initialise();
  TEST(digest);
  TEST(the_header);
  TEST(the_longest);
  TEST(program_headers);
  TEST(segments);
  TEST(what_an_image_costs);
  TEST(the_most_segments);
  TEST(the_longest_that_has_offsets);
  TEST(entry_and_note);
  TEST(notes_of_others);
  TEST(long_notes);
  TEST(code);
  TEST(cut_off_at_every_byte);
  TEST(every_header_byte_altered);
  TEST(altered_images_start_or_not);
  TEST(too_large_together);
  TEST(processes_of_odd_segments);
  TEST(same_bytes_are_kept_once);
  return test_finish();
}
