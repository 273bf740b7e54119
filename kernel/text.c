/* The sentence that says why an image was refused. image.c and elf.c; no lock. */
#include "kernel/object.h"

void refuse(struct kernel_refusal *refusal, const char *text) {
  *refusal = (struct kernel_refusal){.offset = 0};
  refuse_add(refusal, text);
}

void refuse_add(struct kernel_refusal *refusal, const char *text) {
  size_t at = 0;
  while (refusal->text[at])
    at++;
  while (*text && at < sizeof refusal->text - 1)
    refusal->text[at++] = *text++;
  refusal->text[at] = 0;
}

void refuse_add_number(struct kernel_refusal *refusal, uint64_t number) {
  char digits[19] = "0x";
  unsigned length = 2;
  for (int shift = 60; shift >= 0; shift -= 4)
    if (length > 2 || number >> shift || !shift)
      digits[length++] = "0123456789abcdef"[number >> shift & 15];
  digits[length] = 0;
  refuse_add(refusal, digits);
}
