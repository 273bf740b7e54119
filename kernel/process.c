/* The life of a process: Unstarted, Running, Stopping, Stopped; its place in the tree; its end. Kernel lock.
 *
 * A process that is to end is STOPPING. It is taken apart when none of its threads is on a processor (one that is
 * leaves at its next entry to the kernel, at the latest when it is pre-empted) and all of its children are STOPPED. It
 * is freed when nobody holds it any more: neither its parent's handle nor the host. */
#include "kernel/object.h"

/* A name stands in principals, between '/', and in front of them there may be '~'. It ends. */
static bool name_valid(const char *name) {
  if (*name == '~')
    return false;
  for (; *name; name++)
    if (*name == '/' || (unsigned char)*name < ' ' || *name == 0x7f)
      return false;
  return true;
}

static bool specification_valid(const struct signet_process_specification *specification) {
  bool named = false;
  for (unsigned i = 0; i < sizeof specification->name; i++)
    named |= !specification->name[i];
  return named && name_valid(specification->name) && specification->slots <= SIGNET_SLOTS_MOST &&
         specification->startup_length <= SIGNET_STARTUP_BYTES_MOST && specification->quota.threads;
}

static enum signet_status startup_copy(struct kernel_process *process, const struct kernel_process *parent,
                                       uint32_t from, const void *host) {
  uint32_t to = process->startup + (uint32_t)sizeof(struct signet_startup), length = process->startup_length;
  if (!parent)
    return !length || port_copy_out(process->window, to, host, length) ? SIGNET_OK : SIGNET_MEMORY;
  char *buffer = kernel.here->text[0];
  for (uint32_t done = 0, part; done < length; done += part) {
    part = length - done < TEXT_MOST ? length - done : TEXT_MOST;
    if (!port_copy_in(buffer, parent->window, from + done, part))
      return SIGNET_ADDRESS;
    if (!port_copy_out(process->window, to + done, buffer, part))
      return SIGNET_MEMORY;
  }
  return SIGNET_OK;
}

static struct kernel_process *allocate_process(const struct signet_process_specification *specification) {
  struct kernel_process *process = allocate(sizeof *process);
  if (!process)
    return NULL;
  object_initialise(&process->object, SIGNET_KIND_PROCESS, 0);
  handle_table_initialise(&process->handles);
  struct list *lists[] = {&process->run_link, &process->ready,        &process->threads,  &process->waiters,
                          &process->link,     &process->sibling_link, &process->children, &process->paid};
  for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++)
    list_initialise(lists[i]);
  for (unsigned i = 0; i < WORD_BUCKETS; i++)
    list_initialise(&process->words[i]);
  process->limit = specification->quota;
  process->slots = specification->slots;
  memcpy(process->name, specification->name, sizeof process->name);
  return process;
}

/* The parent's and the name. What is too long loses whole names in front; its own always has room. */
static void principal_make(struct kernel_process *process) {
  char whole[SIGNET_PRINCIPAL_MOST + sizeof process->name], *principal = process->principal;
  size_t length = 0, from = 0;
  if (process->parent) {
    for (const char *byte = process->parent->principal; *byte; byte++)
      whole[length++] = *byte;
    whole[length++] = '/';
  }
  for (const char *byte = process->name; *byte; byte++)
    whole[length++] = *byte;
  if (length >= SIGNET_PRINCIPAL_MOST) {
    while (whole[from++] != '/' || length - from >= SIGNET_PRINCIPAL_MOST - 2)
      ;
    *principal++ = '~';
    *principal++ = '/';
  }
  memcpy(principal, whole + from, length - from);
}

