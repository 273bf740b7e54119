/* Run sealed on the bare machine, in ring 0, where every one of these instructions would work: takes a good image, puts
 * one instruction at its entry that would leave the window or change the machine, and asks the kernel to load it. Each
 * must be refused; the same place filled with nops must not. Then starts what did load, and checks that it is itself
 * unharmed. Argument: the good image. Prints TAP. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/calls.h>

#define BUNDLE 32

struct attack {
  const char *name;
  uint8_t length;
  uint8_t bytes[16];
};

#define ATTACK(name, ...)                                                                                              \
  {                                                                                                                    \
    name, sizeof((uint8_t[]){__VA_ARGS__}), { __VA_ARGS__ }                                                            \
  }

static const struct attack attacks[] = {
    /* Interrupts and the processor's state. */
    ATTACK("cli", 0xfa),
    ATTACK("sti", 0xfb),
    ATTACK("hlt", 0xf4),
    ATTACK("pushfq", 0x9c),
    ATTACK("popfq", 0x9d),
    ATTACK("std", 0xfd),
    ATTACK("clac", 0x0f, 0x01, 0xca),
    ATTACK("stac", 0x0f, 0x01, 0xcb),
    ATTACK("iretq", 0x48, 0xcf),
    ATTACK("retfq", 0x48, 0xcb),
    ATTACK("sysretq", 0x48, 0x0f, 0x07),
    ATTACK("sysexit", 0x0f, 0x35),
    ATTACK("syscall", 0x0f, 0x05),
    ATTACK("sysenter", 0x0f, 0x34),
    ATTACK("int 0x20", 0xcd, 0x20),
    ATTACK("int1", 0xf1),
    ATTACK("rsm", 0x0f, 0xaa),
    /* Ports. */
    ATTACK("in al, dx", 0xec),
    ATTACK("in eax, imm", 0xe5, 0xf4),
    ATTACK("out dx, al", 0xee),
    ATTACK("out imm, eax", 0xe7, 0xf4),
    ATTACK("rep insb", 0xf3, 0x6c),
    ATTACK("rep outsb", 0xf3, 0x6e),
    /* Tables and control registers. */
    ATTACK("lgdt", 0x0f, 0x01, 0x10),
    ATTACK("lidt", 0x0f, 0x01, 0x18),
    ATTACK("sgdt", 0x0f, 0x01, 0x00),
    ATTACK("sidt", 0x0f, 0x01, 0x08),
    ATTACK("lldt ax", 0x0f, 0x00, 0xd0),
    ATTACK("ltr ax", 0x0f, 0x00, 0xd8),
    ATTACK("str eax", 0x0f, 0x00, 0xc8),
    ATTACK("lmsw ax", 0x0f, 0x01, 0xf0),
    ATTACK("smsw eax", 0x0f, 0x01, 0xe0),
    ATTACK("clts", 0x0f, 0x06),
    ATTACK("mov rax to cr0", 0x0f, 0x22, 0xc0),
    ATTACK("mov rax to cr3", 0x0f, 0x22, 0xd8),
    ATTACK("mov rax to cr4", 0x0f, 0x22, 0xe0),
    ATTACK("mov cr3 to rax", 0x0f, 0x20, 0xd8),
    ATTACK("mov rax to cr8", 0x44, 0x0f, 0x22, 0xc0),
    ATTACK("mov rax to dr7", 0x0f, 0x23, 0xf8),
    ATTACK("wrmsr", 0x0f, 0x30),
    ATTACK("rdmsr", 0x0f, 0x32),
    ATTACK("rdpmc", 0x0f, 0x33),
    ATTACK("xsetbv", 0x0f, 0x01, 0xd1),
    ATTACK("invlpg", 0x0f, 0x01, 0x38),
    ATTACK("invpcid", 0x66, 0x0f, 0x38, 0x82, 0x00),
    ATTACK("invd", 0x0f, 0x08),
    ATTACK("wbinvd", 0x0f, 0x09),
    ATTACK("wrpkru", 0x0f, 0x01, 0xef),
    ATTACK("monitor", 0x0f, 0x01, 0xc8),
    ATTACK("mwait", 0x0f, 0x01, 0xc9),
    ATTACK("vmcall", 0x0f, 0x01, 0xc1),
    ATTACK("vmmcall", 0x0f, 0x01, 0xd9),
    ATTACK("vmrun", 0x0f, 0x01, 0xd8),
    ATTACK("xrstor", 0x0f, 0xae, 0x28),
    ATTACK("fxrstor", 0x0f, 0xae, 0x08),
    ATTACK("ldmxcsr", 0x0f, 0xae, 0x10),
    /* Segments and their bases. */
    ATTACK("swapgs", 0x0f, 0x01, 0xf8),
    ATTACK("wrgsbase rax", 0xf3, 0x48, 0x0f, 0xae, 0xd8),
    ATTACK("wrfsbase rax", 0xf3, 0x48, 0x0f, 0xae, 0xd0),
    ATTACK("rdfsbase rax", 0xf3, 0x48, 0x0f, 0xae, 0xc0),
    ATTACK("mov ax to gs", 0x8e, 0xe8),
    ATTACK("mov ax to ss", 0x8e, 0xd0),
    ATTACK("pop fs", 0x0f, 0xa1),
    ATTACK("lgs", 0x0f, 0xb5, 0x00),
    ATTACK("mov fs:0 to rax: the kernel's processor", 0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0),
    ATTACK("mov rax to fs:0", 0x64, 0x48, 0x89, 0x04, 0x25, 0, 0, 0, 0),
    /* Memory beyond the window. */
    ATTACK("mov (rax) to rax", 0x48, 0x8b, 0x00),
    ATTACK("mov rax to (rax)", 0x48, 0x89, 0x00),
    ATTACK("mov gs:(rax), 64 bits", 0x65, 0x48, 0x8b, 0x00),
    ATTACK("mov eax to rsp, unguarded", 0x89, 0xc4),
    ATTACK("mov rax to r14", 0x49, 0x89, 0xc6),
    ATTACK("rep movsb, unguarded", 0xf3, 0xa4),
    ATTACK("bts rax into (rsp)", 0x48, 0x0f, 0xab, 0x04, 0x24),
    /* Ways out. */
    ATTACK("jmp *rax, unguarded", 0xff, 0xe0),
    ATTACK("call *rax, unguarded", 0xff, 0xd0),
    ATTACK("ret, unguarded", 0xc3),
    ATTACK("call through the table, not at a slot", 0x41, 0xff, 0x96, 0x04, 0x00, 0x01, 0x00),
    ATTACK("call through the table, past the last call", 0x41, 0xff, 0x96, 0xf8, 0x0f, 0x01, 0x00),
    ATTACK("call through the thread page, which it can write", 0x41, 0xff, 0x96, 0x00, 0x10, 0x01, 0x00),
    ATTACK("jmp below the table", 0x41, 0xff, 0xa6, 0xf8, 0xff, 0x00, 0x00),
    ATTACK("jmp far through memory", 0x48, 0xff, 0x28),
    ATTACK("jmp 2 GiB away", 0xe9, 0xf0, 0xff, 0xff, 0x7f),
    ATTACK("jmp into an instruction", 0xeb, 0x01, 0xb8, 0x0f, 0x05, 0x90, 0x90),
};

