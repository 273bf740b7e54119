/* The processes of a system under test: see supervisor_puppets.h. */
#include "tests/services/supervisor_puppets.h"

#include <stdlib.h>
#include <string.h>

struct manner manners[SIGNET_SYSTEM_PROCESSES_MOST];
struct heard heard[HEARD_MOST];
uint32_t heard_count;

static const struct signet_system *whole;

/* What each process has done so far. */
static struct puppet {
  bool said, awaits, left;
  bool told_ended[SIGNET_SLOTS_MOST], given_up[SIGNET_SLOTS_MOST];
} puppets[PROCESSES_EVER];

static const struct signet_system_process *row_of(uint32_t row) {
  return (const struct signet_system_process *)((const uint8_t *)whole + whole->processes_offset) + row;
}

static const struct signet_contract *contract_of(uint32_t channel, uint32_t *length) {
  const struct signet_system_channel *row =
      (const struct signet_system_channel *)((const uint8_t *)whole + whole->channels_offset) + channel;
  *length = row->contract_length;
  return (const void *)((const uint8_t *)whole + row->contract_offset);
}

void puppets_begin(const struct signet_system *system) { whole = system; }

uint32_t puppet_slot(uint32_t row, uint32_t kind, uint32_t number) {
  for (uint32_t slot = 0; slot < row_of(row)->slots; slot++)
    if (row_of(row)->slot[slot].kind == kind && row_of(row)->slot[slot].number == number)
      return slot;
  return UINT32_MAX;
}

uint32_t puppet_of(uint32_t row) {
  for (uint32_t i = process_count; i; i--)
    if (processes[i].row == row)
      return processes[i].state == SIGNET_PROCESS_RUNNING ? i : 0;
  return 0;
}

bool puppet_serves(uint32_t process) { return puppets[process].said; }

static void note(uint32_t process, uint32_t tag, uint32_t slot, uint32_t first, uint32_t second) {
  heard[heard_count++ % HEARD_MOST] = (struct heard){
      .process = process, .tag = tag, .slot = slot, .first = first, .second = second, .when = kernel_now()};
}

uint32_t puppets_heard(uint32_t row, uint32_t tag, uint32_t slot) {
  uint32_t count = 0;
  for (uint32_t i = heard_count < HEARD_MOST ? 0 : heard_count - HEARD_MOST; i < heard_count; i++) {
    const struct heard *at = &heard[i % HEARD_MOST];
    count += processes[at->process].row == row && at->tag == tag && at->slot == slot;
  }
  return count;
}

const struct heard *puppets_last(uint32_t row, uint32_t tag) {
  for (uint32_t i = heard_count; i && i + HEARD_MOST > heard_count; i--)
    if (processes[heard[(i - 1) % HEARD_MOST].process].row == row && heard[(i - 1) % HEARD_MOST].tag == tag)
      return &heard[(i - 1) % HEARD_MOST];
  return NULL;
}

/* A client's end whose server's end the process has in that slot from now on. */
static uint32_t give(uint32_t process, uint32_t slot, enum gives gives) {
  static struct signet_contract other; /* of no channel: all 0 but the identity */
  struct process *is = &processes[process];
  uint32_t length, server;
  const struct signet_contract *contract = contract_of(row_of(is->row)->slot[slot].number, &length);
  memset(other.identity, 0xaa, sizeof other.identity);
  uint32_t client = kernel_create(process, gives == GIVES_OTHER_CONTRACT ? &other : contract, length, &server);
  if (gives == GIVES_CLOSED) {
    kernel_close(server);
    return client;
  }
  if (!kernel_is_closed(is->ends[slot]))
    kernel_close(is->ends[slot]);
  is->ends[slot] = server;
  return client;
}

static void answer_wanted(uint32_t process, uint32_t end, uint32_t slot) {
  enum gives gives = manners[processes[process].row].gives;
  if (row_of(processes[process].row)->slot[slot].kind != SIGNET_SYSTEM_SERVER)
    FAIL("an end is wanted of a slot that serves nobody");
  if (gives == GIVES_NOTHING) {
    puppets[process].left = true;
    return;
  }
  if (gives == GIVES_REFUSAL) {
    if (!kernel_send(end, SUPERVISION_CLIENT_REFUSED, NULL, 0, 0))
      FAIL("CLIENT_REFUSED is not allowed");
    return;
  }
  uint32_t client = give(process, slot, gives);
  if (!kernel_send(end, SUPERVISION_CLIENT_GIVEN, NULL, 0, client))
    FAIL("CLIENT_GIVEN is not allowed");
}

static void take_back(uint32_t process, uint32_t slot, uint32_t end) {
  struct process *is = &processes[process];
  if (row_of(is->row)->slot[slot].kind != SIGNET_SYSTEM_CLIENT)
    FAIL("a service is back of a slot that is no client's");
  if (!puppets[process].told_ended[slot])
    FAIL("a service is back that has not ended");
  if (end & 1)
    FAIL("a server's end is given to a client");
  puppets[process].told_ended[slot] = false;
  kernel_close(is->ends[slot]);
  is->ends[slot] = end;
}