enum signet_status process_make(struct kernel_process *parent, struct kernel_image *image,
                                const struct signet_process_specification *specification, const void *startup,
                                struct kernel_process **made) {
  struct cpu *here = kernel.here;
  if (!specification_valid(specification))
    return SIGNET_ARGUMENT;
  if (!range_valid(specification->startup_offset, specification->startup_length) && parent)
    return SIGNET_ADDRESS;
  uint64_t charge = start_charge(image, specification->stack, specification->startup_length);
  if (!charge)
    return SIGNET_ARGUMENT;
  if (charge > specification->quota.memory || (parent && !quota_take_for_child(parent, &specification->quota)))
    return SIGNET_QUOTA;
  enum signet_status status = SIGNET_MEMORY;
  struct kernel_process *process = allocate_process(specification);
  if (!process)
    goto no_process;
  process->parent = parent;
  principal_make(process);
  process->used.memory = charge;
  if (!kernel.free_window_count)
    goto no_window;
  process->window = kernel.free_windows[kernel.free_window_count - 1];
  if (!port_window_create(process->window))
    goto no_window;
  kernel.free_window_count--;
  process->image = image;
  image_reference(image);
  memcpy(process->hash, image->facts.hash, sizeof process->hash);

  /* Mapping the image may take long. Nobody knows the new process; the caller's is RUN_ACTIVE, so it stays as it is. */
  kernel.making++;
  if (parent)
    parent->making = true;
  start_layout(process, specification->stack, specification->startup_length);
  if (here)
    schedule_share(here);
  unlock();
  bool mapped = start_map_image(process);
  port_lock();
  kernel.here = here;
  kernel.making--;
  if (parent)
    parent->making = false;
  if (mapped && start_map_rest(process))
    status = startup_copy(process, parent, specification->startup_offset, startup);
  if (!status && parent && parent->state != SIGNET_PROCESS_RUNNING)
    status = SIGNET_STATE;
  if (!status && kernel.next_process == SIGNET_OBSERVED_ELSEWHERE - 1)
    status = SIGNET_MEMORY; /* no number is used again */
  if (status)
    goto unload;
  process->number = ++kernel.next_process;
  list_append(&kernel.processes, &process->link);
  if (parent) {
    list_append(&parent->children, &process->sibling_link);
    parent->children_alive++;
  }
  *made = process;
  return SIGNET_OK;

unload:
  port_window_destroy(process->window);
  kernel.free_windows[kernel.free_window_count++] = process->window;
  image_release(image);
no_window:
  release(process, sizeof *process);
no_process:
  if (parent)
    quota_give_back(parent, &specification->quota);
  return status;
}

enum signet_status process_may_fill(struct kernel_process *process, uint64_t slot, uint64_t memory) {
  if (slot >= process->slots)
    return SIGNET_ARGUMENT;
  if (process->state != SIGNET_PROCESS_UNSTARTED || process->slot[slot])
    return SIGNET_STATE;
  if (!quota_has(process, memory, 1))
    return SIGNET_QUOTA;
  return handle_reserve(process, 1);
}

/* ---- The end ---- */

static void take_apart(struct kernel_process *process) {
  schedule_forget(process);
  while (!list_empty(&process->threads))
    thread_destroy(CONTAINER(process->threads.next, struct thread, link));
  handle_close_all(process);
  ASSERT(list_empty(&process->children));
  regions_release(&process->regions);
  regions_release(&process->blocks);
  port_window_destroy(process->window);
  kernel.free_windows[kernel.free_window_count++] = process->window;
  image_release(process->image);
  process->image = NULL;
  /* What is left is what it sent and nobody has received. */
  process->used.memory = 0;
  process->used.regions = 0;
  LIST_EACH(node, &process->paid) process->used.memory += CONTAINER(node, struct object, paid_link)->charge;
  kernel.calls_ended += process->calls;
  kernel.messages_ended += process->messages;
  process->state = SIGNET_PROCESS_STOPPED;
  if (process->parent)
    process->parent->children_alive--;
  struct kernel_report report = {
      .process = process->number, .parent = process->parent ? process->parent->number : 0, .ending = process->ending};
  memcpy(report.name, process->name, sizeof report.name);
  memcpy(report.image, process->hash, sizeof report.image);
  port_report(&report);
  wait_wake_all(&process->waiters);
}

