/* Who holds a device of the port, by whom it was lent, and requests to it: decoded and checked here, answered there.
 * Kernel lock, given up while the port is asked.
 *
 * The port names a waiting request by a ticket, never by a pointer, so that an answer which comes too late finds
 * nothing. */
#include "kernel/object.h"

struct device *device_create(struct port_device *port) {
  struct device *device = allocate(sizeof *device);
  if (!device)
    return NULL;
  object_initialise(&device->object, SIGNET_KIND_DEVICE, 0);
  device->port = port;
  return device;
}

enum signet_status device_lend(struct device *device, struct device **lent) {
  if (device->borrower)
    return SIGNET_STATE;
  struct device *borrower = device_create(device->port);
  if (!borrower)
    return SIGNET_MEMORY;
  device_wake_all(device);
  borrower->lender = device;
  *lent = device->borrower = borrower;
  return SIGNET_OK;
}

void device_close(struct device *device) {
  object_charge(&device->object, NULL);
  if (device->lender)
    device->lender->borrower = device->borrower;
  if (device->borrower)
    device->borrower->lender = device->lender;
  else if (device->lender)
    port_device_reset(device->port);
  else
    port_device_close(device->port);
  release(device, sizeof *device);
}

static struct list *bucket(uint64_t ticket) { return &kernel.tickets[ticket % TICKET_BUCKETS]; }

void kernel_device_ready(void *ticket) {
  kernel.here = NULL; /* whoever holds the lock now, it is no processor at work */
  LIST_EACH(node, bucket((uintptr_t)ticket)) {
    struct thread *thread = CONTAINER(node, struct thread, ticket_link);
    if (thread->ticket != (uintptr_t)ticket)
      continue;
    if (thread->wait == WAIT_DEVICE) {
      thread->device = NULL;
      schedule_ready(thread, true);
    } else {
      thread->device_ready = true;
    }
    break;
  }
}

void device_forget(struct thread *thread) {
  if (!thread->device)
    return;
  port_device_forget(thread->device->port, (void *)(uintptr_t)thread->ticket);
  thread->device = NULL;
  list_remove(&thread->ticket_link);
}

void device_wake_all(struct device *device) {
  LIST_EACH(node, &device->object.owner->threads) {
    struct thread *thread = CONTAINER(node, struct thread, link);
    if (thread->device != device)
      continue;
    device_forget(thread);
    schedule_ready(thread, true);
  }
}

/* A name: no NUL inside, one at its end. */
static enum signet_status text_copy(char *to, uint32_t window, uint32_t from, uint32_t length) {
  if (length > TEXT_MOST)
    return SIGNET_ARGUMENT;
  if (!range_valid(from, length) || (length && !port_copy_in(to, window, from, length)))
    return SIGNET_ADDRESS;
  for (uint32_t i = 0; i < length; i++)
    if (!to[i])
      return SIGNET_ARGUMENT;
  to[length] = 0;
  return SIGNET_OK;
}

struct signet_result call_device_request(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  struct cpu *cpu = kernel.here;
  struct signet_device_request asked;
  struct signet_result answer;
  struct object *object = handle_find_kind(process, arguments[0], SIGNET_KIND_DEVICE);
  if (!object)
    return error(SIGNET_HANDLE);
  if (arguments[1] % 8)
    return error(SIGNET_ARGUMENT);
  if (!range_valid(arguments[1], sizeof asked) ||
      !port_copy_in(&asked, process->window, (uint32_t)arguments[1], sizeof asked))
    return error(SIGNET_ADDRESS);
  if (asked.reserved)
    return error(SIGNET_ARGUMENT);
  if (!range_valid(asked.buffer_offset, asked.buffer_length))
    return error(SIGNET_ADDRESS);
  enum signet_status status = text_copy(cpu->text[0], process->window, asked.text_offset, asked.text_length);
  if (!status)
    status = text_copy(cpu->text[1], process->window, asked.text2_offset, asked.text2_length);
  if (status)
    return error(status);

  struct device *device = CONTAINER(object, struct device, object);
  if (device->borrower)
    return error(SIGNET_STATE);
  thread->ticket = ++kernel.next_ticket;
  struct port_request request = {.window = process->window,
                                 .operation = asked.operation,
                                 .buffer_offset = asked.buffer_offset,
                                 .buffer_length = asked.buffer_length,
                                 .text = cpu->text[0],
                                 .text2 = cpu->text[1],
                                 .thread = (void *)(uintptr_t)thread->ticket};
  memcpy(request.arguments, asked.arguments, sizeof request.arguments);
  thread->device = device;
  list_append(bucket(thread->ticket), &thread->ticket_link);
  bool answered;
  do {
    thread->device_ready = false;
    schedule_share(cpu);
    unlock();
    /* The process is RUN_ACTIVE on this processor: the device and the window stay. */
    answered = port_device_request(device->port, &request, &answer);
    port_lock();
    kernel.here = cpu;
  } while (!answered && thread->device_ready && process->state == SIGNET_PROCESS_RUNNING);
  if (!answered)
    return wait_begin(thread, WAIT_DEVICE, SIGNET_NEVER);
  thread->device = NULL;
  list_remove(&thread->ticket_link);
  return answer;
}
