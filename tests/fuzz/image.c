/* Fuzz target: any bytes as an image, given to the kernel by its host or by a process, over port/sim. Nothing is lost
 * or left over, and of what is accepted a second reader of ELF files says the same: where the segments lie, that code
 * is not writable and obeys the model, where it begins. Then a process of it is started, and every page of its window
 * looked at. The tools' reader has to find the same code as the kernel.
 *
 * An input is options, then a raw file, or pieces that are written over a good image (image_file_make). */
#include <elf.h>
#include <string.h>

#include "cli/cli.h"
#include "support.h"
#include "tests/fuzz/fuzz.h"
#include "tests/verifier/model.h"
#include "verifier/verifier.h"

const unsigned fuzz_count = 4000;

enum {
  OPTION_RAW = 1,     /* the rest is the file */
  OPTION_PROCESS = 2, /* a process loads it, not the host */
  OPTION_FAIL = 4,    /* a request for memory fails, the next byte says which */
  OPTION_START = 8,
  OPTION_LESS = 16, /* a quota that may be too small */
  HEAD = 2,
  FILE_MOST = 0x8000
};

static struct kernel_process *loader;
static uint8_t base[FILE_MOST];

int LLVMFuzzerInitialize(int *count, char ***arguments) {
  (void)count, (void)arguments;
  model_start();
  support_initialise();
  struct image_file *file = image_file_make();
  memcpy(base, file, sizeof *file);
  free(file);
  loader = boot("loader");
  if (!loader)
    fuzz_fail("no process to load images");
  turn_to(loader);
  for (uint8_t i = 0; i < 5; i++)
    LLVMFuzzerTestOneInput((uint8_t[]){i % 2 ? OPTION_PROCESS : OPTION_START, 0}, HEAD);
  return 0;
}

/* ---- What an input says ---- */

/* Pieces: where (16 bits), how many bytes (8 bits), the bytes. Where 0xffff: the file's length, as 16 bits. */
static size_t build(uint8_t *file, const uint8_t *bytes, size_t length) {
  size_t made = IMAGE_BYTES;
  memcpy(file, base, FILE_MOST);
  while (length >= 3) {
    size_t at = bytes[0] | (size_t)bytes[1] << 8, count = bytes[2];
    bytes += 3, length -= 3;
    count = count < length ? count : length;
    if (at == 0xffff && count >= 2)
      made = (bytes[0] | (size_t)bytes[1] << 8) % (FILE_MOST + 1);
    else if (at < FILE_MOST)
      memcpy(file + at, bytes, count < FILE_MOST - at ? count : FILE_MOST - at);
    bytes += count, length -= count;
  }
  return made;
}

/* ---- The second reader ---- */

struct reading {
  Elf64_Ehdr header;
  Elf64_Phdr load[8];
  unsigned loads;
  bool parallel;
  uint64_t stack;
};