void process_reap(struct kernel_process *process) {
  if (process->state != SIGNET_PROCESS_STOPPED || process->object.owner || process->host)
    return;
  ASSERT(list_empty(&process->waiters) && list_empty(&process->children));
  quota_return(process);
  list_remove(&process->sibling_link);
  list_remove(&process->link);
  release(process, sizeof *process);
}

static void finish_one(struct kernel_process *process) {
  if (process->state != SIGNET_PROCESS_STOPPING || process->run == RUN_ACTIVE || process->children_alive)
    return;
  take_apart(process);
  process_reap(process);
}

void process_finish(struct kernel_process *process) {
  while (process && process->state == SIGNET_PROCESS_STOPPING && process->run != RUN_ACTIVE &&
         !process->children_alive) {
    struct kernel_process *parent = process->parent;
    finish_one(process);
    process = parent;
  }
}

static struct kernel_process *first_child(const struct kernel_process *process) {
  return list_empty(&process->children) ? NULL : CONTAINER(process->children.next, struct kernel_process, sibling_link);
}

static struct kernel_process *next_sibling(const struct kernel_process *process) {
  struct list *next = process->sibling_link.next;
  return next == &process->parent->children ? NULL : CONTAINER(next, struct kernel_process, sibling_link);
}

static void mark(struct kernel_process *process, const struct signet_ending *ending) {
  if (process->state >= SIGNET_PROCESS_STOPPING)
    return;
  process->state = SIGNET_PROCESS_STOPPING;
  process->attention = true;
  process->ending = *ending;
}

/* The tree can be deep: loops, not recursion. */
void process_end(struct kernel_process *root, const struct signet_ending *ending) {
  static const struct signet_ending stopped = {.kind = SIGNET_ENDED_STOPPED};
  struct kernel_process *process = root, *next;
  if (root->state >= SIGNET_PROCESS_STOPPING)
    return;
  mark(root, ending);
  for (;;) {
    next = first_child(process);
    while (!next && process != root) {
      next = next_sibling(process);
      if (!next)
        process = process->parent;
    }
    if (!next)
      break;
    process = next;
    mark(process, &stopped);
  }
  for (process = root; first_child(process); process = first_child(process))
    ;
  while (process != root) {
    next = next_sibling(process);
    if (next)
      while (first_child(next))
        next = first_child(next);
    else
      next = process->parent;
    finish_one(process);
    process = next;
  }
  finish_one(root); /* its parent is not STOPPING, or it had been already */
}

/* ---- The calls ---- */

struct signet_result call_process_exit(struct thread *thread, const uint64_t *arguments) {
  struct signet_ending ending = {
      .kind = (uint32_t)arguments[0], .code = (uint32_t)arguments[1], .thread = thread->number};
  if ((arguments[0] != SIGNET_ENDED_EXIT && arguments[0] != SIGNET_ENDED_SIGNAL) || arguments[1] > 255)
    return error(SIGNET_ARGUMENT);
  process_end(thread->process, &ending);
  return error(CALL_AWAY);
}

static struct kernel_process *child_find(struct thread *thread, uint64_t handle) {
  struct object *object = handle_find_kind(thread->process, handle, SIGNET_KIND_PROCESS);
  return object ? CONTAINER(object, struct kernel_process, object) : NULL;
}

