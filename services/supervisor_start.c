/* Makes the processes of the system, the first time and again: images, start-up slots, quotas. First thread only. */
#include "services/supervisor.h"

#include <string.h>

#include <signet/calls.h>
#include <signet/device.h>

/* Always false: so ends what failed. */
static bool failed(struct system_refusal *why, const char *text, struct signet_result result) {
  why->text = text;
  why->status = result.status;
  why->value = result.value;
  return false;
}

/* The whole entry in a block. */
static bool read_entry(uint32_t entry, uint32_t *block, uint64_t *length, struct system_refusal *why) {
  uint32_t archive = supervisor.whole->archive;
  struct signet_result result = supervisor_ask(archive, SIGNET_ARCHIVE_STATUS, NULL, 0, entry, 0);
  if (result.status != SIGNET_OK)
    return failed(why, "the archive does not have the entry of its image", result);
  *length = result.value;
  result = signet_block_allocate(*length);
  if (result.status != SIGNET_OK)
    return failed(why, "there is no memory to read its image", result);
  *block = (uint32_t)result.value;
  uint8_t *bytes = (uint8_t *)(uintptr_t)(result.value >> 32);
  for (uint64_t done = 0; done < *length; done += result.value) {
    result = supervisor_ask(archive, SIGNET_ARCHIVE_READ, bytes + done, (uint32_t)(*length - done), entry, done);
    if (result.status == SIGNET_OK && result.value && result.value <= *length - done)
      continue;
    signet_handle_close(*block);
    return failed(why, "its image cannot be read from the archive", result);
  }
  return true;
}

/* The image that the row names, and no other. */
static bool load(const struct signet_system_process *row, uint32_t *image, struct system_refusal *why) {
  struct signet_handle_information information;
  uint32_t block;
  uint64_t length;
  if (!read_entry(row->entry, &block, &length, why))
    return false;
  struct signet_result result = signet_image_load(block, length);
  if (result.status != SIGNET_OK) {
    signet_handle_close(block);
    return failed(why, "its image is refused", result);
  }
  *image = (uint32_t)result.value;
  result = signet_handle_query(*image, &information);
  if (result.status == SIGNET_OK && memcmp(information.identity, row->hash, sizeof row->hash) == 0)
    return true;
  supervisor_close(image);
  return failed(why, "its image has another hash than the system says", result);
}

static bool kept(const struct row *row) { return row->is->policy.restart != SIGNET_SYSTEM_RESTART_NEVER; }

/* Images of what may be started again are kept, and rows of the same image share it. */
static bool find_image(struct row *row, struct system_refusal *why) {
  for (uint32_t i = 0; i < row_count() && !row->image; i++) {
    const struct row *other = &supervisor.rows[i];
    if (kept(other) && other->is->entry == row->is->entry &&
        memcmp(other->is->hash, row->is->hash, sizeof row->is->hash) == 0)
      row->image = other->image;
  }
  return row->image || load(row->is, &row->image, why);
}

static bool image_shared(const struct row *row) {
  for (uint32_t i = 0; i < row_count(); i++)
    if (&supervisor.rows[i] != row && supervisor.rows[i].image == row->image)
      return true;
  return false;
}

/* What will not be started again needs its image no more. */
static void forget_image(struct row *row) {
  if (row->image && !image_shared(row))
    signet_handle_close(row->image);
  row->image = 0;
}

/* Bytes, for a row that asks for a share of what is left: the first time; then as many again. */
static uint64_t memory_of(struct row *row) {
  uint64_t asked = row->is->quota.memory;
  struct signet_usage usage;
  if (row->memory)
    return row->memory;
  if (asked < SIGNET_SYSTEM_SHARES && signet_process_usage(&usage).status == SIGNET_OK) {
    uint64_t left = usage.limit.memory - usage.used.memory;
    asked = asked ? left / SIGNET_SYSTEM_SHARES * asked : left;
  }
  return row->memory = asked;
}

