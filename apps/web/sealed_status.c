/* What the status page shows of the system, asked of the supervisor over contracts/observation.contract: processes,
 * those of the manifest, channels, each in as many messages as it takes. Nothing waits for it but who asked for the
 * status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/program.h>

#define CONTRACT_DECODERS
#include "contracts/events.h"
#include "contracts/extension.h"
#include "contracts/files.h"
#include "contracts/listener.h"
#include "contracts/names.h"
#include "contracts/network.h"
#include "contracts/observation.h"
#include "contracts/offers.h"
#include "contracts/stream.h"
#include "contracts/supervision.h"

#include "apps/web/sealed.h"
#include "apps/web/web.h"

#define PROCESSES_MOST 256u
#define SUPERVISED_MOST 64u
#define CHANNELS_MOST 512u /* rows; the streams of one pair of processes are one row */
#define LOOKED_AT_MOST 16384u
#define FIELDS_MOST (512u * 1024)

struct known_contract {
  const char *name;
  uint8_t hash[32];
  const uint8_t *decoder;
  size_t decoder_length;
};
#define KNOWN(name, NAME)                                                                                              \
  { #name, {NAME##_TABLE_HASH }, name##_decoder, sizeof name##_decoder }
static struct known_contract known[] = {
    KNOWN(stream, STREAM),           KNOWN(files, FILES),         KNOWN(listener, LISTENER),
    KNOWN(network, NETWORK),         KNOWN(extension, EXTENSION), KNOWN(observation, OBSERVATION),
    KNOWN(supervision, SUPERVISION), KNOWN(events, EVENTS),       KNOWN(names, NAMES),
    KNOWN(offers, OFFERS),
};

struct row {
  struct signet_observed_channel channel;
  const struct known_contract *contract; /* NULL: another one */
  uint32_t count;
};

/* What is gathered for the status under way. */
static struct {
  struct signet_observed_process process[PROCESSES_MOST];
  struct observation_supervised supervised[SUPERVISED_MOST];
  struct row row[CHANNELS_MOST];
  uint32_t processes, supervised_count, rows, looked_at;
  uint64_t after;
} seen;

static struct observation_client_READY idle;
static uint32_t handle; /* while an answer is awaited */
static uint32_t asked;  /* enum observation_state */
static struct observation_buffer buffer;

void sealed_observation_begin(uint32_t endpoint) {
  static bool named; /* the end in the slot is closed when the file service comes back */
  struct signet_handle_information information;
  /* The table of files may be the one of contracts/files.h: then it has the name that the kernel gives it here. */
  if (!named && signet_handle_query(signet_slot("files"), &information).status == SIGNET_OK)
    memcpy(known[1].hash, information.identity, sizeof known[1].hash);
  named = true;
  if (handle || idle.handle)
    sealed_observation_closed(); /* what is told of it comes later than its successor */
  if (!endpoint)
    return;
  if (observation_adopt_client_READY(endpoint, &idle) != SIGNET_OK)
    sealed_fail("what should be observation is something else", SIGNET_CONTRACT);
  sealed_insert(idle.handle, KEY_OBSERVATION);
}

void sealed_observation_closed(void) {
  signet_handle_close(handle ? handle : idle.handle);
  bool looking = handle;
  handle = idle.handle = 0;
  if (looking)
    observed(NULL, 0);
}

static void sent(int64_t status) {
  if (status != SIGNET_OK)
    sealed_fail("the observation refuses what is sent", status);
}

static void ask_processes(void) {
  struct observation_client_PROCESSES_ASKED next;
  struct observation_PROCESSES message = {.after = seen.after};
  sent(observation_send_PROCESSES(&idle, &next, &message, &buffer));
  handle = next.handle;
  asked = OBSERVATION_STATE_PROCESSES_ASKED;
}

static void ask_supervised(void) {
  struct observation_client_SUPERVISED_ASKED next;
  struct observation_SUPERVISED message = {.after = seen.supervised_count};
  sent(observation_send_SUPERVISED(&idle, &next, &message, &buffer));
  handle = next.handle;
  asked = OBSERVATION_STATE_SUPERVISED_ASKED;
}

static void ask_channels(void) {
  struct observation_client_CHANNELS_ASKED next;
  struct observation_CHANNELS message = {.after = seen.after};
  sent(observation_send_CHANNELS(&idle, &next, &message, &buffer));
  handle = next.handle;
  asked = OBSERVATION_STATE_CHANNELS_ASKED;
}

bool observation_begin(void) {
  if (!idle.handle)
    return false;
  seen.processes = seen.supervised_count = seen.rows = seen.looked_at = 0;
  seen.after = 0;
  ask_processes();
  return true;
}

/* ---- As JSON ---- */

static const char *phase_name(uint32_t phase) {
  static const char *const names[] = {"", "waiting", "starting", "running", "stopped", "given up"};
  return phase < sizeof names / sizeof *names ? names[phase] : "";
}

/* Milliseconds since 1970 of a time of the other clock, as the status has all times. */
static unsigned long long since_1970(uint64_t when) {
  uint64_t ago = transport_now() > when ? transport_now() - when : 0;
  return (transport_time() - ago) / MILLISECOND;
}

static void put_process(struct text *text, const struct signet_observed_process *process,
                        const struct observation_supervised *supervised) {
  const char *phase = supervised                                 ? phase_name(supervised->phase)
                      : process->state == SIGNET_PROCESS_RUNNING ? "running"
                                                                 : "stopped";
  text_print(text, "{\"number\":%u,\"name\":\"", process->number);
  text_put_json(text, supervised ? supervised->name : process->name);
  text_print(text, "\",\"parent\":%u,\"phase\":\"%s\",\"restarts\":%u,\"cpu_ns\":%llu,\"memory\":%llu,",
             process->parent, phase, supervised ? supervised->restarts : 0, (unsigned long long)process->time,
             (unsigned long long)process->used.memory);
  text_print(text, "\"memory_limit\":%llu,\"threads\":%u,\"handles\":%u,\"calls\":%llu,\"messages\":%llu,",
             (unsigned long long)process->limit.memory, process->threads, process->used.handles,
             (unsigned long long)process->calls, (unsigned long long)process->messages);
  text_print(text, "\"restarted_ns\":%llu,\"since\":%llu}",
             (unsigned long long)(supervised ? supervised->restarted : 0),
             since_1970(supervised ? supervised->since : process->started));
}

static void put_processes(struct text *text) {
  const char *comma = "";
  bool shown[SUPERVISED_MOST] = {false};
  text_print(text, "\"processes\":[");
  for (uint32_t i = 0; i < seen.processes; i++) {
    struct signet_observed_process *process = &seen.process[i];
    const struct observation_supervised *supervised = NULL;
    for (uint32_t j = 0; j < seen.supervised_count; j++)
      if (seen.supervised[j].process == process->number && process->number) {
        supervised = &seen.supervised[j];
        shown[j] = true;
      }
    process->name[sizeof process->name - 1] = 0;
    text_put(text, comma, strlen(comma));
    put_process(text, process, supervised);
    comma = ",";
  }
  /* Rows of the manifest that no process runs for now. */
  for (uint32_t j = 0; j < seen.supervised_count; j++)
    if (!shown[j]) {
      struct signet_observed_process none = {.number = 0};
      text_put(text, comma, strlen(comma));
      put_process(text, &none, &seen.supervised[j]);
      comma = ",";
    }
  text_print(text, "]");
}

static void put_channel(struct text *text, const struct row *row) {
  const struct signet_observed_channel *channel = &row->channel;
  char state[64] = "";
  text_print(text, "{\"number\":%llu,\"contract\":\"%s\",\"state\":\"", (unsigned long long)channel->number,
             row->contract ? row->contract->name : "");
  if (row->contract && row->count == 1)
    contract_print_state(row->contract->decoder, row->contract->decoder_length, channel->state, state, sizeof state);
  text_put_json(text, state);
  text_print(text, "\",\"client\":%u,\"server\":%u,\"count\":%u,\"queued\":[%u,%u],\"messages\":[%llu,%llu]}",
             channel->process[0], channel->process[1], row->count, channel->queued[0], channel->queued[1],
             (unsigned long long)channel->messages[0], (unsigned long long)channel->messages[1]);
}

static void tell(void) {
  struct text *text = text_new(FIELDS_MOST);
  if (!text) {
    observed(NULL, 0);
    return;
  }
  put_processes(text);
  text_print(text, ",\"channels\":[");
  for (uint32_t i = 0; i < seen.rows; i++) {
    if (i)
      text_put(text, ",", 1);
    put_channel(text, &seen.row[i]);
  }
  text_print(text, "]");
  char *fields = text->bytes;
  size_t length = text->length;
  bool failed = text->failed;
  text->bytes = NULL;
  text_release(text);
  if (failed) {
    free(fields);
    fields = NULL;
  }
  observed(fields, length);
}

/* ---- What is heard ---- */

static const struct known_contract *find_contract(const uint8_t hash[32]) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!memcmp(known[i].hash, hash, 32))
      return &known[i];
  return NULL;
}

