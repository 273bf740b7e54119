/* Every access that the kernel makes to memory, in the build for that: the compiler puts these functions in its way, as
 * for the thread sanitizer, whose run-time library is not linked. Each is a point at which others may act; and whoever
 * has not the lock touches nothing that others can reach, but for what kernel/object.h names and is listed here. */
#include "port/sim/fiber.h"
#include "simulation.h"

extern char __executable_start, __data_start, _end;

__attribute__((constructor)) static void here(void) { watching = true; }

static bool within(const void *address, const void *from, size_t length) {
  return (const char *)address >= (const char *)from && (const char *)address < (const char *)from + length;
}
#define IN(address, structure) within(address, structure, sizeof *(structure))
#define FIELD(address, structure, field) within(address, &(structure)->field, sizeof(structure)->field)

/* What may be touched without the lock of things that others can reach, each with its reason. */
static bool is_excepted(const void *address, bool write, uint32_t actor) {
  if (!write && FIELD(address, &kernel, cpu))
    return true; /* made once, before any processor runs */
  if (actor >= sim_cpus)
    return false;
  struct cpu *cpu = kernel.cpu[actor];
  if (FIELD(address, cpu, text))
    return true; /* the processor's own */
  if (!write && (FIELD(address, cpu, process) || FIELD(address, cpu, current)))
    return true; /* changed by this processor alone */
  if (cpu->process && FIELD(address, cpu->process, calls))
    return true;                                                          /* the same, while it runs here */
  return !write && cpu->current && FIELD(address, cpu->current, process); /* never changes */
}

static bool is_constant(const void *address, const struct object *object) {
  if (object->kind == SIGNET_KIND_BLOCK) {
    const struct block *block = CONTAINER(object, struct block, object);
    return FIELD(address, block, port) || FIELD(address, block, length); /* image_load reads one it has taken away */
  }
  return object->kind == SIGNET_KIND_DEVICE && FIELD(address, CONTAINER(object, struct device, object), port);
}

static size_t size_of(const struct object *object) {
  switch ((enum signet_kind)object->kind) {
  case SIGNET_KIND_CLIENT:
  case SIGNET_KIND_SERVER:
    return sizeof(struct endpoint);
  case SIGNET_KIND_BLOCK:
    return sizeof(struct block);
  case SIGNET_KIND_DEVICE:
    return sizeof(struct device);
  case SIGNET_KIND_SET:
    return sizeof(struct set);
  case SIGNET_KIND_PROCESS:
  case SIGNET_KIND_IMAGE:
  case SIGNET_KIND_NONE:
    break;
  }
  return sizeof(struct object);
}

/* Something that others can reach, and what; NULL: it is the actor's own, or never changes. */
static const char *shared(const void *address, bool write) {
  if ((const char *)address >= &__executable_start && (const char *)address < &__data_start)
    return NULL;
  if ((const char *)address >= &__data_start && (const char *)address < &_end)
    return "a variable of the kernel";
  for (uint32_t i = 0; i < kernel.cpus; i++)
    if (IN(address, kernel.cpu[i]))
      return "a processor";
  for (struct list *node = kernel.processes.next; node != &kernel.processes; node = node->next) {
    struct kernel_process *process = CONTAINER(node, struct kernel_process, link);
    if (IN(address, process))
      return !write && FIELD(address, process, number) ? NULL : "a process"; /* the host asks for its number */
    for (struct list *at = process->threads.next; at != &process->threads; at = at->next)
      if (IN(address, CONTAINER(at, struct thread, link)))
        return "a thread";
    for (struct list *at = process->paid.next; at != &process->paid; at = at->next) {
      const struct object *object = CONTAINER(at, struct object, paid_link);
      bool end = object->kind == SIGNET_KIND_CLIENT || object->kind == SIGNET_KIND_SERVER;
      if (within(address, object, size_of(object)))
        return !write && is_constant(address, object) ? NULL : "an object";
      if (end && IN(address, CONTAINER(object, struct endpoint, object)->channel))
        return "a channel";
      if (end && within(address, CONTAINER(object, struct endpoint, object)->slots,
                        (size_t)CONTAINER(object, struct endpoint, object)->limit *
                            CONTAINER(object, struct endpoint, object)->channel->slot_size))
        return "a message";
    }
  }
  for (unsigned i = 0; i < CONTRACT_BUCKETS; i++)
    for (struct list *node = kernel.contracts[i].next; node != &kernel.contracts[i]; node = node->next)
      if (IN(address, CONTAINER(node, struct contract, link)))
        return "a contract";
  for (unsigned i = 0; i < IMAGE_BUCKETS; i++)
    for (struct list *node = kernel.images[i].next; node != &kernel.images[i]; node = node->next) {
      const struct kernel_image *image = CONTAINER(node, struct kernel_image, link);
      if (IN(address, image) && (write || FIELD(address, image, link) || FIELD(address, image, references)))
        return "an image";
    }
  return NULL;
}

static void access(const void *address, bool write, const void *where) {
  const struct fiber *fiber = fiber_self();
  if (!fiber || within(address, fiber->stack, FIBER_STACK) || !sim_pause)
    return;
  accesses++;
  if (!sim_locked()) {
    uint32_t actor = sim_actor();
    accesses_unlocked++;
    const char *what = is_excepted(address, write, actor) ? NULL : shared(address, write);
    MUST(!what, "lock: whoever has it not does not %s %s (at %p)", write ? "write" : "read", what,
         (void *)((uintptr_t)where - (uintptr_t)&__executable_start));
  }
  sim_access_point();
}

#define ACCESS(name, write)                                                                                            \
  void __tsan_##name(void *address);                                                                                   \
  void __tsan_##name(void *address) { access(address, write, __builtin_return_address(0)); }
ACCESS(read1, false)
ACCESS(read2, false)
ACCESS(read4, false)
ACCESS(read8, false)
ACCESS(read16, false)
ACCESS(unaligned_read2, false)
ACCESS(unaligned_read4, false)
ACCESS(unaligned_read8, false)
ACCESS(unaligned_read16, false)
ACCESS(write1, true)
ACCESS(write2, true)
ACCESS(write4, true)
ACCESS(write8, true)
ACCESS(write16, true)
ACCESS(unaligned_write2, true)
ACCESS(unaligned_write4, true)
ACCESS(unaligned_write8, true)
ACCESS(unaligned_write16, true)

void __tsan_read_range(void *address, size_t length);
void __tsan_read_range(void *address, size_t length) {
  (void)length;
  access(address, false, __builtin_return_address(0));
}
void __tsan_write_range(void *address, size_t length);
void __tsan_write_range(void *address, size_t length) {
  (void)length;
  access(address, true, __builtin_return_address(0));
}
void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller) { (void)caller; }
void __tsan_func_exit(void);
void __tsan_func_exit(void) {}
void __tsan_init(void);
void __tsan_init(void) {}