struct signet_result call_process_create(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process, *child;
  struct signet_process_specification specification;
  if (arguments[0] % 8)
    return error(SIGNET_ARGUMENT);
  if (!range_valid(arguments[0], sizeof specification) ||
      !port_copy_in(&specification, process->window, (uint32_t)arguments[0], sizeof specification))
    return error(SIGNET_ADDRESS);
  struct object *image = handle_find_kind(process, specification.image, SIGNET_KIND_IMAGE);
  if (!image)
    return error(SIGNET_HANDLE);
  /* The child's handle is charged besides the child's own quota. */
  if (!quota_has(process, 0, 1) || specification.quota.handles > process->limit.handles - process->used.handles - 1)
    return error(SIGNET_QUOTA);
  enum signet_status status = handle_reserve(process, 1);
  if (status)
    return error(status);
  status = process_make(process, CONTAINER(image, struct image_reference, object)->image, &specification, NULL, &child);
  if (status)
    return error(status);
  object_charge(&child->object, process);
  return result(SIGNET_OK, handle_insert(process, &child->object));
}

struct signet_result call_process_grant(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process, *child = child_find(thread, arguments[0]);
  struct object *object = handle_find(process, arguments[2]);
  if (!child || !object || object->kind == SIGNET_KIND_PROCESS || object->kind == SIGNET_KIND_SET)
    return error(SIGNET_HANDLE);
  enum signet_status status = process_may_fill(child, arguments[1], object->charge);
  if (!status && object->kind == SIGNET_KIND_IMAGE && !quota_has_image(child))
    status = SIGNET_QUOTA;
  if (status)
    return error(status);
  if (object->kind == SIGNET_KIND_DEVICE) {
    struct device *lent;
    status = device_lend(CONTAINER(object, struct device, object), &lent);
    if (status)
      return error(status);
    object = &lent->object;
  } else {
    /* Mapped in the child's window when it starts. */
    if (object->kind == SIGNET_KIND_BLOCK)
      block_unmap(CONTAINER(object, struct block, object), process);
    handle_remove(object);
  }
  object_charge(object, child);
  child->slot[arguments[1]] = handle_insert(child, object);
  return result(SIGNET_OK, 0);
}

struct signet_result call_process_start(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *child = child_find(thread, arguments[0]);
  if (!child)
    return error(SIGNET_HANDLE);
  if (child->state != SIGNET_PROCESS_UNSTARTED)
    return error(SIGNET_STATE);
  for (uint32_t i = 0; i < child->slots; i++)
    if (!child->slot[i])
      return error(SIGNET_STATE);
  return error(start_run(child));
}

struct signet_result call_process_stop(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *child = child_find(thread, arguments[0]);
  struct signet_ending ending = {.kind = SIGNET_ENDED_STOPPED};
  if (!child)
    return error(SIGNET_HANDLE);
  process_end(child, &ending);
  return result(SIGNET_OK, 0);
}

struct signet_result call_process_wait(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *child = child_find(thread, arguments[0]);
  uint64_t offset = arguments[1], deadline = arguments[2];
  if (!child)
    return error(SIGNET_HANDLE);
  if (offset % 8)
    return error(SIGNET_ARGUMENT);
  if (!range_valid(offset, sizeof child->ending))
    return error(SIGNET_ADDRESS);
  if (child->state == SIGNET_PROCESS_STOPPED) {
    if (!port_copy_out(thread->process->window, (uint32_t)offset, &child->ending, sizeof child->ending))
      return error(SIGNET_ADDRESS);
    handle_discard(&child->object);
    return result(SIGNET_OK, 0);
  }
  if (wait_deadline_passed(deadline))
    return error(SIGNET_TIMEOUT);
  wait_on_list(thread, &child->waiters);
  return wait_begin(thread, WAIT_OBJECTS, deadline);
}

struct signet_result call_process_usage(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  struct signet_usage usage = {.limit = process->limit, .used = process->used, .calls = process->calls};
  if (arguments[0] % 8)
    return error(SIGNET_ARGUMENT);
  if (!range_valid(arguments[0], sizeof usage) ||
      !port_copy_out(process->window, (uint32_t)arguments[0], &usage, sizeof usage))
    return error(SIGNET_ADDRESS);
  return result(SIGNET_OK, 0);
}
