/* Owns what processors may still remember of page tables that have changed, the pages that tables of windows are made
 * of, and frames that must not be used before every processor has forgotten. Any processor; own lock, taken before
 * memory.c's only.
 *
 * A processor keeps translations, and pointers to tables, until it forgets them; nobody interrupts it for that. For the
 * pages of windows that is no matter: see window.c. Two things need all processors to have forgotten:
 * - What was a page of a table and becomes anything else. The processor walks tables ahead of the program, and a walk
 *   writes (the accessed bit). Walking what was a table and is another table of the same level does no harm: we set
 *   that bit ourselves. So tables are kept for the next that needs one at their level; they are zeroed already, too.
 * - What was read-only in the direct map and becomes writable: the kernel would fault where it must not.
 * Such frames wait in batches. Every processor forgets at its next interrupt (pc_window_settle), the tick at the
 * latest; one that sleeps walks nothing and touches nothing, nor does the interrupt that wakes it before it has
 * forgotten. */
#include "port/pc/instructions.h"
#include "port/pc/memory.h"
#include "port/pc/spin.h"

#define KEPT_MOST 64
#define ASLEEP UINT64_MAX

/* In the first frame of a run that waits, and in a table that is kept: to a walk, entries that are not present. */
struct waiting {
  uint64_t next;  /* physical; 0: the last */
  uint64_t pages; /* times 2 */
};

static struct {
  struct pc_spin lock;
  struct {
    uint64_t first;
    uint32_t count;
  } kept[PC_LEVELS];           /* tables */
  uint64_t gathering, leaving; /* runs that wait; those that leave when all have forgotten since `generation` */
  _Atomic uint64_t generation; /* of `leaving`; 0: that is empty */
} tables;

static _Atomic uint64_t generation;
/* Each processor has forgotten all since the beginning of it; or ASLEEP. */
static _Atomic uint64_t forgotten[PORT_CPUS_MOST];

uint64_t pc_generation_next(void) { return atomic_fetch_add_explicit(&generation, 1, memory_order_acq_rel) + 1; }

void pc_forget_all(void) {
  /* Read first: what is taken away from here on counts as remembered. */
  uint64_t now = atomic_load_explicit(&generation, memory_order_acquire);
  pc_write_root(pc_read_root());
  atomic_store_explicit(&forgotten[port_cpu_self()], now, memory_order_release);
}

void pc_window_asleep(void) {
  pc_window_settle();
  atomic_store_explicit(&forgotten[port_cpu_self()], ASLEEP, memory_order_release);
}

void pc_window_awake(void) { pc_forget_all(); }

bool pc_forgotten_since(uint64_t since) {
  return atomic_load_explicit(&forgotten[port_cpu_self()], memory_order_relaxed) >= since;
}

static bool all_forgotten_since(uint64_t since) {
  if (!pc_forgotten_since(since))
    pc_forget_all();
  for (uint32_t cpu = 0; cpu < pc_cpu_count; cpu++)
    if (atomic_load_explicit(&forgotten[cpu], memory_order_acquire) < since)
      return false;
  return true;
}

/* ---- Frames that wait; with the lock ---- */

static uint64_t pop(uint64_t *first) {
  uint64_t physical = *first;
  *first = ((struct waiting *)pc_direct(physical))->next;
  return physical;
}

static void push(uint64_t *first, uint64_t physical, uint64_t pages) {
  *(struct waiting *)pc_direct(physical) = (struct waiting){.next = *first, .pages = pages << 1};
  *first = physical;
}

static void settle(void) {
  for (;;) {
    uint64_t since = atomic_load_explicit(&tables.generation, memory_order_relaxed);
    if (since && !all_forgotten_since(since))
      return;
    while (tables.leaving) {
      uint64_t run = pop(&tables.leaving);
      pc_frames_give(run, ((struct waiting *)pc_direct(run))->pages >> 1);
    }
    tables.leaving = tables.gathering;
    tables.gathering = 0;
    since = tables.leaving ? pc_generation_next() : 0;
    atomic_store_explicit(&tables.generation, since, memory_order_relaxed);
    if (!since)
      return;
  }
}

void pc_frames_give_later(uint64_t physical, uint64_t pages) {
  pc_spin_lock(&tables.lock);
  push(&tables.gathering, physical, pages);
  settle();
  pc_spin_unlock(&tables.lock);
}

void pc_window_settle(void) {
  if (!atomic_load_explicit(&tables.generation, memory_order_relaxed) || pc_forgotten_since(ASLEEP))
    return;
  pc_spin_lock(&tables.lock);
  settle();
  pc_spin_unlock(&tables.lock);
}

/* ---- Tables ---- */

uint64_t pc_table_take(enum pc_level level) {
  uint64_t physical = 0;
  pc_spin_lock(&tables.lock);
  if (tables.kept[level].count) {
    tables.kept[level].count--;
    physical = pop(&tables.kept[level].first);
    *(struct waiting *)pc_direct(physical) = (struct waiting){0};
  }
  pc_spin_unlock(&tables.lock);
  if (!physical)
    return pc_frame_take_promised(PC_FRAME_KERNEL, true);
  pc_frames_uncommit(1);
  return physical;
}

void pc_table_give(uint64_t physical, enum pc_level level) {
  pc_spin_lock(&tables.lock);
  bool kept = tables.kept[level].count < KEPT_MOST;
  if (kept) {
    push(&tables.kept[level].first, physical, 0);
    tables.kept[level].count++;
  }
  pc_spin_unlock(&tables.lock);
  if (!kept)
    pc_frames_give_later(physical, 1);
}
