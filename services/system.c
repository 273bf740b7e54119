/* Is this a system that can be started? See system.h. Every field is looked at before anything is believed because of
 * it; what the kernel checks again (contracts, quotas, images) is left to the kernel. */
#include "services/system.h"

#include <string.h>

#include "contracts/events.h"

/* What is known of the rows and channels that were looked at. */
struct known {
  uint32_t given;                              /* devices that are granted, a bit each */
  uint8_t client[SIGNET_SYSTEM_CHANNELS_MOST]; /* its row plus 1; 0: granted to nobody */
  uint8_t server[SIGNET_SYSTEM_CHANNELS_MOST];
  uint64_t supervised; /* rows, a bit each */
};

_Static_assert(SIGNET_SYSTEM_PROCESSES_MOST <= 64 && SIGNET_SLOTS_MOST <= 32, "a bit each");

/* A table of `count` rows of `size` bytes at `offset`, 8-byte aligned, behind the header. */
static bool table_inside(const struct signet_system *system, uint32_t offset, uint32_t count, uint32_t size) {
  return offset % 8 == 0 && offset >= sizeof *system && offset <= system->length &&
         (uint64_t)count * size <= system->length - offset;
}

static const char *check_header(const struct signet_system *system, uint32_t length, uint32_t slots) {
  if (length < sizeof *system)
    return "the start-up bytes are shorter than a system's header";
  if (system->magic != SIGNET_SYSTEM_MAGIC)
    return "the start-up bytes are no system";
  if (system->version != SIGNET_SYSTEM_VERSION)
    return "the system is of another version than the supervisor";
  if (system->length != length)
    return "the system is not as long as it says";
  if (system->reserved)
    return "a reserved field of the system's header is not 0";
  if (!system->processes || system->processes > SIGNET_SYSTEM_PROCESSES_MOST)
    return "the system has no process, or too many";
  if (system->channels > SIGNET_SYSTEM_CHANNELS_MOST)
    return "the system has too many channels";
  if (!table_inside(system, system->processes_offset, system->processes, sizeof(struct signet_system_process)))
    return "the table of processes is not inside the system";
  if (!table_inside(system, system->channels_offset, system->channels, sizeof(struct signet_system_channel)))
    return "the table of channels is not inside the system";
  if (system->main != SIGNET_SYSTEM_NONE && system->main >= system->processes)
    return "the main process is none of the system's";
  if (system->archive >= slots)
    return "the archive is in a start-up slot that the supervisor was not given";
  if (system->power != SIGNET_SYSTEM_NONE && (system->power >= slots || system->power == system->archive))
    return "the power device is in a start-up slot that the supervisor was not given";
  return NULL;
}

static const char *check_policy(const struct signet_system_policy *policy) {
  const uint64_t times[] = {policy->window, policy->backoff_first, policy->backoff_most, policy->start_deadline,
                            policy->stop_deadline};
  if (policy->restart > SIGNET_SYSTEM_RESTART_ALWAYS)
    return "whether it is started again is none of never, after a failure and always";
  for (unsigned i = 0; i < sizeof times / sizeof *times; i++)
    if (times[i] > SIGNET_SYSTEM_TIME_MOST)
      return "a time of its policy is too long";
  if (policy->backoff_first > policy->backoff_most)
    return "its first back-off is longer than its longest";
  return NULL;
}

static const char *check_process(const struct signet_system *system, uint32_t row) {
  const struct signet_system_process *process = system_process(system, row);
  if (!process->name[0] || memchr(process->name, 0, sizeof process->name) == NULL)
    return "its name is empty, or does not end";
  for (uint32_t i = 0; i < row; i++)
    if (strcmp(system_process(system, i)->name, process->name) == 0)
      return "another process has its name";
  if (process->slots > SIGNET_SLOTS_MOST)
    return "it has too many start-up slots";
  if (process->startup_length > SIGNET_STARTUP_BYTES_MOST ||
      !table_inside(system, process->startup_offset, process->startup_length, 1))
    return "its start-up bytes are not inside the system";
  return check_policy(&process->policy);
}

static const char *check_end(const struct signet_system *system, uint32_t channel, uint32_t row, uint8_t *ends) {
  if (channel >= system->channels)
    return "there is no such channel";
  if (ends[channel])
    return "this end of the channel was granted before";
  ends[channel] = (uint8_t)(row + 1);
  return NULL;
}

static const char *check_device(const struct signet_system *system, uint32_t device, uint32_t slots,
                                struct known *known) {
  if (device >= slots || device >= SIGNET_SLOTS_MOST)
    return "the supervisor was not given this device";
  if (device == system->archive || device == system->power)
    return "this device is the supervisor's own";
  if (known->given >> device & 1)
    return "this device was granted before";
  known->given |= 1u << device;
  return NULL;
}

static const char *check_supervision(const struct signet_system *system, uint32_t row, struct known *known) {
  if (known->supervised >> row & 1)
    return "it is supervised twice";
  if (!system_process(system, row)->policy.start_deadline)
    return "it is supervised, and has no time to start";
  known->supervised |= UINT64_C(1) << row;
  return NULL;
}