static void take_channel(const struct signet_observed_channel *channel) {
  const struct known_contract *contract = find_contract(channel->identity);
  /* There is one for each connection. */
  for (uint32_t i = 0; contract == &known[0] && i < seen.rows; i++) {
    struct row *row = &seen.row[i];
    if (row->contract != contract || memcmp(row->channel.process, channel->process, sizeof channel->process) != 0)
      continue;
    row->count++;
    for (int end = 0; end < 2; end++) {
      row->channel.queued[end] += channel->queued[end];
      row->channel.messages[end] += channel->messages[end];
    }
    return;
  }
  if (seen.rows < CHANNELS_MOST)
    seen.row[seen.rows++] = (struct row){*channel, contract, 1};
}

static int64_t processes_came(struct observation_buffer *from) {
  struct observation_client_PROCESSES_ASKED end = {handle};
  struct observation_client_PROCESSES_ASKED_received received;
  int64_t status = observation_took_PROCESSES_ASKED(&end, &received, from);
  if (status != SIGNET_OK)
    return status;
  idle = received.PROCESSES_ARE.next;
  uint32_t count = received.PROCESSES_ARE.message.records_count / sizeof(struct signet_observed_process);
  for (uint32_t i = 0; i < count && seen.processes < PROCESSES_MOST; i++) {
    memcpy(&seen.process[seen.processes], received.PROCESSES_ARE.message.records + i * sizeof *seen.process,
           sizeof *seen.process);
    seen.after = seen.process[seen.processes++].number;
  }
  if (count && seen.processes < PROCESSES_MOST)
    ask_processes();
  else
    ask_supervised();
  return SIGNET_OK;
}

