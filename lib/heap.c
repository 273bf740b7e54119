/* Small memory of the library itself: descriptions, paths. Powers of two from pages, with free lists; never given back.
 * The program's malloc is not used, because it may be the program's own. Any thread; own lock, a leaf but for the
 * memory map's. */
#include "lib/library.h"

#define LEAST_SHIFT 5
#define CLASSES 8 /* 32 .. 4096 */

struct free_piece {
  struct free_piece *next;
};

static struct lock heap_lock;
static struct free_piece *heap_free[CLASSES];
static uint64_t heap_next, heap_end;

static unsigned class_of(size_t length) {
  unsigned class = 0;
  while (((size_t)1 << (class + LEAST_SHIFT)) < length)
    class ++;
  return class;
}

void *signet_heap_take(size_t length) {
  unsigned class = class_of(length);
  if (class >= CLASSES)
    return NULL;
  size_t size = (size_t)1 << (class + LEAST_SHIFT);
  lock_take(&heap_lock);
  struct free_piece *piece = heap_free[class];
  if (piece) {
    heap_free[class] = piece->next;
  } else {
    if (heap_end - heap_next < size) {
      /* What is left of the old pages is lost: less than one piece. */
      uint64_t pages = signet_pages_take(4 * SIGNET_PAGE);
      if (pages) {
        heap_next = pages;
        heap_end = pages + 4 * SIGNET_PAGE;
      }
    }
    if (heap_end - heap_next >= size) {
      piece = (void *)(uintptr_t)heap_next;
      heap_next += size;
    }
  }
  lock_give(&heap_lock);
  return piece;
}

void signet_heap_give(void *memory, size_t length) {
  struct free_piece *piece = memory;
  unsigned class = class_of(length);
  lock_take(&heap_lock);
  piece->next = heap_free[class];
  heap_free[class] = piece;
  lock_give(&heap_lock);
}
