/* The note that makes an ELF file an image: the linker wrapper puts it into every link, and fills in what the command
 * line asked for. */
#include <signet/abi.h>
#include <signet/image.h>

__attribute__((section(".note.signet"), used, aligned(4))) static const struct {
  uint32_t name_length, length, type;
  char name[(sizeof SIGNET_NOTE_NAME + 3) & ~3u];
  struct signet_note note;
} __attribute__((packed)) image_note = {
    sizeof SIGNET_NOTE_NAME, sizeof(struct signet_note), SIGNET_NOTE, SIGNET_NOTE_NAME, {SIGNET_ABI_VERSION, 0, 0}};