static int64_t supervised_came(struct observation_buffer *from) {
  struct observation_client_SUPERVISED_ASKED end = {handle};
  struct observation_client_SUPERVISED_ASKED_received received;
  int64_t status = observation_took_SUPERVISED_ASKED(&end, &received, from);
  if (status != SIGNET_OK)
    return status;
  idle = received.SUPERVISED_ARE.next;
  const struct observation_SUPERVISED_ARE *message = &received.SUPERVISED_ARE.message;
  for (uint32_t i = 0; i < message->processes_count && seen.supervised_count < SUPERVISED_MOST; i++) {
    seen.supervised[seen.supervised_count] = message->processes[i];
    seen.supervised[seen.supervised_count++].name[sizeof message->processes[i].name - 1] = 0;
  }
  if (message->processes_count && seen.supervised_count < SUPERVISED_MOST) {
    ask_supervised();
  } else {
    seen.after = 0;
    ask_channels();
  }
  return SIGNET_OK;
}

static int64_t channels_came(struct observation_buffer *from) {
  struct observation_client_CHANNELS_ASKED end = {handle};
  struct observation_client_CHANNELS_ASKED_received received;
  int64_t status = observation_took_CHANNELS_ASKED(&end, &received, from);
  if (status != SIGNET_OK)
    return status;
  idle = received.CHANNELS_ARE.next;
  uint32_t count = received.CHANNELS_ARE.message.records_count / sizeof(struct signet_observed_channel);
  for (uint32_t i = 0; i < count; i++) {
    struct signet_observed_channel channel;
    memcpy(&channel, received.CHANNELS_ARE.message.records + i * sizeof channel, sizeof channel);
    seen.after = channel.number;
    take_channel(&channel);
  }
  seen.looked_at += count;
  if (count && seen.looked_at < LOOKED_AT_MOST) {
    ask_channels();
  } else {
    handle = 0;
    tell();
  }
  return SIGNET_OK;
}

void sealed_observation_heard(const struct sealed_buffer *input) {
  struct observation_buffer *from = (struct observation_buffer *)(uintptr_t)input;
  int64_t status = asked == OBSERVATION_STATE_PROCESSES_ASKED    ? processes_came(from)
                   : asked == OBSERVATION_STATE_SUPERVISED_ASKED ? supervised_came(from)
                                                                 : channels_came(from);
  if (status != SIGNET_OK) {
    handle = idle.handle = 0; /* the end is closed already */
    observed(NULL, 0);
  }
}