static void read_again(const uint8_t *file, size_t length, struct reading *reading) {
  uint64_t end = SIGNET_IMAGE_LOW;
  unsigned notes = 0;
  memset(reading, 0, sizeof *reading);
  if (length < sizeof reading->header)
    fuzz_fail("accepted without a header");
  memcpy(&reading->header, file, sizeof reading->header);
  const Elf64_Ehdr *header = &reading->header;
  if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_ident[EI_CLASS] != ELFCLASS64 ||
      header->e_ident[EI_DATA] != ELFDATA2LSB || header->e_type != ET_EXEC || header->e_machine != EM_X86_64 ||
      header->e_phentsize != sizeof(Elf64_Phdr))
    fuzz_fail("accepted what is no static executable");
  for (unsigned i = 0; i < header->e_phnum; i++) {
    Elf64_Phdr one;
    __uint128_t at = (__uint128_t)header->e_phoff + i * sizeof one;
    if (at + sizeof one > length)
      fuzz_fail("accepted a program header that is not in the file");
    memcpy(&one, file + (size_t)at, sizeof one);
    bool inside = (__uint128_t)one.p_offset + one.p_filesz <= length;
    if (one.p_type == PT_INTERP || one.p_type == PT_DYNAMIC)
      fuzz_fail("accepted something dynamic");
    if (one.p_type == PT_NOTE) {
      if (!inside)
        fuzz_fail("accepted notes that are not in the file");
      for (uint64_t next = one.p_offset, last = one.p_offset + one.p_filesz, step = one.p_align == 8 ? 8 : 4;
           next + 12 <= last;) {
        Elf64_Nhdr note;
        struct signet_note content;
        memcpy(&note, file + next, sizeof note);
        uint64_t where = next + (12 + (uint64_t)note.n_namesz + step - 1) / step * step;
        if (note.n_namesz == 7 && note.n_type == SIGNET_NOTE && note.n_descsz == sizeof content &&
            where + sizeof content <= last && !memcmp(file + next + 12, "Signet", 7)) {
          memcpy(&content, file + where, sizeof content);
          if (content.abi_version != SIGNET_ABI_VERSION || content.flags > 1)
            fuzz_fail("accepted a note for something else");
          reading->parallel = content.flags & 1;
          reading->stack = content.stack;
          notes++;
        }
        next = where + (note.n_descsz + step - 1) / step * step;
      }
    }
    if (one.p_type != PT_LOAD || !one.p_memsz)
      continue;
    if (!inside || one.p_filesz > one.p_memsz || one.p_vaddr % SIGNET_PAGE || one.p_offset % SIGNET_PAGE)
      fuzz_fail("accepted a segment that is not in the file, or not on a page");
    if (one.p_vaddr < end || (__uint128_t)one.p_vaddr + one.p_memsz > SIGNET_CODE_HIGH)
      fuzz_fail("accepted a segment over another, over the entry table, or outside the area");
    if (!!(one.p_flags & PF_X) != !reading->loads || (one.p_flags & PF_X && one.p_flags & PF_W))
      fuzz_fail("accepted code that is writable, or more than one piece of it");
    end = (one.p_vaddr + one.p_memsz + SIGNET_PAGE - 1) & ~(uint64_t)(SIGNET_PAGE - 1);
    if (reading->loads == 8)
      fuzz_fail("accepted too many segments");
    reading->load[reading->loads++] = one;
  }
  if (!reading->loads || notes != 1)
    fuzz_fail("accepted %u segments and %u notes", reading->loads, notes);
  const Elf64_Phdr *code = &reading->load[0];
  if (code->p_filesz != code->p_memsz || code->p_filesz % SIGNET_PAGE || code->p_vaddr != SIGNET_IMAGE_LOW)
    fuzz_fail("accepted code whose last page is not verified");
  if (header->e_entry % SIGNET_BUNDLE || header->e_entry < code->p_vaddr ||
      header->e_entry >= code->p_vaddr + code->p_memsz)
    fuzz_fail("accepted an entry that is not a bundle's start in the code");
}

static void code_obeys(const uint8_t *file, const struct reading *reading) {
  size_t where = 0;
  const Elf64_Phdr *code = &reading->load[0];
  if (code->p_filesz > 4096)
    return; /* as much as the model takes */
  const char *objection =
      model_object(file + code->p_offset, code->p_filesz, (uint32_t)code->p_vaddr, reading->parallel, &where);
  if (objection)
    fuzz_fail("accepted code to which the model objects at 0x%zx: %s", where, objection);
}

static void tools_agree(const uint8_t *file, size_t length, const struct reading *reading) {
  struct cli_code code;
  const Elf64_Phdr *one = &reading->load[0];
  if (!cli_find_code(file, length, &code))
    fuzz_fail("the tools find no code in what the kernel accepted");
  if (code.bytes != file + one->p_offset || code.length != one->p_filesz || code.offset != one->p_vaddr)
    fuzz_fail("the tools find other code than the kernel");
  if (code.parallel != reading->parallel)
    fuzz_fail("the tools hold it to another rule than the kernel");
}

/* ---- A process of it ---- */

static void window_look(const struct kernel_process *process, const uint8_t *file, const struct reading *reading) {
  uint32_t window = process->window, part = 0;
  uint64_t high = process->area_low + 32 * SIGNET_PAGE;
  for (uint64_t at = 0; at < high; at += SIGNET_PAGE) {
    bool readable = sim_memory(window, at, 1, false), writable = sim_memory(window, at, 1, true);
    while (part < reading->loads && at >= reading->load[part].p_vaddr + reading->load[part].p_memsz)
      part++;
    const Elf64_Phdr *one = &reading->load[part];
    bool inside = part < reading->loads && at >= one->p_vaddr;
    bool own = at == SIGNET_THREAD_PAGE || (at >= process->stack_low && at < process->area_low - SIGNET_GUARD);
    if (at == SIGNET_ENTRY_TABLE ? !readable || writable
        : inside                 ? !readable || writable != !!(one->p_flags & PF_W)
                                 : readable != own || writable != own)
      fuzz_fail("the page at 0x%llx is not as it should be", (unsigned long long)at);
    if (!inside || at - one->p_vaddr > FILE_MOST)
      continue;
    const uint8_t *memory = sim_memory(window, at, 1, false);
    for (uint64_t i = 0; i < SIGNET_PAGE && at + i < one->p_vaddr + one->p_memsz; i++) {
      uint64_t offset = at + i - one->p_vaddr;
      uint8_t wanted = offset < one->p_filesz ? file[one->p_offset + offset] : 0;
      if (memory[i] != wanted && (one->p_flags & PF_W || offset < one->p_filesz))
        fuzz_fail("the byte at 0x%llx is not the file's", (unsigned long long)(at + i));
    }
  }
  if (sim_current() && sim_window() == window && sim_current()->entry != reading->header.e_entry)
    fuzz_fail("it starts elsewhere");
}

