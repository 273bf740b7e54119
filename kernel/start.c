/* Filling the window of a new process and starting its first thread. process.c; the lock as each function says.
 *
 * From low to high: the image; a guard; the main stack; directly above it the start-up block and the parent's start-up
 * bytes; a guard; the area that the process maps as it likes. */
#include "kernel/object.h"

#define STACK_DEFAULT (UINT64_C(8) << 20)
#define STACK_MOST (UINT64_C(1) << 30)

static uint64_t startup_pages(uint32_t startup_length) {
  return page_up(sizeof(struct signet_startup) + startup_length);
}

static uint64_t stack_pages(const struct kernel_image *image, uint64_t stack) {
  uint64_t asked = stack ? stack : image->stack ? image->stack : STACK_DEFAULT;
  return asked > STACK_MOST ? 0 : page_up(asked);
}

/* 0: the stack asked for is too large. */
uint64_t start_charge(const struct kernel_image *image, uint64_t stack, uint32_t startup_length) {
  uint64_t pages = stack_pages(image, stack);
  if (!pages || image->high + 2 * SIGNET_GUARD + pages + startup_pages(startup_length) >= SIGNET_BLOCKS_LOW)
    return 0;
  return image->charge + pages + startup_pages(startup_length);
}

/* With the lock. The layout is fixed here, the start-up area and zeroed memory are mapped later. */
void start_layout(struct kernel_process *process, uint64_t stack, uint32_t startup_length) {
  uint64_t low = (uint64_t)process->image->high + SIGNET_GUARD, pages = stack_pages(process->image, stack);
  process->image_low = process->image->segment[0].offset;
  process->stack_low = (uint32_t)low;
  process->stack_high = process->startup = (uint32_t)(low + pages);
  process->startup_length = startup_length;
  process->area_low = (uint32_t)(low + pages + startup_pages(startup_length) + SIGNET_GUARD);
}

/* Without the lock. False: no memory. */
bool start_map_image(const struct kernel_process *process) {
  const struct kernel_image *image = process->image;
  for (uint32_t i = 0; i < image->segments; i++) {
    const struct segment *segment = &image->segment[i];
    if (segment->file_length && !port_image_map(image->sealed, segment->file_offset, process->window, segment->offset,
                                                page_up(segment->file_length), !i, segment->protection))
      return false;
  }
  return true;
}

/* With the lock. False: no memory. */
bool start_map_rest(const struct kernel_process *process) {
  static const uint8_t zeros[SIGNET_PAGE];
  const struct kernel_image *image = process->image;
  for (uint32_t i = 0; i < image->segments; i++) {
    const struct segment *segment = &image->segment[i];
    uint32_t from_file = (uint32_t)page_up(segment->file_length), whole = (uint32_t)page_up(segment->length);
    uint32_t file_end = segment->offset + segment->file_length;
    if (whole > from_file &&
        !port_window_map(process->window, segment->offset + from_file, whole - from_file, segment->protection))
      return false;
    /* The rest of the file's last page is not the segment's. */
    if (segment->protection == SIGNET_PROTECT_WRITE && segment->length > segment->file_length && file_end & PAGE_MASK &&
        !port_copy_out(process->window, file_end, zeros, SIGNET_PAGE - (file_end & PAGE_MASK)))
      return false;
  }
  return port_window_map(process->window, process->stack_low,
                         process->stack_high - process->stack_low + startup_pages(process->startup_length),
                         SIGNET_PROTECT_WRITE);
}

/* With the lock; the process has all its slots filled. What an error leaves mapped, the next try finds mapped. */
enum signet_status start_run(struct kernel_process *process) {
  for (uint32_t i = 0; i < process->slots; i++) {
    struct object *object = handle_find_kind(process, process->slot[i], SIGNET_KIND_BLOCK);
    if (object && !CONTAINER(object, struct block, object)->offset &&
        block_map(CONTAINER(object, struct block, object), process))
      return SIGNET_MEMORY;
  }
  struct signet_startup startup = {.abi_version = SIGNET_ABI_VERSION,
                                   .slots = process->slots,
                                   .image_low = process->image_low,
                                   .image_high = process->image->high,
                                   .stack_low = process->stack_low,
                                   .stack_high = process->stack_high,
                                   .area_low = process->area_low,
                                   .area_high = SIGNET_BLOCKS_LOW,
                                   .bytes_offset = process->startup + (uint32_t)sizeof startup,
                                   .bytes_length = process->startup_length};
  memcpy(startup.handles, process->slot, sizeof startup.handles);
  if (!port_copy_out(process->window, process->startup, &startup, sizeof startup))
    return SIGNET_MEMORY;
  struct thread *thread = thread_create(process, process->image->entry, process->stack_high, process->startup, 0);
  if (!thread)
    return SIGNET_MEMORY;
  process->state = SIGNET_PROCESS_RUNNING;
  process->started = port_clock(SIGNET_CLOCK_MONOTONIC);
  schedule_ready(thread, false);
  return SIGNET_OK;
}
