/* How many mappings of the host a process makes by mapping its memory: as many as it has regions, however it goes about
 * it. The host has few for all processes together, and when they are used up none can start. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/lib/tap.h"
#include "tests/linux/alone.h"

#define AREA 0x50000000u
#define PAIRS 500u
#define MORE_MOST 8

static int list;

static int mappings(void) {
  static char text[65536];
  int lines = 0;
  lseek(list, 0, SEEK_SET);
  for (ssize_t got; (got = read(list, text, sizeof text)) > 0;)
    for (ssize_t i = 0; i < got; i++)
      lines += text[i] == '\n';
  return lines;
}

static volatile uint8_t *page(uint32_t number) {
  return (uint8_t *)(linux_window_base(ALONE_WINDOW) + AREA + number * SIGNET_PAGE);
}

static bool map(uint32_t first, uint32_t count, enum signet_protection protection) {
  port_lock();
  bool mapped = port_window_map(ALONE_WINDOW, AREA + first * SIGNET_PAGE, count * SIGNET_PAGE, protection);
  port_unlock();
  return mapped;
}

/* Every second page is used before those between them are mapped. */
static bool interleave(void) {
  bool mapped = true;
  for (uint32_t i = 0; mapped && i < PAIRS; i++) {
    mapped = map(2 * i, 1, SIGNET_PROTECT_WRITE) && !*page(2 * i);
    if (mapped)
      *page(2 * i) = 1;
  }
  for (uint32_t i = 0; mapped && i < PAIRS; i++) {
    mapped = map(2 * i + 1, 1, SIGNET_PROTECT_WRITE) && !*page(2 * i + 1);
    if (mapped)
      *page(2 * i + 1) = 1;
  }
  return mapped;
}

static void check(const char *what, int before, bool mapped) {
  int more = mappings() - before;
  ok(mapped && more <= MORE_MOST, "%s: %d mappings of the host more for one region", what, more);
}

int main(void) {
  list = open("/proc/self/maps", O_RDONLY);
  alone_prepare();
  alone_seal();
  linux_window_settle(ALONE_WINDOW);
  int before = mappings();
  check("pages between pages that are used", before, interleave());
  bool mapped = map(0, 2 * PAIRS, SIGNET_PROTECT_READ);
  check("inside memory that was only read", before, mapped && interleave());
  mapped = map(0, 2 * PAIRS, SIGNET_PROTECT_WRITE) && map(2, 2 * PAIRS - 4, SIGNET_PROTECT_NONE) &&
           map(2, 2 * PAIRS - 4, SIGNET_PROTECT_READ);
  check("inside memory that was unmapped", before, mapped && interleave());
  ok(map(0, 2 * PAIRS, SIGNET_PROTECT_NONE) && mappings() <= before + 1, "nothing is left when all is unmapped");
  return finish();
}
