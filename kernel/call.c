/* The way in: every kernel call, and faults. Called by the port without the lock, on the processor of the thread that
 * called. */
#include "kernel/object.h"

#define CALL_ENTRY(number, name, arguments) [number] = call_##name,
call_function *const call_table[SIGNET_CALL_COUNT] = {SIGNET_CALLS(CALL_ENTRY)};
#undef CALL_ENTRY

#define CALL_FITS(number, name, arguments) _Static_assert(arguments <= 5, #name ": kernel_call passes five arguments");
SIGNET_CALLS(CALL_FITS)
#undef CALL_FITS

#define RANDOM_MOST (UINT64_C(1) << 16) /* a few milliseconds where the generator is slow */

/* The call did not simply end: the thread waits, goes elsewhere, or its process is to hear of something first. */
static _Noreturn void finish(struct cpu *cpu, uint64_t number, const uint64_t *arguments,
                             struct signet_result outcome) {
  struct thread *thread = cpu->current;
  if (outcome.status == CALL_WAITS) {
    thread->call = (uint8_t)number;
    if (number != SIGNET_CALL_channel_call)
      handover_forget(thread);
    for (unsigned i = 0; i < sizeof thread->arguments / sizeof *thread->arguments; i++)
      thread->arguments[i] = arguments[i];
  } else if (outcome.status != CALL_AWAY) {
    port_context_set_result(thread->context, outcome);
    ready_append(thread);
  }
  schedule();
}

__attribute__((noinline)) struct signet_result call_locked(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                                                           uint64_t a4, uint64_t number) {
  const uint64_t arguments[] = {a0, a1, a2, a3, a4};
  struct cpu *cpu = kernel.cpu[port_cpu_self()];
  struct thread *thread = cpu->current;
  struct kernel_process *process = thread->process;
  kernel.here = cpu;
  if (process->attention && process->state == SIGNET_PROCESS_STOPPING)
    schedule();
  thread->sent = false;
  struct signet_result outcome = call_table[number](thread, arguments);
  if (outcome.status < 0 || process->attention)
    finish(cpu, number, arguments, outcome);
  unlock();
  return outcome;
}

static inline void count_call(void) { kernel.cpu[port_cpu_self()]->process->calls++; }

struct signet_result kernel_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t number) {
  if (number == SIGNET_CALL_abi_version) {
    count_call();
    return result(SIGNET_OK, SIGNET_ABI_VERSION);
  }
  if (number == SIGNET_CALL_channel_call)
    return kernel_channel_call(a0, a1, a2, a3, a4);
  if (number == SIGNET_CALL_thread_yield)
    return kernel_thread_yield();
  count_call();
  if (number == SIGNET_CALL_clock_read && a0 <= SIGNET_CLOCK_REALTIME)
    return result(SIGNET_OK, port_clock((enum signet_clock)a0));
  if (number >= SIGNET_CALL_COUNT)
    return error(SIGNET_UNSUPPORTED);
  port_lock();
  return call_locked(a0, a1, a2, a3, a4, number);
}

_Noreturn void kernel_fault(const struct port_fault *fault) {
  struct cpu *cpu = lock_as_cpu();
  struct signet_ending ending = {.kind = SIGNET_ENDED_FAULT,
                                 .code = fault->kind,
                                 .instruction = fault->instruction,
                                 .thread = cpu->current->number,
                                 .address = fault->address};
  process_end(cpu->process, &ending);
  schedule();
}

struct signet_result call_abi_version(struct thread *thread, const uint64_t *arguments) {
  (void)thread, (void)arguments;
  return result(SIGNET_OK, SIGNET_ABI_VERSION);
}

struct signet_result call_clock_read(struct thread *thread, const uint64_t *arguments) {
  if (arguments[0] > SIGNET_CLOCK_THREAD)
    return error(SIGNET_ARGUMENT);
  schedule_charge(kernel.here);
  return result(SIGNET_OK, arguments[0] == SIGNET_CLOCK_PROCESS ? thread->process->time : thread->time);
}

struct signet_result call_random_fill(struct thread *thread, const uint64_t *arguments) {
  struct cpu *cpu = kernel.here;
  uint64_t offset = arguments[0], length = arguments[1];
  if (length > RANDOM_MOST)
    return error(SIGNET_ARGUMENT);
  if (!range_valid(offset, length))
    return error(SIGNET_ADDRESS);
  for (uint64_t done = 0, part; done < length; done += part) {
    part = length - done < TEXT_MOST ? length - done : TEXT_MOST;
    unlock();
    port_random(cpu->text[0], part);
    port_lock();
    kernel.here = cpu;
    if (!port_copy_out(thread->process->window, (uint32_t)(offset + done), cpu->text[0], part))
      return error(SIGNET_ADDRESS);
  }
  return result(SIGNET_OK, 0);
}

struct signet_result call_handle_close(struct thread *thread, const uint64_t *arguments) {
  struct object *object = handle_find(thread->process, arguments[0]);
  if (!object)
    return error(SIGNET_HANDLE);
  handle_discard(object);
  return result(SIGNET_OK, 0);
}

static void query_endpoint(struct endpoint *endpoint, struct signet_handle_information *information) {
  struct endpoint *peer = endpoint_peer(endpoint);
  information->queued = endpoint->count;
  information->peer_closed = peer->closed;
  information->state = endpoint->state;
  memcpy(information->identity, endpoint->channel->contract->identity, sizeof information->identity);
  if (peer->object.owner) {
    memcpy(information->peer_identity, peer->object.owner->hash, sizeof information->peer_identity);
    memcpy(information->peer_name, peer->object.owner->name, sizeof information->peer_name);
    memcpy(information->peer_principal, peer->object.owner->principal, sizeof information->peer_principal);
  }
}

struct signet_result call_handle_query(struct thread *thread, const uint64_t *arguments) {
  struct object *object = handle_find(thread->process, arguments[0]);
  struct signet_handle_information information = {.kind = object ? object->kind : 0};
  if (!object)
    return error(SIGNET_HANDLE);
  if (arguments[1] % 8)
    return error(SIGNET_ARGUMENT);
  switch ((enum signet_kind)object->kind) {
  case SIGNET_KIND_CLIENT:
  case SIGNET_KIND_SERVER:
    query_endpoint(CONTAINER(object, struct endpoint, object), &information);
    break;
  case SIGNET_KIND_BLOCK:
    information.length = (uint32_t)CONTAINER(object, struct block, object)->length;
    information.offset = CONTAINER(object, struct block, object)->offset;
    break;
  case SIGNET_KIND_IMAGE:
    memcpy(information.identity, CONTAINER(object, struct image_reference, object)->image->facts.hash,
           sizeof information.identity);
    break;
  case SIGNET_KIND_PROCESS: {
    const struct kernel_process *child = CONTAINER(object, struct kernel_process, object);
    information.state = child->state;
    memcpy(information.identity, child->hash, sizeof information.identity);
    memcpy(information.peer_name, child->name, sizeof information.peer_name);
    memcpy(information.peer_principal, child->principal, sizeof information.peer_principal);
    break;
  }
  case SIGNET_KIND_DEVICE:
  case SIGNET_KIND_SET:
  case SIGNET_KIND_NONE:
    break;
  }
  if (!range_valid(arguments[1], sizeof information) ||
      !port_copy_out(thread->process->window, (uint32_t)arguments[1], &information, sizeof information))
    return error(SIGNET_ADDRESS);
  return result(SIGNET_OK, 0);
}
