/* What the kernel's tests share (support.h). */
#include "support.h"

bool test_good;
static unsigned test_number, test_failures;
static const char *test_name;

void test_begin(const char *name) {
  test_name = name;
  test_good = true;
}

void test_end(void) {
  test_failures += !test_good;
  printf("%s %u - %s\n", test_good ? "ok" : "not ok", ++test_number, test_name);
  fflush(stdout);
}

int test_finish(void) {
  printf("1..%u\n", test_number);
  return test_failures ? 1 : 0;
}

/* ---- Images ---- */

struct image_file *image_file_make(void) {
  _Static_assert(sizeof(struct image_file) == IMAGE_BYTES, "the file is three pages");
  struct image_file *file = calloc(1, sizeof *file);
  file->header = (struct elf64_header){.magic = "\177ELF",
                                       .class = 2,
                                       .data = 1,
                                       .version = 1,
                                       .type = 2,
                                       .machine = 62,
                                       .version2 = 1,
                                       .entry = ENTRY,
                                       .programs = offsetof(struct image_file, program),
                                       .header_size = 64,
                                       .program_size = 56,
                                       .program_count = 3};
  file->program[0] = (struct elf64_program){1, 5, 0x1000, CODE_LOW, CODE_LOW, CODE_LENGTH, CODE_LENGTH, 0x1000};
  file->program[1] = (struct elf64_program){1, 6, 0x2000, DATA_LOW, DATA_LOW, 0x800, DATA_LENGTH, 0x1000};
  file->program[2] = (struct elf64_program){4, 4, offsetof(struct image_file, note_name), 0, 0, 36, 36, 4};
  file->note_name = sizeof SIGNET_NOTE_NAME;
  file->note_length = sizeof file->note;
  file->note_type = SIGNET_NOTE;
  memcpy(file->name, SIGNET_NOTE_NAME, sizeof SIGNET_NOTE_NAME);
  file->note = (struct signet_note){.abi_version = SIGNET_ABI_VERSION, .stack = 0x4000};
  memset(file->code, 0x90, sizeof file->code);
  memset(file->content, 0xda, sizeof file->content);
  return file;
}

/* ---- Processes ---- */

const struct signet_quota quota_plenty = {
    .memory = 64 << 20, .threads = 32, .handles = 256, .regions = 64, .processes = 16};
struct kernel_image *image;

void support_initialise(void) {
  struct kernel_refusal refusal;
  struct image_file *file = image_file_make();
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (!kernel_initialise() || kernel_image_load(file, sizeof *file, &image, &refusal)) {
    printf("Bail out! %s\n", refusal.text);
    exit(1);
  }
  free(file);
  sim_run();
}

struct kernel_process *boot_unstarted(const char *name, uint32_t slots, const struct signet_quota *quota) {
  struct signet_process_specification specification = {.slots = slots, .quota = quota ? *quota : quota_plenty};
  struct kernel_process *process = NULL;
  snprintf(specification.name, sizeof specification.name, "%s", name);
  return kernel_process_create(image, &specification, NULL, &process) ? NULL : process;
}

struct kernel_process *boot(const char *name) {
  struct kernel_process *process = boot_unstarted(name, 0, NULL);
  if (process && kernel_process_start(process)) {
    kernel_process_release(process);
    return NULL;
  }
  return process;
}

bool turn_to(struct kernel_process *process) {
  for (unsigned i = 0; i < 200; i++) {
    if (!sim_current())
      sim_run();
    if (!sim_current())
      return false;
    if (sim_window() == process->window && process->state == SIGNET_PROCESS_RUNNING)
      return true;
    sim_preempt();
  }
  return false;
}

struct signet_result in(struct kernel_process *process, uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t e) {
  if (!turn_to(process)) {
    printf("# the process %s is not ready to make call %u\n", process->name, number);
    test_good = false;
    return (struct signet_result){SIM_AWAY, 1};
  }
  return sim_call(number, a, b, c, d, e);
}

struct signet_result taken(struct kernel_process *process) {
  if (turn_to(process) && sim_current()->answered) {
    sim_current()->answered = false;
    return sim_current()->result;
  }
  return (struct signet_result){SIM_AWAY, 0};
}

void *at(struct kernel_process *process, uint64_t offset) {
  void *memory = sim_memory(process->window, offset, 1, false);
  if (!memory) {
    printf("Bail out! nothing at 0x%llx\n", (unsigned long long)offset);
    abort();
  }
  return memory;
}

uint32_t *word_at(struct kernel_process *process, uint64_t offset) { return at(process, offset); }

void end(struct kernel_process *process) {
  if (!process)
    return;
  kernel_process_stop(process);
  kernel_process_release(process);
  /* If it was running, it ends at the next tick. */
  if (sim_current())
    sim_preempt();
}

