/* Copying and comparing memory of the kernel, which has no C library. Anyone in kernel/ and verifier/; no lock. */
#ifndef KERNEL_BYTES_H
#define KERNEL_BYTES_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *first, const void *second, size_t length);

#endif
