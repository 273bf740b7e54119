/* What must come of each message and each block, kept apart from the kernel: what was sent is what is received, in its
 * order, once, with what it moved; and a block's bytes go where it goes. */
#include "simulation.h"

#define QUEUE_MOST 80 /* more than any contract of these programs has slots */
#define CHANNELS 4096
#define BLOCKS 8192

struct message {
  int8_t sent;                 /* 1 yes, 0 being sent, -1 nobody knows */
  int8_t allowed;              /* by the contract: 1 yes, 0 no, -1 it depends on what others do meanwhile */
  uint8_t moved_count, blocks; /* bit per thing that is a block */
  uint32_t tag, length;
  uint64_t data;     /* a sum */
  uint64_t moved[4]; /* block: its number; end: its channel's, and its side in the lowest bit */
};

struct queue {
  uint32_t first, count;
  struct message message[QUEUE_MOST];
};

static struct queue *queues[CHANNELS][2]; /* by the channel's number, and the side to which */

static struct block_model {
  uint64_t number; /* 0: none */
  uint32_t owner;  /* a process's number; 0: it travels */
  uint64_t length;
  uint64_t first, last; /* the words at its ends */
} blocks[BLOCKS];

void model_reset(void) {
  for (unsigned i = 0; i < CHANNELS; i++)
    for (unsigned side = 0; side < 2; side++)
      if (queues[i][side])
        queues[i][side]->first = queues[i][side]->count = 0;
  memset(blocks, 0, sizeof blocks);
}

static struct queue *queue_of(uint64_t channel, uint32_t side) {
  MUST(channel < CHANNELS, "the program makes more channels than the model has room for");
  struct queue **queue = &queues[channel][side];
  if (!*queue && !(*queue = calloc(1, sizeof **queue)))
    abort();
  return *queue;
}

static struct message *message_at(struct queue *queue, uint32_t index) {
  return &queue->message[(queue->first + index) % QUEUE_MOST];
}

static uint64_t sum(const uint8_t *bytes, size_t length) {
  uint64_t value = length;
  for (size_t i = 0; i < length; i++)
    value = (value ^ bytes[i]) * 1099511628211u;
  return value;
}

/* ---- Blocks ---- */

static struct block_model *model_of(uint64_t number) {
  struct block_model *model = &blocks[number % BLOCKS];
  return model->number == number ? model : NULL;
}

static uint64_t *ends_of(const struct block *block, const struct kernel_process *process, unsigned end) {
  uint64_t at = block->offset + (end ? block->length - 8 : 0);
  uint64_t *word = sim_memory(process->window, at, 8, true);
  MUST(word, "block: it is mapped in its holder's window, to read and to write");
  return word;
}

void model_block_changed(struct block *block, struct kernel_process *process) {
  struct block_model *model = model_of(sim_block_number(block->port));
  if (!model)
    return; /* it is being made */
  model->first = *ends_of(block, process, 0);
  model->last = *ends_of(block, process, 1);
}

void model_block_write(struct block *block, struct kernel_process *process) {
  static uint64_t next;
  model_check_block(block, process);
  *ends_of(block, process, 0) = ++next;
  *ends_of(block, process, 1) = ~next;
  model_block_changed(block, process);
}

void model_block_made(struct kernel_process *process, struct block *block) {
  uint64_t number = sim_block_number(block->port);
  MUST(!model_of(number), "block: a new one is no other's");
  const uint8_t *bytes = sim_memory(process->window, block->offset, block->length, true);
  MUST(bytes, "block: a new one is mapped");
  for (uint64_t at = 0; at < block->length; at += 8)
    MUST(!*(const uint64_t *)(bytes + at), "block: a new one is all zeros");
  blocks[number % BLOCKS] = (struct block_model){.number = number, .owner = process->number, .length = block->length};
  model_block_write(block, process);
}

void model_block_gone(uint64_t number) {
  if (model_of(number))
    model_of(number)->number = 0;
}

void model_block_owner(uint64_t number, uint32_t process) {
  if (model_of(number))
    model_of(number)->owner = process;
}

void model_process_ended(uint32_t process) {
  for (unsigned i = 0; i < BLOCKS; i++)
    if (blocks[i].number && blocks[i].owner == process)
      blocks[i].number = 0;
}

void model_check_block(const struct block *block, const struct kernel_process *holder) {
  const struct block_model *model = model_of(sim_block_number(block->port));
  MUST(model && model->owner == holder->number && model->length == block->length,
       "block: it has one owner, to whom it was given");
  MUST(*ends_of(block, holder, 0) == model->first && *ends_of(block, holder, 1) == model->last,
       "block: its bytes are those that its last owner wrote");
}