/* ---- Children ---- */

uint32_t load_image(struct kernel_process *process) {
  struct image_file *file = image_file_make();
  struct signet_result made = in(process, SIGNET_CALL_block_allocate, sizeof *file, 0, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  memcpy(at(process, made.value >> 32), file, sizeof *file);
  free(file);
  struct signet_result loaded = in(process, SIGNET_CALL_image_load, (uint32_t)made.value, IMAGE_BYTES, 0, 0, 0);
  CHECK_STATUS(loaded, SIGNET_OK);
  CHECK_STATUS(in(process, SIGNET_CALL_handle_close, (uint32_t)made.value, 0, 0, 0, 0), SIGNET_HANDLE);
  return (uint32_t)loaded.value;
}

const struct signet_quota quota_child = {.memory = 8 << 20, .threads = 4, .handles = 16, .regions = 8, .processes = 3};

struct signet_process_specification *specification_write(struct kernel_process *process, uint32_t image_handle,
                                                         uint32_t slots, const struct signet_quota *quota) {
  struct signet_process_specification *specification = at(process, SCRATCH);
  *specification = (struct signet_process_specification){.image = image_handle, .slots = slots, .quota = *quota};
  snprintf(specification->name, sizeof specification->name, "child");
  return specification;
}

uint32_t create_child(struct kernel_process *process, uint32_t image_handle, uint32_t slots,
                      const struct signet_quota *quota) {
  specification_write(process, image_handle, slots, quota);
  struct signet_result made = in(process, SIGNET_CALL_process_create, SCRATCH, 0, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  return (uint32_t)made.value;
}

struct kernel_process *child_of(struct kernel_process *process, uint32_t handle) {
  struct object *object = handle_find_kind(process, handle, SIGNET_KIND_PROCESS);
  return object ? CONTAINER(object, struct kernel_process, object) : NULL;
}

/* ---- Contracts ---- */

struct contract_file contract_make(void) {
  struct contract_file file = {
      .header = {.version = 1, .messages = 6, .states = 2, .slots_to_server = 4, .slots_to_client = 2, .data_most = 64},
      .rows = {{.length_most = 64},
               {.to_client = 1, .length_most = 64},
               {.length_least = 4, .length_most = 64},
               {.moved_count = 1, .moved_kind = {SIGNET_KIND_BLOCK}, .length_most = 64},
               {.moved_count = 1, .moved_kind = {SIGNET_KIND_CLIENT}, .length_most = 64},
               {.moved_count = 2, .moved_kind = {SIGNET_KIND_SERVER, SIGNET_KIND_BLOCK}, .length_most = 64}},
      .next = {1, 255, 0, 0, 0, 0, 255, 0, 255, 255, 255, 255}};
  return file;
}

struct kernel_process *boot_pair(struct kernel_process **server) {
  struct contract_file contract = contract_make();
  struct kernel_process *client = boot_unstarted("client", 1, NULL);
  *server = boot_unstarted("server", 1, NULL);
  if (!client || !*server || kernel_process_connect(client, 0, *server, 0, &contract, sizeof contract) ||
      kernel_process_start(client) || kernel_process_start(*server)) {
    if (client)
      end(client);
    if (*server)
      end(*server);
    *server = NULL;
    return NULL;
  }
  return client;
}

void message_write(struct kernel_process *process, uint32_t offset, uint32_t tag, uint32_t length, uint32_t handle0,
                   uint32_t handle1) {
  struct signet_message *message = at(process, SCRATCH + offset);
  *message = (struct signet_message){.tag = tag, .length = length, .moved_count = !!handle0 + !!handle1};
  message->moved[0].handle = handle0;
  message->moved[1].handle = handle1;
}

/* ---- Leaks ---- */

struct alive alive_now(void) {
  struct alive alive = {.objects = 0};
  port_lock();
  allocate_trim();
  alive.objects = allocate_objects_in_use();
  port_unlock();
  kernel_statistics(&alive.kernel);
  alive.kernel.calls = alive.kernel.switches = alive.kernel.messages = 0;
  alive.sim = sim_alive;
  return alive;
}

bool alive_same(const struct alive *before) {
  struct alive now = alive_now();
  if (!memcmp(before, &now, sizeof now))
    return true;
  const uint64_t *then = (const uint64_t *)before, *here = (const uint64_t *)&now;
  static const char *const names[] = {
      "pages",    "windows",       "mapped",        "images",       "blocks", "contexts", "processes", "threads",
      "channels", "kernel blocks", "kernel images", "kernel pages", "calls",  "switches", "messages",  "objects"};
  for (size_t i = 0; i < sizeof now / 8; i++)
    if (then[i] != here[i])
      printf("# %s: %llu before, %llu now\n", names[i], (unsigned long long)then[i], (unsigned long long)here[i]);
  return false;
}