static void start(struct kernel_image *loaded, const uint8_t *file, const struct reading *reading, bool less) {
  struct signet_process_specification specification = {.quota = quota_plenty, .name = "fuzzed"};
  struct kernel_process *process;
  specification.quota.memory = less ? 48 << 10 : UINT64_C(8) << 30;
  if (kernel_process_create(loaded, &specification, NULL, &process))
    return;
  uint64_t charged = 0;
  for (unsigned i = 0; i < reading->loads; i++)
    if (reading->load[i].p_flags & PF_W)
      charged += (reading->load[i].p_memsz + SIGNET_PAGE - 1) / SIGNET_PAGE * SIGNET_PAGE;
  if (process->used.memory < charged || process->used.memory > specification.quota.memory)
    fuzz_fail("a process is charged less than it has, or more than it may have");
  if (!kernel_process_start(process)) {
    turn_to(process);
    window_look(process, file, reading);
  }
  const char *broken = kernel_check_invariants();
  if (broken)
    fuzz_fail("broken invariant: %s", broken);
  kernel_process_stop(process);
  struct signet_ending ending;
  for (int i = 0; i < 8 && !kernel_process_ended(process, &ending); i++)
    sim_current() ? sim_preempt() : sim_run();
  if (!kernel_process_ended(process, &ending))
    fuzz_fail("a process that was stopped goes on");
  kernel_process_release(process);
  turn_to(loader);
}

/* ---- Loading ---- */

static void by_host(const uint8_t *file, size_t length, uint8_t options, uint8_t fail) {
  struct kernel_image *loaded = NULL, *again;
  struct kernel_refusal refusal;
  struct reading reading;
  memset(&refusal, 0x5a, sizeof refusal);
  if (options & OPTION_FAIL)
    sim_fail_at(1 + fail % 4);
  enum signet_status status = kernel_image_load(file, length, &loaded, &refusal);
  sim_fail_at(0);
  if (status == SIGNET_MEMORY && options & OPTION_FAIL)
    return;
  if (status == SIGNET_IMAGE) {
    fuzz_refused++;
    if (!refusal.text[0] || !memchr(refusal.text, 0, sizeof refusal.text))
      fuzz_fail("refused without a word");
    return;
  }
  if (status)
    fuzz_fail("status %d", status);
  fuzz_accepted++;
  read_again(file, length, &reading);
  code_obeys(file, &reading);
  tools_agree(file, length, &reading);
  if (kernel_image_load(file, length, &again, &refusal) || again != loaded)
    fuzz_fail("the same bytes are another image");
  kernel_image_release(again);
  if (options & OPTION_START)
    start(loaded, file, &reading, options & OPTION_LESS);
  kernel_image_release(loaded);
}

