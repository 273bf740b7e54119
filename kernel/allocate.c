/* The kernel's own memory: objects of fixed sizes cut from pages, larger ones in whole pages. Anyone in kernel/; kernel
 * lock.
 *
 * A page of objects is a slab; its header stands at its start, so the slab of an object is found by rounding down. One
 * empty slab a size is kept for the next, the rest go back to the port. */
#include "kernel/object.h"

struct slab {
  struct list link; /* classes[].partial, or none when full */
  uint32_t used;
  uint32_t class;
  void *free;     /* each free object begins with a pointer to the next */
  uint32_t fresh; /* objects never used yet begin here */
};

/* Under the sanitizer whatever is not in use must not be touched. */
#ifdef __SANITIZE_ADDRESS__
void __asan_poison_memory_region(void const volatile *memory, size_t length);
void __asan_unpoison_memory_region(void const volatile *memory, size_t length);
#define FORBID(memory, length) __asan_poison_memory_region(memory, length)
#define PERMIT(memory, length) __asan_unpoison_memory_region(memory, length)
#else
#define FORBID(memory, length) ((void)(memory))
#define PERMIT(memory, length) ((void)(memory))
#endif

static const uint16_t sizes[] = {32, 64, 96, 128, 192, 256, 320, 384, 504, 576, 672, 808, 1008, 1344, 2024};
#define CLASSES (sizeof sizes / sizeof sizes[0])

static struct list partial[CLASSES]; /* slabs with room */
static uint32_t empty[CLASSES];      /* of those, wholly free */
static bool ready;
static uint64_t pages, objects;

static unsigned class_of(size_t length) {
  unsigned class = 0;
  while (sizes[class] < length)
    class ++;
  return class;
}

static void prepare(void) {
  for (unsigned i = 0; i < CLASSES; i++)
    list_initialise(&partial[i]);
  ready = true;
}

static void *allocate_pages(size_t length) {
  void *memory = port_pages_allocate(length);
  if (memory)
    pages += length / SIGNET_PAGE;
  return memory;
}

static void free_pages(void *memory, size_t length) {
  PERMIT(memory, length);
  pages -= length / SIGNET_PAGE;
  port_pages_free(memory, length);
}

static struct slab *slab_with_room(unsigned class) {
  if (!list_empty(&partial[class]))
    return CONTAINER(partial[class].next, struct slab, link);
  struct slab *slab = allocate_pages(SIGNET_PAGE);
  if (!slab)
    return NULL;
  slab->class = class;
  slab->fresh = sizeof *slab;
  FORBID(slab + 1, SIGNET_PAGE - sizeof *slab);
  list_append(&partial[class], &slab->link);
  empty[class]++;
  return slab;
}

void *allocate(size_t length) {
  ASSERT(length);
  if (!ready)
    prepare();
  if (length > sizes[CLASSES - 1]) {
    size_t whole = page_up(length);
    void *memory = whole >= length ? allocate_pages(whole) : NULL;
    objects += memory != NULL;
    return memory;
  }
  unsigned class = class_of(length);
  struct slab *slab = slab_with_room(class);
  if (!slab)
    return NULL;
  empty[class] -= !slab->used;
  slab->used++;
  objects++;
  void *object = slab->free;
  if (object) {
    PERMIT(object, length);
    slab->free = *(void **)object;
    memset(object, 0, length);
  } else {
    object = (char *)slab + slab->fresh;
    slab->fresh += sizes[class];
    PERMIT(object, length);
  }
  if (!slab->free && slab->fresh + sizes[class] > SIGNET_PAGE)
    list_remove(&slab->link);
  return object;
}

void release(void *memory, size_t length) {
  if (!memory)
    return;
  objects--;
  if (length > sizes[CLASSES - 1]) {
    free_pages(memory, page_up(length));
    return;
  }
  struct slab *slab = (struct slab *)((uintptr_t)memory & ~(uintptr_t)PAGE_MASK);
  unsigned class = slab->class;
  ASSERT(class == class_of(length) && slab->used);
  if (!slab->free && slab->fresh + sizes[class] > SIGNET_PAGE)
    list_append(&partial[class], &slab->link);
  *(void **)memory = slab->free;
  slab->free = memory;
  FORBID(memory, sizes[class]);
  if (--slab->used)
    return;
  if (empty[class]) {
    list_remove(&slab->link);
    free_pages(slab, SIGNET_PAGE);
  } else {
    empty[class] = 1;
  }
}

void allocate_trim(void) {
  for (unsigned class = 0; ready && class < CLASSES; class ++)
    LIST_EACH(node, &partial[class]) {
      struct slab *slab = CONTAINER(node, struct slab, link);
      if (slab->used)
        continue;
      list_remove(&slab->link);
      free_pages(slab, SIGNET_PAGE);
      empty[class] = 0;
    }
}

uint64_t allocate_pages_in_use(void) { return pages; }
uint64_t allocate_objects_in_use(void) { return objects; }
