/* Quotas: what each process is charged, object by object and child by child. Anyone in kernel/; kernel lock. */
#include "kernel/object.h"

bool quota_has(const struct kernel_process *process, uint64_t memory, uint32_t handles) {
  return memory <= process->limit.memory - process->used.memory &&
         handles <= process->limit.handles - process->used.handles;
}

/* Of images: an old and a new one for each process that it may have. One costs its port more than memory (on Linux an
 * open file), and is of use only to who starts processes. */
static uint64_t images_most(const struct signet_quota *quota) { return 2 * (uint64_t)quota->processes; }

bool quota_has_image(const struct kernel_process *process) { return process->images < images_most(&process->limit); }

void object_initialise(struct object *object, enum signet_kind kind, uint64_t charge) {
  object->kind = (uint8_t)kind;
  object->charge = charge;
  list_initialise(&object->paid_link);
}

void object_charge(struct object *object, struct kernel_process *payer) {
  if (object->payer == payer)
    return;
  if (object->payer) {
    object->payer->used.memory -= object->charge;
    object->payer->used.handles--;
    object->payer->images -= object->kind == SIGNET_KIND_IMAGE;
    list_remove(&object->paid_link);
  }
  object->payer = payer;
  if (payer) {
    payer->used.memory += object->charge;
    payer->used.handles++;
    payer->images += object->kind == SIGNET_KIND_IMAGE;
    list_append(&payer->paid, &object->paid_link);
  }
}

void object_destroy(struct object *object) {
  ASSERT(!object->owner);
  switch ((enum signet_kind)object->kind) {
  case SIGNET_KIND_CLIENT:
  case SIGNET_KIND_SERVER:
    endpoint_close(CONTAINER(object, struct endpoint, object));
    return;
  case SIGNET_KIND_BLOCK:
    block_destroy(CONTAINER(object, struct block, object));
    return;
  case SIGNET_KIND_IMAGE: {
    struct image_reference *reference = CONTAINER(object, struct image_reference, object);
    object_charge(object, NULL);
    image_release(reference->image);
    release(reference, sizeof *reference);
    return;
  }
  case SIGNET_KIND_DEVICE:
    device_close(CONTAINER(object, struct device, object));
    return;
  case SIGNET_KIND_PROCESS: {
    struct kernel_process *process = CONTAINER(object, struct kernel_process, object);
    struct signet_ending ending = {.kind = SIGNET_ENDED_STOPPED};
    object_charge(object, NULL);
    if (process->state == SIGNET_PROCESS_STOPPED)
      process_reap(process);
    else
      process_end(process, &ending); /* and frees it, at once or when its thread has left its processor */
    return;
  }
  case SIGNET_KIND_SET:
    set_destroy(CONTAINER(object, struct set, object));
    return;
  case SIGNET_KIND_NONE:
    break;
  }
  ASSERT(!"an object of no kind");
}

bool quota_take_for_child(struct kernel_process *parent, const struct signet_quota *quota) {
  const struct signet_quota *limit = &parent->limit;
  struct signet_quota *used = &parent->used;
  if (quota->memory > limit->memory - used->memory || quota->threads > limit->threads - used->threads ||
      quota->handles > limit->handles - used->handles || quota->regions > limit->regions - used->regions ||
      limit->processes == used->processes || quota->processes > limit->processes - used->processes - 1 ||
      images_most(quota) > images_most(limit) - parent->images)
    return false;
  used->memory += quota->memory;
  used->threads += quota->threads;
  used->handles += quota->handles;
  used->regions += quota->regions;
  used->processes += quota->processes + 1;
  parent->images += images_most(quota);
  return true;
}

void quota_give_back(struct kernel_process *parent, const struct signet_quota *quota) {
  struct signet_quota *used = &parent->used;
  used->memory -= quota->memory;
  used->threads -= quota->threads;
  used->handles -= quota->handles;
  used->regions -= quota->regions;
  used->processes -= quota->processes + 1;
  parent->images -= images_most(quota);
}

void quota_return(struct kernel_process *process) {
  struct kernel_process *parent = process->parent;
  if (parent)
    quota_give_back(parent, &process->limit);
  /* What it sent and nobody has received yet: its parent lent the quota for it, so the parent's has room. */
  while (!list_empty(&process->paid))
    object_charge(CONTAINER(process->paid.next, struct object, paid_link), parent);
}