/* ---- Messages ---- */

static uint64_t identity_of(const struct object *object) {
  if (object->kind == SIGNET_KIND_BLOCK)
    return sim_block_number(CONTAINER(object, struct block, object)->port);
  const struct endpoint *end = CONTAINER(object, struct endpoint, object);
  return end->channel->place.number << 1 | end->side;
}

static bool travels(const struct object *object) {
  return object->kind == SIGNET_KIND_BLOCK || object->kind == SIGNET_KIND_CLIENT || object->kind == SIGNET_KIND_SERVER;
}

/* ---- What a contract allows, read from its bytes as include/signet/abi.h describes them ---- */

static bool may_send_in(const struct contract *contract, uint8_t state, uint8_t side) {
  const struct signet_contract *header = (const void *)contract->blob;
  const struct signet_contract_message *row = (const void *)(header + 1);
  const uint8_t *next = (const uint8_t *)(row + header->messages) + state * header->messages;
  for (unsigned tag = 0; tag < header->messages; tag++)
    if (row[tag].to_client == side && next[tag] != SIGNET_CONTRACT_REFUSED)
      return true;
  return false;
}

static bool bytes_are(const uint8_t *bytes, uint8_t value) {
  for (unsigned i = 0; i < 32; i++)
    if (bytes[i] != value)
      return false;
  return true;
}

static bool rule_allows(const struct signet_contract_moved *rule, const struct contract *contract,
                        const struct object *object) {
  if (object->kind == SIGNET_KIND_BLOCK) {
    uint64_t pages = CONTAINER(object, struct block, object)->length / SIGNET_PAGE;
    return pages >= (rule->length_least + SIGNET_PAGE - 1) / SIGNET_PAGE &&
           pages <= (rule->length_most + SIGNET_PAGE - 1) / SIGNET_PAGE;
  }
  const struct endpoint *end = CONTAINER(object, struct endpoint, object);
  const uint8_t *identity = bytes_are(rule->identity, 0xff) ? contract->identity : rule->identity;
  return !end->count && may_send_in(end->channel->contract, end->state, end->side) &&
         (bytes_are(rule->identity, 0) || !memcmp(identity, end->channel->contract->identity, 32)) &&
         (rule->state == SIGNET_CONTRACT_ANY_STATE || rule->state == end->state);
}

/* An endpoint that travels may be refused for where it would come to, besides. */
static int allowed(const struct kernel_process *process, const struct endpoint *from,
                   const struct signet_message *message) {
  const struct contract *contract = from->channel->contract;
  const struct signet_contract *header = (const void *)contract->blob;
  const struct signet_contract_message *row = (const void *)(header + 1);
  const uint8_t *next = (const uint8_t *)(row + header->messages);
  const uint8_t *end = next + header->messages * header->states;
  const struct signet_contract_moved *rule = (const void *)(((uintptr_t)end + 7) & ~UINT64_C(7));
  int yes = 1;
  if (message->tag >= header->messages || from->count)
    return 0;
  for (unsigned tag = 0; tag < message->tag; tag++)
    rule += row[tag].moved_count;
  row += message->tag;
  if (next[from->state * header->messages + message->tag] == SIGNET_CONTRACT_REFUSED || row->to_client != from->side ||
      message->length < row->length_least || message->length > row->length_most ||
      message->moved_count != row->moved_count || (row->step && (message->length - row->length_least) % row->step))
    return 0;
  for (unsigned i = 0; i < row->moved_count; i++) {
    const struct object *object = handle_find(process, message->moved[i].handle);
    if (!object || object->kind != row->moved_kind[i] ||
        (header->version == 2 && !rule_allows(&rule[i], contract, object)))
      return 0;
    if (object->kind != SIGNET_KIND_BLOCK)
      yes = -1;
    for (unsigned j = 0; j < i; j++)
      if (message->moved[j].handle == message->moved[i].handle)
        yes = -1; /* refused, for another reason */
  }
  return yes;
}

