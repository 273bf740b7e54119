/* What the kernel's tests share: images made in memory, processes to act for, checks that print TAP. Tests only. */
#ifndef TESTS_KERNEL_SUPPORT_H
#define TESTS_KERNEL_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/object.h"
#include "port/sim/sim.h"

/* ---- TAP ---- */
extern bool test_good;
void test_begin(const char *name);
void test_end(void);
/* Prints the plan; the program's exit status. */
int test_finish(void);
#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      test_good = false;                                                                                               \
      printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                                                         \
    }                                                                                                                  \
  } while (0)
#define CHECK_STATUS(call, wanted)                                                                                     \
  do {                                                                                                                 \
    int64_t got = (call).status;                                                                                       \
    if (got != (wanted)) {                                                                                             \
      test_good = false;                                                                                               \
      printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #call, (long long)got, (long long)(wanted));       \
    }                                                                                                                  \
  } while (0)
#define TEST(name)                                                                                                     \
  do {                                                                                                                 \
    test_begin(#name);                                                                                                 \
    name();                                                                                                            \
    test_end();                                                                                                        \
  } while (0)

/* ---- Images ---- */
#define IMAGE_BYTES 0x3000
#define CODE_LOW SIGNET_IMAGE_LOW
#define CODE_LENGTH 0x1000
#define DATA_LOW 0x21000 /* one page from the file, then zeros */
#define DATA_LENGTH 0x40000
#define ENTRY (CODE_LOW + 0x40)

struct elf64_header {
  uint8_t magic[4];
  uint8_t class, data, version, abi;
  uint8_t padding[8];
  uint16_t type, machine;
  uint32_t version2;
  uint64_t entry, programs, sections;
  uint32_t flags;
  uint16_t header_size, program_size, program_count, section_size, section_count, section_names;
};
struct elf64_program {
  uint32_t type, flags;
  uint64_t offset, address, physical, file_length, length, alignment;
};
struct image_file {
  struct elf64_header header;
  struct elf64_program program[3]; /* code, data, note */
  uint32_t note_name, note_length, note_type;
  char name[8];
  struct signet_note note;
  uint8_t padding[0x1000 - 64 - 3 * 56 - 20 - 16];
  uint8_t code[CODE_LENGTH];
  uint8_t content[0x1000];
} __attribute__((packed));
/* A small image that the verifier passes: nops, and data. */
struct image_file *image_file_make(void);

/* ---- Processes ---- */
#define SCRATCH 0x24000u /* in the data: free for tests */

extern const struct signet_quota quota_plenty;
/* The image of image_file_make, loaded. */
extern struct kernel_image *image;
void support_initialise(void);
struct kernel_process *boot_unstarted(const char *name, uint32_t slots, const struct signet_quota *quota);
struct kernel_process *boot(const char *name);
/* Acts until a thread of the process is current. False: none is ready. */
bool turn_to(struct kernel_process *process);
/* A call by the process's current thread. */
struct signet_result in(struct kernel_process *process, uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t e);
/* The result of the call that the process's thread waited in; AWAY when it still waits. */
struct signet_result taken(struct kernel_process *process);
/* Memory of the process's window. */
void *at(struct kernel_process *process, uint64_t offset);
uint32_t *word_at(struct kernel_process *process, uint64_t offset);
/* Stops and releases. */
void end(struct kernel_process *process);

/* ---- Children: what a process calls to make them ---- */
extern const struct signet_quota quota_child;
/* Loads the test image as a sealed process does it, from a block. -> its handle. */
uint32_t load_image(struct kernel_process *process);
/* At SCRATCH. */
struct signet_process_specification *specification_write(struct kernel_process *process, uint32_t image_handle,
                                                         uint32_t slots, const struct signet_quota *quota);
/* -> its handle. */
uint32_t create_child(struct kernel_process *process, uint32_t image_handle, uint32_t slots,
                      const struct signet_quota *quota);
struct kernel_process *child_of(struct kernel_process *process, uint32_t handle);

/* ---- Contracts: a request (tag 0, data, no moves) and a reply (tag 1), and more; see support.c ---- */
struct contract_file {
  struct signet_contract header;
  struct signet_contract_message rows[6];
  uint8_t next[12];
};
enum {
  TAG_REQUEST, /* to server, 0..64 bytes; state 0 -> 1 */
  TAG_REPLY,   /* to client, 0..64 bytes; 1 -> 0 */
  TAG_ONEWAY,  /* to server, 4..64 bytes; 0 -> 0 */
  TAG_BLOCK,   /* to server, a block; 0 -> 0 */
  TAG_CLIENT,  /* to server, a client end; 0 -> 0 */
  TAG_SERVER,  /* to server, a server end and a block; 0 -> 0 */
};
struct contract_file contract_make(void);
struct kernel_process *boot_pair(struct kernel_process **server);
/* Writes a message of the given form at SCRATCH + offset. */
void message_write(struct kernel_process *process, uint32_t offset, uint32_t tag, uint32_t length, uint32_t handle0,
                   uint32_t handle1);

/* ---- Leaks ---- */
struct alive {
  struct sim_alive sim;
  struct kernel_statistics kernel;
  uint64_t objects;
};
struct alive alive_now(void);
bool alive_same(const struct alive *before);
#define CHECK_INVARIANTS()                                                                                             \
  do {                                                                                                                 \
    const char *broken = kernel_check_invariants();                                                                    \
    if (broken) {                                                                                                      \
      test_good = false;                                                                                               \
      printf("# %s:%d: broken invariant: %s\n", __FILE__, __LINE__, broken);                                           \
    }                                                                                                                  \
  } while (0)

#endif
