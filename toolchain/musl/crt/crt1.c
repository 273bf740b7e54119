/* Where an image starts, and the note that makes it an image. The kernel enters with the start-up block's offset in %rdi and
 * an aligned stack; the library OS takes it from there. Overlaid on the C library. */
#include <signet/abi.h>
#include <signet/image.h>

__asm__(".text\n"
        ".globl _start\n"
        ".type _start,@function\n"
        "_start:\n"
        "xor %ebp,%ebp\n"
        "call signet_start\n"
        "ud2\n"
        ".size _start,.-_start\n");

__attribute__((section(".note.signet"), used, aligned(4))) static const struct {
  uint32_t name_length, length, type;
  char name[(sizeof SIGNET_NOTE_NAME + 3) & ~3u];
  struct signet_note note;
} __attribute__((packed)) signet_image_note = {
    sizeof SIGNET_NOTE_NAME, sizeof(struct signet_note), SIGNET_NOTE, SIGNET_NOTE_NAME, {SIGNET_ABI_VERSION, 0, 0}};
