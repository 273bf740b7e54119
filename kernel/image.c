/* Images: sealed copies of files that the verifier has passed, kept once for all that load the same bytes. Built
 * without the lock; found and counted with it. */
#include "kernel/object.h"
#include "verifier/verifier.h"

#define IMAGE_MOST (64u << 20) /* hashed and verified in one go */

static void first_violation(void *context, const struct verifier_violation *violation) {
  struct kernel_refusal *refusal = context;
  if (refusal->text[0])
    return;
  refuse_add(refusal, "code at ");
  refuse_add_number(refusal, violation->offset);
  refuse_add(refusal, ": ");
  refuse_add(refusal, verifier_rule_text(violation->rule));
  refuse_add(refusal, " (");
  refuse_add(refusal, verifier_rule_label(violation->rule));
  refuse_add(refusal, ")");
  refusal->offset = violation->offset;
}

static bool features_check(uint32_t needed, struct kernel_refusal *refusal) {
  uint32_t missing = needed & ~port_features();
  if (!missing)
    return true;
#define FEATURE_REFUSE(name, bit, text)                                                                                \
  if (missing & (1u << bit)) {                                                                                         \
    refuse(refusal, "this machine lacks a processor feature that the code needs: " text);                              \
    return false;                                                                                                      \
  }
  VERIFIER_FEATURES(FEATURE_REFUSE)
#undef FEATURE_REFUSE
  refuse(refusal, "this machine lacks a processor feature that the code needs");
  return false;
}

static void *scratch_allocate(size_t length) {
  port_lock();
  void *scratch = port_pages_allocate(length);
  port_unlock();
  return scratch;
}

static void scratch_free(void *scratch, size_t length) {
  port_lock();
  port_pages_free(scratch, length);
  port_unlock();
}

static enum signet_status verify(const uint8_t *bytes, struct kernel_image *image, struct kernel_refusal *refusal) {
  const struct segment *code = &image->segment[0];
  struct verifier_input input = {.code = bytes + code->file_offset,
                                 .length = code->length,
                                 .offset = code->offset,
                                 .calls = SIGNET_CALL_COUNT,
                                 .parallel = image->parallel};
  struct verifier_outcome outcome;
  size_t length = page_up(verifier_scratch_size(input.length));
  void *scratch = scratch_allocate(length);
  if (!scratch)
    return SIGNET_MEMORY;
  *refusal = (struct kernel_refusal){.offset = 0};
  bool obeys = verifier_check(&input, scratch, first_violation, refusal, &outcome);
  if (obeys && !verifier_is_target(&input, scratch, image->entry)) {
    refuse(refusal, "the entry is not the start of an instruction");
    refusal->offset = image->entry;
    obeys = false;
  }
  scratch_free(scratch, length);
  if (!obeys || !features_check(outcome.features, refusal))
    return SIGNET_IMAGE;
  image->facts.calls_named = outcome.calls_named;
  image->facts.features = outcome.features;
  image->facts.code_length = code->length;
  image->facts.instructions = outcome.instructions;
  return SIGNET_OK;
}

static struct list *bucket(const uint8_t hash[32]) { return &kernel.images[hash[0] % IMAGE_BUCKETS]; }

/* One more reference to a loaded image of this hash, or NULL. With the lock. */
static struct kernel_image *find(const uint8_t hash[32]) {
  LIST_EACH(node, bucket(hash)) {
    struct kernel_image *image = CONTAINER(node, struct kernel_image, link);
    if (!memcmp(image->facts.hash, hash, sizeof image->facts.hash)) {
      image->references++;
      return image;
    }
  }
  return NULL;
}

enum signet_status image_load(const void *bytes, size_t length, struct kernel_image **loaded,
                              struct kernel_refusal *refusal) {
  if (!length) {
    refuse(refusal, "an empty file");
    return SIGNET_IMAGE;
  }
  if (length > IMAGE_MOST) {
    refuse(refusal, "an image is at most 64 MiB long");
    return SIGNET_IMAGE;
  }
  struct kernel_image built = {.references = 1, .length = length};
  /* Sealed first: what is examined is what will run, whoever could still write the original. */
  built.sealed = port_image_create(bytes, length);
  if (!built.sealed)
    return SIGNET_MEMORY;
  const uint8_t *sealed = port_image_bytes(built.sealed);
  enum signet_status status = SIGNET_IMAGE;
  /* Before its bytes are hashed, which takes long. */
  if (!elf_parse(sealed, length, &built, refusal))
    goto destroy;
  blake2b_256(built.facts.hash, sealed, length);
  port_lock();
  struct kernel_image *image = find(built.facts.hash);
  port_unlock();
  status = SIGNET_OK;
  if (!image) {
    status = verify(sealed, &built, refusal);
    if (status)
      goto destroy;
    port_lock();
    image = find(built.facts.hash);
    if (!image) {
      image = allocate(sizeof *image);
      if (image) {
        *image = built;
        list_append(bucket(built.facts.hash), &image->link);
        built.sealed = NULL;
      } else {
        status = SIGNET_MEMORY;
      }
    }
    port_unlock();
  }
  *loaded = image;
destroy:
  if (built.sealed) {
    port_lock();
    port_image_destroy(built.sealed);
    port_unlock();
  }
  return status;
}

void image_reference(struct kernel_image *image) { image->references++; }

void image_release(struct kernel_image *image) {
  ASSERT(image->references);
  if (--image->references)
    return;
  list_remove(&image->link);
  port_image_destroy(image->sealed);
  release(image, sizeof *image);
}

struct signet_result call_image_load(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  struct object *object = handle_find_kind(process, arguments[0], SIGNET_KIND_BLOCK);
  uint64_t length = arguments[1];
  struct kernel_image *image;
  struct kernel_refusal refusal;
  if (!object)
    return error(SIGNET_HANDLE);
  struct block *block = CONTAINER(object, struct block, object);
  if (!length || length > block->length)
    return error(SIGNET_ARGUMENT);
  if (!quota_has_image(process))
    return error(SIGNET_QUOTA);
  struct image_reference *reference = allocate(sizeof *reference);
  if (!reference)
    return error(SIGNET_MEMORY);
  /* From here on the block is consumed, whatever comes of it. Its handle's entry is free for the image. */
  struct cpu *cpu = kernel.here;
  block_unmap(block, process);
  handle_remove(object);
  schedule_share(cpu);
  unlock();
  /* The process is RUN_ACTIVE on this processor: nobody takes it apart, and no other thread of it runs. */
  enum signet_status status = image_load(port_block_bytes(block->port, block->length), length, &image, &refusal);
  port_lock();
  kernel.here = cpu;
  object_destroy(object);
  if (status) {
    release(reference, sizeof *reference);
    return error(status);
  }
  object_initialise(&reference->object, SIGNET_KIND_IMAGE, page_up(length));
  reference->image = image;
  object_charge(&reference->object, process);
  return result(SIGNET_OK, handle_insert(process, &reference->object));
}