static void by_process(const uint8_t *file, size_t length, uint8_t options, uint8_t fail) {
  struct reading reading;
  struct signet_result made = in(loader, SIGNET_CALL_block_allocate, length ? length : 1, 0, 0, 0, 0);
  if (made.status)
    fuzz_fail("no block");
  memcpy(at(loader, made.value >> 32), file, length);
  if (options & OPTION_FAIL)
    sim_fail_at(1 + fail % 6);
  struct signet_result result = in(loader, SIGNET_CALL_image_load, (uint32_t)made.value, length, 0, 0, 0);
  sim_fail_at(0);
  if (result.status == SIGNET_ARGUMENT && !length) {
    in(loader, SIGNET_CALL_handle_close, (uint32_t)made.value, 0, 0, 0, 0);
    return;
  }
  if (result.status == SIGNET_MEMORY && options & OPTION_FAIL) {
    in(loader, SIGNET_CALL_handle_close, (uint32_t)made.value, 0, 0, 0, 0); /* if it is there still */
    return;
  }
  if (in(loader, SIGNET_CALL_handle_close, (uint32_t)made.value, 0, 0, 0, 0).status != SIGNET_HANDLE)
    fuzz_fail("the block is still its sender's");
  result.status ? fuzz_refused++ : fuzz_accepted++;
  if (result.status == SIGNET_IMAGE)
    return;
  if (result.status)
    fuzz_fail("status %d", (int)result.status);
  read_again(file, length, &reading);
  code_obeys(file, &reading);
  in(loader, SIGNET_CALL_handle_close, (uint32_t)result.value, 0, 0, 0, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static uint8_t whole[FILE_MOST];
  char symbol[64];
  struct cli_code code;
  if (length < HEAD)
    return 0;
  struct alive before = alive_now();
  uint8_t options = bytes[0], fail = bytes[1];
  const uint8_t *file = bytes + HEAD;
  size_t file_length = length - HEAD;
  if (!(options & OPTION_RAW)) {
    file_length = build(whole, bytes + HEAD, length - HEAD);
    file = whole;
  }
  uint8_t *exact = malloc(file_length ? file_length : 1);
  if (file_length)
    memcpy(exact, file, file_length);
  if (options & OPTION_PROCESS)
    by_process(exact, file_length, options, fail);
  else
    by_host(exact, file_length, options, fail);
  if (cli_find_code(exact, file_length, &code) &&
      (code.bytes < exact || code.length > file_length || code.bytes + code.length > exact + file_length))
    fuzz_fail("the tools find code that is not in the file");
  cli_symbol(exact, file_length, 0x20040, symbol, sizeof symbol);
  free(exact);
  /* What the kernel keeps for the next one, it has made for the first ones. */
  static unsigned rounds;
  if (rounds++ > 4 && !alive_same(&before))
    fuzz_fail("something is left over");
  return 0;
}

/* ---- Changes that keep the form: fields of the headers ---- */

static size_t piece_append(uint8_t *bytes, size_t length, size_t most, size_t at, const void *value, uint8_t count) {
  if (length + 3 + count > most)
    return length;
  bytes[length++] = (uint8_t)at;
  bytes[length++] = (uint8_t)(at >> 8);
  bytes[length++] = count;
  memcpy(bytes + length, value, count);
  return length + count;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t most, unsigned int seed) {
  static const struct {
    uint16_t at;
    uint8_t size;
  } fields[] = {{16, 2}, {18, 2}, {24, 8}, {32, 8}, {54, 2}, {56, 2}, {0, 4}, {4, 1}};
  static const uint8_t sizes[] = {4, 4, 8, 8, 8, 8, 8, 8}, offsets[] = {0, 4, 8, 16, 24, 32, 40, 48};
  static const uint64_t values[] = {0,
                                    1,
                                    2,
                                    3,
                                    4,
                                    5,
                                    6,
                                    7,
                                    8,
                                    12,
                                    16,
                                    32,
                                    36,
                                    64,
                                    0x800,
                                    0xfff,
                                    0x1000,
                                    0x1001,
                                    0x2000,
                                    0x3000,
                                    0x4000,
                                    0x7000,
                                    0x10000,
                                    0x11000,
                                    0x20000,
                                    0x20020,
                                    0x20040,
                                    0x20fe0,
                                    0x21000,
                                    0x22000,
                                    0x61000,
                                    0x7ffff000,
                                    0x80000000,
                                    0xfffff000,
                                    UINT64_C(0x100020000),
                                    UINT64_MAX,
                                    UINT64_MAX - 4095,
                                    232,
                                    120,
                                    176};
  if (length < HEAD || bytes[0] & OPTION_RAW || seed % 2)
    return LLVMFuzzerMutate(bytes, length, most);
  uint32_t random = seed / 2;
  uint64_t value = values[random % (sizeof values / sizeof *values)];
  random /= sizeof values / sizeof *values;
  switch (random % 8) {
  case 0: /* the header */
    random = random / 8 % (sizeof fields / sizeof *fields);
    return piece_append(bytes, length, most, fields[random].at, &value, fields[random].size);
  case 1: /* the note */
    return piece_append(bytes, length, most, offsetof(struct image_file, note_name) + random / 8 % 9 * 4, &value, 4);
  case 2: /* code, from what there is */
    return piece_append(bytes, length, most, 0x1000 + random / 8 % 0x1000, bytes, (uint8_t)(length < 16 ? length : 16));
  case 3: { /* the length */
    uint16_t whole = (uint16_t)value;
    return piece_append(bytes, length, most, 0xffff, &whole, 2);
  }
  case 4: /* another program header */
    random = random / 8;
    length = piece_append(bytes, length, most, 56, &(uint16_t){(uint16_t)(3 + random % 7)}, 2);
    return piece_append(
        bytes, length, most, 64 + (3 + random / 8 % 7) * 56,
        &(Elf64_Phdr){1, random & 64 ? 6 : 4, 0x2000, 0x61000 + random / 64 % 8 * 0x1000, 0, 0x400, 0x400, 0},
        sizeof(Elf64_Phdr));
  default: /* a program header's field */
    random = random / 8;
    return piece_append(bytes, length, most, 64 + random / 8 % 4 * 56 + offsets[random % 8], &value, sizes[random % 8]);
  }
}