bool model_send(struct kernel_process *process, struct endpoint *from, uint64_t message, bool undisturbed) {
  const struct signet_message *header = sim_memory(process->window, message, SIGNET_MESSAGE_DATA, false);
  const uint8_t *data = header && header->length <= BUFFER_BYTES
                            ? sim_memory(process->window, message + SIGNET_MESSAGE_DATA, header->length, false)
                            : NULL;
  if (!data || from->peer->closed || header->moved_count > SIGNET_MESSAGE_MOVED)
    return false;
  struct message noted = {.tag = header->tag, .length = header->length, .data = sum(data, header->length)};
  noted.allowed = (int8_t)allowed(process, from, header);
  if (!undisturbed)
    noted.allowed = -1;
  noted.moved_count = (uint8_t)header->moved_count;
  for (unsigned i = 0; i < header->moved_count; i++) {
    struct object *object = handle_find(process, header->moved[i].handle);
    if (!object || !travels(object))
      return false;
    if (object->kind == SIGNET_KIND_BLOCK)
      model_block_write(CONTAINER(object, struct block, object), process);
    noted.moved[i] = identity_of(object);
  }
  for (unsigned i = 0; i < noted.moved_count; i++)
    if (handle_find(process, header->moved[i].handle)->kind == SIGNET_KIND_BLOCK) {
      noted.blocks |= 1u << i;
      model_block_owner(noted.moved[i], 0);
    }
  struct queue *queue = queue_of(from->channel->place.number, !from->side);
  MUST(queue->count < QUEUE_MOST, "channel: no queue exceeds its bound");
  *message_at(queue, queue->count++) = noted;
  return true;
}

/* What was not sent is still its owner's. */
static void give_back(const struct message *message, const struct kernel_process *process) {
  for (struct list *node = process->paid.next; node != &process->paid; node = node->next) {
    const struct object *object = CONTAINER(node, struct object, paid_link);
    for (unsigned i = 0; object->owner && object->kind == SIGNET_KIND_BLOCK && i < message->moved_count; i++)
      if (message->blocks >> i & 1 && identity_of(object) == message->moved[i])
        model_block_owner(message->moved[i], process->number);
  }
}

void model_sent(const struct kernel_process *process, uint64_t channel, uint32_t side, int64_t status, int sent) {
  struct queue *queue = queue_of(channel, side);
  /* It is the last one of its end that is being sent; it may have been received already. */
  for (uint32_t i = queue->count; i--;) {
    struct message *message = message_at(queue, i);
    if (message->sent)
      break;
    MUST(sent < 1 || message->allowed, "message: what is sent is what the contract allows");
    MUST(status != SIGNET_CONTRACT || message->allowed < 1, "message: what the contract allows is not refused");
    if (sent < 1)
      give_back(message, process);
    if (sent)
      message->sent = (int8_t)sent;
    else
      queue->count--;
    return;
  }
  MUST(sent, "channel: a message whose sending failed has been received");
}

void model_received(struct kernel_process *process, struct endpoint *at, uint64_t buffer) {
  struct queue *queue = queue_of(at->channel->place.number, at->side);
  const struct signet_message *header = sim_memory(process->window, buffer, SIGNET_MESSAGE_DATA, true);
  MUST(header, "message: the buffer it came to can be read");
  const uint8_t *data = sim_memory(process->window, buffer + SIGNET_MESSAGE_DATA, header->length, false);
  MUST(data, "message: the buffer it came to has room for it");
  uint64_t came = sum(data, header->length);
  for (;; queue->first = (queue->first + 1) % QUEUE_MOST, queue->count--) {
    MUST(queue->count, "channel: nothing is received that was not sent");
    const struct message *message = message_at(queue, 0);
    if (message->tag == header->tag && message->length == header->length && message->data == came &&
        message->moved_count == header->moved_count)
      break;
    MUST(message->sent < 0, "channel: what is received is the oldest message that was sent, unchanged");
  }
  struct message message = *message_at(queue, 0);
  queue->first = (queue->first + 1) % QUEUE_MOST;
  queue->count--;
  MUST(message.allowed, "message: what is received is what the contract allows");
  for (unsigned i = 0; i < message.moved_count; i++) {
    struct object *object = handle_find(process, header->moved[i].handle);
    MUST(object && object->kind == header->moved[i].kind && travels(object),
         "message: what it moved is the receiver's, and of the kind it says");
    MUST(identity_of(object) == message.moved[i], "message: what it moved is what was sent");
    if (object->kind != SIGNET_KIND_BLOCK)
      continue;
    struct block *block = CONTAINER(object, struct block, object);
    MUST(block->offset == header->moved[i].offset && block->length == header->moved[i].length,
         "message: the block is where it says");
    model_block_owner(message.moved[i], process->number);
    model_check_block(block, process);
  }
}