static bool create(struct row *row, uint32_t *child, struct system_refusal *why) {
  const struct signet_system_process *is = row->is;
  if (!find_image(row, why))
    return false;
  struct signet_process_specification specification = {.image = row->image,
                                                       .slots = is->slots,
                                                       .startup_offset =
                                                           supervisor_offset(supervisor.whole) + is->startup_offset,
                                                       .startup_length = is->startup_length,
                                                       .stack = is->stack,
                                                       .quota = is->quota};
  specification.quota.memory = memory_of(row);
  memcpy(specification.name, is->name, sizeof specification.name);
  struct signet_result result = signet_process_create(&specification);
  if (!kept(row))
    forget_image(row);
  if (result.status != SIGNET_OK)
    return failed(why,
                  result.status == SIGNET_QUOTA || result.status == SIGNET_MEMORY
                      ? "it cannot be made of the memory and the quotas that are left"
                      : "it cannot be made",
                  result);
  *child = (uint32_t)result.value;
  return true;
}

static bool grant(struct row *row, uint32_t child, uint32_t slot, struct system_refusal *why) {
  uint32_t handle;
  why->slot = slot;
  if (!channel_take(row, slot, &handle, why))
    return false;
  struct signet_result result = signet_process_grant(child, slot, handle);
  if (result.status == SIGNET_OK)
    return true;
  if (row->is->slot[slot].kind != SIGNET_SYSTEM_DEVICE)
    signet_handle_close(handle);
  return failed(why, "it cannot be granted", result);
}

static bool make(struct row *row, struct system_refusal *why) {
  uint32_t number = (uint32_t)(row - supervisor.rows), child;
  *why = SYSTEM_NOWHERE;
  why->process = number;
  if (!create(row, &child, why))
    return false;
  for (uint32_t slot = 0; slot < row->is->slots; slot++)
    if (!grant(row, child, slot, why))
      goto close;
  why->slot = NONE;
  struct signet_result result = watch_prepare(number);
  if (result.status == SIGNET_OK)
    result = signet_process_start(child);
  if (result.status == SIGNET_OK) {
    row->child = child;
    watch(number, child);
    return true;
  }
  failed(why, "it cannot be started", result);
close:
  signet_handle_close(child);
  supervision_close(row);
  channels_lost(row);
  return false;
}

/* Those that it needs from the beginning serve, or never will. */
static bool served(const struct row *row) {
  for (uint32_t slot = 0; slot < row->is->slots; slot++) {
    if (row->is->slot[slot].kind != SIGNET_SYSTEM_CLIENT)
      continue;
    uint32_t number = supervisor.channels[row->is->slot[slot].number].server_row;
    if (number == NOBODY || &supervisor.rows[number] >= row)
      continue;
    const struct row *server = &supervisor.rows[number];
    if (server->supervised && server->phase != OBSERVATION_PHASE_RUNNING && !row_final(server))
      return false;
  }
  return true;
}

static void begin(struct row *row, uint64_t now) {
  row->phase = row->supervised ? OBSERVATION_PHASE_STARTING : OBSERVATION_PHASE_RUNNING;
  row->since = now;
  row->deadline = now + row->is->policy.start_deadline;
  row->restarts += row->begun;
  if (!row->supervised && row->begun)
    row->restarted = now - row->ended;
  row->begun = true;
  channels_started(row);
}

static void put_off(struct row *row, const char *why, uint64_t now) {
  strcpy(row->why, why);
  channels_unwanted(row);
  row_decide(row, now);
}

void start_refused(struct row *row) {
  if (row->phase == OBSERVATION_PHASE_WAITING && row->lacks_since)
    put_off(row, "a server gives it no channel", supervisor_now());
}

bool start_try(struct row *row, uint64_t now) {
  struct system_refusal why;
  bool news;
  if (row->phase != OBSERVATION_PHASE_WAITING || now < row->due || (!row->begun && !served(row)))
    return false;
  if (!channels_ready(row, &news)) {
    if (!row->lacks_since)
      row->lacks_since = now;
    if (now < channels_deadline(row))
      return news;
    put_off(row, "a server gives it no channel", now);
    return true;
  }
  if (make(row, &why))
    begin(row, now);
  else if (row->begun)
    put_off(row, why.text, now);
  else
    end_refuse(&why);
  return true;
}

uint64_t start_deadline(const struct row *row) {
  if (row->phase == OBSERVATION_PHASE_STARTING)
    return row->deadline;
  if (row->phase != OBSERVATION_PHASE_WAITING || (!row->begun && !served(row)))
    return SIGNET_NEVER;
  return row->lacks_since ? channels_deadline(row) : row->due;
}
