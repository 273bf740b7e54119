/* What the files of port/pc's memory side give each other: memory.c, table.c, paging.c, window.c, image.c, block.c. */
#ifndef PORT_PC_MEMORY_H
#define PORT_PC_MEMORY_H

#include "port/pc/pc.h"

#define PC_ASSERT(condition) ((condition) ? (void)0 : port_panic(__FILE__, __LINE__, #condition))

/* ---- memory.c ---- */
/* Physical memory as it can be reached now: before paging.c is prepared only the first 4 GiB. */
void *pc_reach(uint64_t physical);
/* The direct map is there: pc_reach uses it, and memory beyond 4 GiB is added. */
void pc_memory_extend(void);
/* A multiple of 8 bytes. */
void pc_zero(void *memory, uint64_t bytes);
/* All frames of a large page are of kinds that may be writable. */
bool pc_frames_may_be_written(uint64_t physical);

/* ---- Entries of page tables (AMD64 manual volume 2, chapter 5) ---- */
#define PC_ENTRY_PRESENT 1ull
#define PC_ENTRY_WRITE 2ull
#define PC_ENTRY_USER 4ull
#define PC_ENTRY_UNCACHED 0x18ull
#define PC_ENTRY_ACCESSED 0x20ull
#define PC_ENTRY_DIRTY 0x40ull
#define PC_ENTRY_LARGE 0x80ull
#define PC_ENTRY_NO_EXECUTE (1ull << 63)
#define PC_ENTRY_FRAME 0x000ffffffffff000ull
#define PC_ENTRIES 512
#define PC_LARGE_PAGE (PC_ENTRIES * PC_PAGE)
#define PC_GIB (1ull << 30)

static inline uint64_t *pc_table(uint64_t entry) { return pc_direct(entry & PC_ENTRY_FRAME); }
/* Of a directory: points to a table. The accessed bit is set, so that no walk of the processor's writes to it. */
static inline uint64_t pc_table_entry(uint64_t physical) {
  return physical | PC_ENTRY_PRESENT | PC_ENTRY_WRITE | PC_ENTRY_ACCESSED;
}

/* ---- table.c ---- */
enum pc_level { PC_LEVEL_PAGES, PC_LEVEL_DIRECTORY, PC_LEVELS }; /* of a window's table: of 2 MiB, of 1 GiB */
/* A page for a table of a window, zeroed; uses up one promised frame, so it cannot fail. */
uint64_t pc_table_take(enum pc_level level);
/* Every entry has been made 0. */
void pc_table_give(uint64_t physical, enum pc_level level);
/* Gives frames back as soon as every processor has forgotten what it remembers now. */
void pc_frames_give_later(uint64_t physical, uint64_t pages);

/* Generations order what is taken away from page tables and what processors have forgotten. */
uint64_t pc_generation_next(void);
/* Forgets every translation on this processor. */
void pc_forget_all(void);
/* True if this processor has forgotten everything since that generation began. */
bool pc_forgotten_since(uint64_t generation);

/* ---- paging.c ---- */
extern uint64_t pc_root[PC_ENTRIES];
/* Makes frames read-only in the direct map, or writable again (which cannot fail, and must be given back by
 * pc_frames_give_later: other processors may remember that they are read-only). False: no memory. */
bool pc_paging_direct(uint64_t physical, uint64_t frames, bool writable);
bool pc_paging_direct_writable(uint64_t physical);

/* ---- window.c, for image.c and block.c ---- */
enum pc_mapping {
  PC_MAPPING_NONE = 0,
  PC_MAPPING_ZERO = 1,    /* nothing there yet; a frame is promised */
  PC_MAPPING_PRIVATE = 2, /* a frame of the window's own */
  PC_MAPPING_COPY = 3,    /* of an image, read-only until it is written to; a frame is promised for that */
  PC_MAPPING_IMAGE = 4,   /* of an image */
  PC_MAPPING_BLOCK = 5,   /* of a block; not present: its bytes are not zeroed yet */
  PC_MAPPING_TABLE = 6,   /* the entry table */
};
/* Maps contiguous frames of an image where nothing is mapped; `code`: executable. False: no memory. */
bool pc_window_map_image(uint32_t window, uint32_t offset, uint64_t length, uint64_t physical, bool code,
                         enum signet_protection protection);
/* The same for a block's; those that are stale become accessible one by one. */
bool pc_window_map_block(uint32_t window, uint32_t offset, uint64_t length, uint64_t physical, bool may_be_stale);
void pc_window_unmap_block(uint32_t window, uint32_t offset, uint64_t length, uint64_t physical);

#endif