static void hear(uint32_t process, uint32_t end) {
  struct puppet *puppet = &puppets[process];
  uint32_t tag, moved;
  struct {
    uint32_t slot, first, second;
    char rest[300];
  } data;
  if (!kernel_receive(end, process, &tag, &data, &moved))
    return;
  puppet->awaits = false;
  note(process, tag, tag == SUPERVISION_STOP ? 0 : data.slot, data.first, data.second);
  switch (tag) {
  case SUPERVISION_SERVICE_ENDED:
    if (puppet->told_ended[data.slot])
      FAIL("an end is told twice");
    if (!kernel_is_closed(kernel_peer(processes[process].ends[data.slot])))
      FAIL("the end of a service is told, and the channel is open");
    puppet->told_ended[data.slot] = true;
    break;
  case SUPERVISION_SERVICE_BACK:
    take_back(process, data.slot, moved);
    break;
  case SUPERVISION_SERVICE_GIVEN_UP:
    if (!puppet->told_ended[data.slot] || puppet->given_up[data.slot])
      FAIL("a service is given up twice, or before it ended");
    puppet->given_up[data.slot] = true;
    snprintf(heard[(heard_count - 1) % HEARD_MOST].why, sizeof heard->why, "%s", (char *)&data.first);
    break;
  case SUPERVISION_CLIENT_WANTED:
    answer_wanted(process, end, data.slot);
    break;
  case SUPERVISION_STOP:
    memcpy(&heard[(heard_count - 1) % HEARD_MOST].when, &data, sizeof(uint64_t));
    puppet->left = true;
    if (manners[processes[process].row].never_stops)
      return;
    kernel_send(end, SUPERVISION_STOPPING, NULL, 0, 0);
    kernel_end(process, (struct signet_ending){.kind = SIGNET_ENDED_EXIT});
    break;
  default:
    FAIL("message %u from the supervisor", tag);
  }
}

static uint32_t supervision_of(uint32_t process) {
  uint32_t slot = puppet_slot(processes[process].row, SIGNET_SYSTEM_SUPERVISION, 0);
  return slot == UINT32_MAX ? 0 : processes[process].ends[slot];
}

bool puppet_step(uint32_t process) {
  struct puppet *puppet = &puppets[process];
  const struct manner *manner = &manners[processes[process].row];
  uint32_t end = supervision_of(process);
  if (processes[process].state != SIGNET_PROCESS_RUNNING || !end || puppet->left)
    return false;
  if (manner->leaves && puppet->said) {
    puppet->left = true;
    kernel_close(end);
    return true;
  }
  if (!puppet->said) {
    if (manner->never_starts)
      return false;
    puppet->said = true;
    if (manner->unable) {
      puppet->left = true;
      kernel_send(end, SUPERVISION_NOT_STARTED, "no scripts", sizeof "no scripts", 0);
      kernel_end(process, (struct signet_ending){.kind = SIGNET_ENDED_EXIT, .code = 1});
    } else if (!kernel_send(end, SUPERVISION_STARTED, NULL, 0, 0)) {
      FAIL("STARTED is not allowed");
    }
    return true;
  }
  if (manner->never_listens)
    return false;
  if (!puppet->awaits) {
    puppet->awaits = true;
    if (!kernel_send(end, SUPERVISION_AWAIT, NULL, 0, 0))
      FAIL("AWAIT is not allowed");
    return true;
  }
  uint32_t before = heard_count;
  hear(process, end);
  return heard_count != before;
}

bool puppets_step(void) {
  bool any = false;
  for (uint32_t row = 0; row < whole->processes; row++) {
    uint32_t process = puppet_of(row);
    any |= process && puppet_step(process);
  }
  return any;
}

const char *puppets_wrong(void) {
  static char text[120];
  for (uint32_t row = 0; row < whole->processes; row++) {
    uint32_t process = puppet_of(row);
    for (uint32_t slot = 0; process && slot < row_of(row)->slots; slot++) {
      const struct signet_system_grant *grant = &row_of(row)->slot[slot];
      if (grant->kind != SIGNET_SYSTEM_CLIENT)
        continue;
      uint32_t server = 0, number;
      for (number = 0; number < whole->processes; number++)
        if (puppet_slot(number, SIGNET_SYSTEM_SERVER, grant->number) != UINT32_MAX)
          server = puppet_of(number);
      if (server && kernel_holder(kernel_peer(processes[process].ends[slot])) != server) {
        snprintf(text, sizeof text, "process %u's slot %u does not lead to its server", row, slot);
        return text;
      }
      if (!server && !puppets[process].given_up[slot]) {
        snprintf(text, sizeof text, "process %u does not know that its slot %u leads nowhere", row, slot);
        return text;
      }
    }
  }
  return NULL;
}