static int tests, failures;

static void ok(int good, const char *kind, const char *name) {
  printf("%sok %d - %s%s\n", good ? "" : "not ", ++tests, kind, name);
  failures += !good;
}

static uint8_t *good;
static size_t good_length, entry_at;

/* Reads the image and finds where in the file its entry's bundle is. */
static int read_good(const char *path) {
  struct stat status;
  int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &status) != 0)
    return 0;
  good_length = (size_t)status.st_size;
  good = malloc(good_length);
  if (!good || read(file, good, good_length) != (ssize_t)good_length)
    return 0;
  close(file);
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)good;
  const Elf64_Phdr *segments = (const Elf64_Phdr *)(good + header->e_phoff);
  for (int i = 0; i < header->e_phnum; i++)
    if (segments[i].p_type == PT_LOAD && segments[i].p_flags & PF_X)
      entry_at = header->e_entry - segments[i].p_vaddr + segments[i].p_offset;
  return entry_at && entry_at + BUNDLE <= good_length;
}

/* The status of loading the image with these bytes, then nops, at its entry; NULL: as it is. */
static struct signet_result load(const uint8_t *bytes, size_t length) {
  struct signet_result block = signet_block_allocate(good_length);
  if (block.status != SIGNET_OK)
    return block;
  uint8_t *copy = (uint8_t *)(block.value >> 32);
  memcpy(copy, good, good_length);
  if (bytes) {
    memset(copy + entry_at, 0x90, BUNDLE);
    memcpy(copy + entry_at, bytes, length);
  }
  return signet_image_load((uint32_t)block.value, good_length);
}

int main(int count, char **arguments) {
  static uint8_t canary[1 << 16];
  for (size_t i = 0; i < sizeof canary; i++)
    canary[i] = (uint8_t)(i * 11);
  if (count < 2 || !read_good(arguments[1])) {
    printf("Bail out! cannot read the image\n");
    return 1;
  }
  struct signet_result as_it_is = load(NULL, 0);
  struct signet_result nops = load((const uint8_t *)"", 0);
  ok(as_it_is.status == SIGNET_OK, "loaded: ", "the image as it is");
  ok(nops.status == SIGNET_OK, "loaded: ", "with nops at its entry");
  for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
    struct signet_result result = load(attacks[i].bytes, attacks[i].length);
    ok(result.status == SIGNET_IMAGE && result.value == 0, "refused: ", attacks[i].name);
    if (result.status == SIGNET_OK)
      signet_handle_close((uint32_t)result.value);
  }
  int intact = 1;
  for (size_t i = 0; i < sizeof canary; i++)
    intact &= canary[i] == (uint8_t)(i * 11);
  ok(intact, "", "the attacker's own memory is as it was");
  signet_handle_close((uint32_t)as_it_is.value);
  signet_handle_close((uint32_t)nops.value);
  struct signet_usage usage;
  signet_process_usage(&usage);
  ok(usage.used.processes == 0, "", "no process was made");
  printf("1..%d\n", tests);
  return failures != 0;
}