static const char *check_grant(const struct signet_system *system, uint32_t row,
                               const struct signet_system_grant *grant, uint32_t slots, struct known *known) {
  switch (grant->kind) {
  case SIGNET_SYSTEM_CLIENT:
    return check_end(system, grant->number, row, known->client);
  case SIGNET_SYSTEM_SERVER:
    return check_end(system, grant->number, row, known->server);
  case SIGNET_SYSTEM_DEVICE:
    return check_device(system, grant->number, slots, known);
  case SIGNET_SYSTEM_SUPERVISION:
  case SIGNET_SYSTEM_OBSERVATION:
    if (grant->number)
      return "its number is not 0, although there is only one to be granted";
    return grant->kind == SIGNET_SYSTEM_SUPERVISION ? check_supervision(system, row, known) : NULL;
  }
  return "what is granted is neither an end of a channel nor a device, nor of the supervisor";
}

/* Whoever is not started again needs nobody to listen to the supervisor on the other side. */
static const char *check_restarts(const struct signet_system *system, uint32_t client, uint32_t server,
                                  const struct known *known) {
  if (client == server)
    return NULL;
  if (system_process(system, server)->policy.restart != SIGNET_SYSTEM_RESTART_NEVER &&
      !(known->supervised >> client & 1))
    return "its server may be started again, and its client is not supervised, to be given a new end";
  if (system_process(system, client)->policy.restart != SIGNET_SYSTEM_RESTART_NEVER &&
      !(known->supervised >> server & 1))
    return "its client may be started again, and its server is not supervised, to give it a new end";
  return NULL;
}

static const char *check_channel(const struct signet_system *system, uint32_t index, const struct known *known,
                                 uint32_t *events) {
  const struct signet_system_channel *channel = system_channel(system, index);
  const uint8_t *bytes = (const uint8_t *)system;
  if (!table_inside(system, channel->contract_offset, channel->contract_length, 1) ||
      channel->contract_length < sizeof(struct signet_contract))
    return "its contract is not inside the system";
  if (!known->client[index])
    return "its client's end is granted to nobody";
  if (known->server[index])
    return check_restarts(system, known->client[index] - 1u, known->server[index] - 1u, known);
  if (channel->contract_length != EVENTS_CONTRACT_LENGTH ||
      memcmp(bytes + channel->contract_offset, &events_contract, EVENTS_CONTRACT_LENGTH) != 0)
    return "its server's end is granted to nobody";
  if (*events != SIGNET_SYSTEM_NONE)
    return "it is a second channel of events to the supervisor";
  *events = index;
  return NULL;
}

bool system_check(const void *bytes, uint32_t length, uint32_t slots, uint32_t *events, struct system_refusal *why) {
  const struct signet_system *system = bytes;
  struct known known = {0};
  *events = SIGNET_SYSTEM_NONE;
  *why = SYSTEM_NOWHERE;
  if ((uintptr_t)bytes % 8)
    why->text = "the start-up bytes are not aligned";
  else
    why->text = check_header(system, length, slots);
  if (why->text)
    return false;
  for (uint32_t i = 0; i < system->processes; i++) {
    const struct signet_system_process *process = system_process(system, i);
    why->process = i;
    why->text = check_process(system, i);
    if (why->text)
      return false;
    for (why->slot = 0; why->slot < process->slots; why->slot++) {
      why->text = check_grant(system, i, &process->slot[why->slot], slots, &known);
      if (why->text)
        return false;
    }
    why->slot = SIGNET_SYSTEM_NONE;
  }
  why->process = SIGNET_SYSTEM_NONE;
  for (why->channel = 0; why->channel < system->channels; why->channel++) {
    why->text = check_channel(system, why->channel, &known, events);
    if (why->text)
      return false;
  }
  *why = SYSTEM_NOWHERE;
  return true;
}

/* ---- In words ---- */

struct line {
  char *text;
  uint32_t size, used;
};

static void put(struct line *line, const char *text) {
  for (; *text && line->used + 1 < line->size; text++)
    /* Names are of whoever made the system: nothing else than what can be printed. */
    line->text[line->used++] = *text >= ' ' && *text <= '~' ? *text : '?';
  line->text[line->used] = 0;
}

static void put_number(struct line *line, const char *before, uint64_t number) {
  char digits[21];
  uint32_t at = sizeof digits - 1;
  digits[at] = 0;
  do
    digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  put(line, before);
  put(line, digits + at);
}

static const char *status_text(int64_t status) {
  switch (status) {
#define STATUS_TEXT(name, number, text)                                                                                \
  case number:                                                                                                         \
    return text;
    SIGNET_STATUSES(STATUS_TEXT)
#undef STATUS_TEXT
  }
  return "an unknown status";
}

void system_describe(const struct system_refusal *why, const struct signet_system *system, char *text, uint32_t size) {
  struct line line = {.text = text, .size = size};
  put(&line, "the system is not started: ");
  if (why->process != SIGNET_SYSTEM_NONE) {
    put_number(&line, "process ", why->process);
    const char *name = system_process(system, why->process)->name;
    if (name[0] && memchr(name, 0, sizeof system_process(system, 0)->name)) {
      put(&line, " (");
      put(&line, name);
      put(&line, ")");
    }
    if (why->slot != SIGNET_SYSTEM_NONE)
      put_number(&line, ", slot ", why->slot);
    put(&line, ": ");
  } else if (why->channel != SIGNET_SYSTEM_NONE) {
    put_number(&line, "channel ", why->channel);
    put(&line, ": ");
  }
  put(&line, why->text);
  if (why->status != SIGNET_OK) {
    put(&line, ": ");
    put(&line, status_text(why->status));
    if (why->value)
      put_number(&line, ", ", why->value);
  }
}
