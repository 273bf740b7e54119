/* Memory: malloc in all sizes, mmap with its protections, brk, mremap, files mapped. Run in an empty directory. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "show.h"

static uint64_t seed = 1;
static uint32_t next(void) { return (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33; }

static void churn(void) {
  enum { MOST = 2000 };
  static unsigned char *pieces[MOST];
  static size_t lengths[MOST];
  unsigned long sum = 0;
  for (int i = 0; i < 60000; i++) {
    int k = next() % MOST;
    if (pieces[k]) {
      for (size_t j = 0; j < lengths[k]; j += 97)
        if (pieces[k][j] != (unsigned char)(k + j))
          printf("damaged\n");
      sum += lengths[k];
    }
    size_t length = next() % 16 == 0 ? next() % 300000 : next() % 600;
    pieces[k] = realloc(pieces[k], length + 1);
    for (size_t j = 0; j < length; j += 97)
      pieces[k][j] = k + j;
    lengths[k] = length;
  }
  for (int k = 0; k < MOST; k++)
    free(pieces[k]);
  printf("churned %lu\n", sum);
}

static int is_zero(const unsigned char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (bytes[i])
      return 0;
  return 1;
}

int main(void) {
  const size_t page = 4096;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  unsigned char *a = mmap(NULL, 10 * page, PROT_READ | PROT_WRITE, flags, -1, 0);
  SHOW_OK(a);
  printf("zero %d\n", is_zero(a, 10 * page));
  memset(a, 1, 10 * page);
  SHOW(munmap(a + 4 * page, 2 * page));
  SHOW(munmap(a + 4 * page, 2 * page));
  unsigned char *b = mmap(a + 4 * page, 2 * page, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
  printf("there %d zero %d\n", b == a + 4 * page, is_zero(b, 2 * page));
  b = mmap(a + 3 * page, 4 * page, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
  printf("there %d zero %d, beside %d\n", b == a + 3 * page, is_zero(b, 4 * page),
         a[2 * page] == 1 && a[7 * page] == 1);
  SHOW(mprotect(a, page, PROT_READ));
  SHOW(a[5]);
  SHOW(mprotect(a, page, PROT_READ | PROT_WRITE));
  a[5] = 9;
  SHOW(mprotect(a, page, PROT_NONE));
  SHOW(mprotect(a, page, PROT_READ));
  SHOW(a[5]);
  SHOW(mprotect(a + 1, page, PROT_READ));
  SHOW(madvise(a + page, page, MADV_DONTNEED));
  SHOW(a[page]);
  SHOW(munmap(a, 10 * page));
  SHOW(munmap(a + 1, page));
  SHOW((long)mmap(NULL, 0, PROT_READ, flags, -1, 0));
  SHOW((long)mmap(NULL, page, PROT_READ, MAP_ANONYMOUS, -1, 0));
  SHOW((long)mmap(NULL, page, PROT_READ, MAP_PRIVATE, 99, 0));
  SHOW((long)mmap((void *)1, page, PROT_READ, flags | MAP_FIXED, -1, 0));
  SHOW((long)mmap(NULL, (size_t)1 << 60, PROT_READ, flags, -1, 0));
  /* Reserved first, used later, in parts. */
  unsigned char *c = mmap(NULL, 1 << 20, PROT_NONE, flags, -1, 0);
  SHOW(mprotect(c + 5 * page, 3 * page, PROT_READ | PROT_WRITE));
  c[5 * page] = 3;
  SHOW(mprotect(c + 4 * page, 5 * page, PROT_READ | PROT_WRITE));
  printf("%d %d %d\n", c[4 * page], c[5 * page], c[8 * page]);
  SHOW(munmap(c, 1 << 20));
  /* Grown and moved. */
  unsigned char *d = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, flags, -1, 0);
  for (size_t i = 0; i < 3 * page; i++)
    d[i] = i % 253;
  d = mremap(d, 3 * page, 300 * page, MREMAP_MAYMOVE);
  size_t same = 0;
  for (size_t i = 0; i < 3 * page; i++)
    same += d[i] == i % 253;
  printf("kept %zu, rest zero %d\n", same, is_zero(d + 3 * page, 297 * page));
  d = mremap(d, 300 * page, 2 * page, 0);
  printf("kept %d\n", d[2 * page - 1] == (2 * page - 1) % 253);
  SHOW(munmap(d, 2 * page));
  /* brk. */
  unsigned char *end = sbrk(0);
  SHOW_OK(end);
  /* A file. */
  int file = open("file", O_RDWR | O_CREAT, 0600);
  for (int i = 0; i < 3000; i++)
    dprintf(file, "%d\n", i);
  long length = lseek(file, 0, SEEK_END);
  char *text = mmap(NULL, length, PROT_READ, MAP_PRIVATE, file, 0);
  SHOW_OK(text);
  printf("%.20s %d\n", text + 5000, text[length]);
  char *part = mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, page);
  printf("same %d\n", memcmp(part, text + page, 100) == 0);
  part[0] = '!';
  char byte;
  SHOW(pread(file, &byte, 1, page));
  printf("the file has its own %d\n", byte != '!');
  char *shared = mmap(NULL, length, PROT_READ, MAP_SHARED, file, 0);
  printf("same %d\n", memcmp(shared, text, length) == 0);
  SHOW((long)mmap(NULL, 100, PROT_READ, MAP_PRIVATE, file, 1));
  int writer = open("file", O_WRONLY);
  SHOW((long)mmap(NULL, 100, PROT_READ, MAP_PRIVATE, writer, 0));
  churn();
  void *huge = malloc((size_t)1 << 40);
  printf("%s\n", huge ? "too much" : strerror(errno));
  void *aligned = NULL;
  SHOW(posix_memalign(&aligned, 1 << 16, 100000));
  printf("aligned %d\n", (uintptr_t)aligned % (1 << 16) == 0);
  return 0;
}
