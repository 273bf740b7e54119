/* Principals: who holds the other end, in the kernel's word; names that would forge one are refused. */
#include "support.h"

#define CALL(process, name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)
#define QUERY (SCRATCH + 0x2000)

static struct kernel_process *root;

static void teardown(const struct alive *before) {
  CHECK_INVARIANTS();
  end(root);
  CHECK_INVARIANTS();
  CHECK(alive_same(before));
}

/* A child of that name, with an eighth less of everything; 0: refused as that. */
static uint32_t child_named(struct kernel_process *parent, uint32_t image_handle, const char *name, int64_t *status) {
  struct signet_quota quota = {.memory = parent->limit.memory - (1 << 21),
                               .threads = parent->limit.threads - 1,
                               .handles = parent->limit.handles - 8,
                               .regions = parent->limit.regions - 1,
                               .processes = parent->limit.processes - 1};
  struct signet_process_specification *specification = specification_write(parent, image_handle, 1, &quota);
  memset(specification->name, 0, sizeof specification->name);
  memcpy(specification->name, name, strnlen(name, sizeof specification->name - 1));
  struct signet_result made = CALL(parent, process_create, SCRATCH, 0, 0, 0, 0);
  *status = made.status;
  return made.status ? 0 : (uint32_t)made.value;
}

static const char *principal_by(struct kernel_process *process, uint64_t handle) {
  struct signet_handle_information *information = at(process, QUERY);
  memset(information, 0x55, sizeof *information);
  CHECK_STATUS(CALL(process, handle_query, handle, QUERY, 0, 0, 0), SIGNET_OK);
  CHECK(memchr(information->peer_principal, 0, SIGNET_PRINCIPAL_MOST));
  return information->peer_principal;
}

static void names_that_would_forge(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root);
  int64_t status;
  struct signet_quota used = root->used;
  const char *refused[] = {"a/b",          "/",    "//",      "a/",    "/a",   "~", "~/", "~a",
                           "~/root/names", "..\n", "\033[2J", "a\x7f", "root/"};
  for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    CHECK(!child_named(root, image_handle, refused[i], &status) && status == SIGNET_ARGUMENT);
    struct signet_process_specification specification = {.quota = quota_plenty};
    struct kernel_process *made = NULL;
    memcpy(specification.name, refused[i], strlen(refused[i]));
    CHECK(kernel_process_create(image, &specification, NULL, &made) == SIGNET_ARGUMENT && !made);
  }
  for (int byte = 1; byte < 256; byte++) {
    char name[] = {'a', (char)byte, 0};
    bool bad = byte < ' ' || byte == '/' || byte == 0x7f;
    uint32_t handle = child_named(root, image_handle, name, &status);
    CHECK(status == (bad ? SIGNET_ARGUMENT : SIGNET_OK));
    if (handle)
      CALL(root, handle_close, handle, 0, 0, 0, 0);
  }
  CHECK(!memcmp(&used, &root->used, sizeof used));
  /* What stands behind the name's end is no part of it. */
  struct signet_process_specification *specification = specification_write(root, image_handle, 0, &quota_child);
  memcpy(specification->name, "good\0/bad", 10);
  uint64_t child = CALL(root, process_create, SCRATCH, 0, 0, 0, 0).value;
  CHECK(child && !strcmp(principal_by(root, child), "root/good"));
  teardown(&before);
}

/* A child that is named like another, or like the whole path of another, has a principal of its own all the same. */
static void says_who_started_it(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root);
  int64_t status;
  uint32_t first = child_named(root, image_handle, "root", &status);
  CHECK(status == SIGNET_OK && !strcmp(principal_by(root, first), "root/root"));
  struct contract_file contract = contract_make();
  memcpy(at(root, SCRATCH), &contract, sizeof contract);
  uint64_t ends = CALL(root, channel_create, SCRATCH, sizeof contract, 0, 0, 0).value;
  uint32_t mine = (uint32_t)ends, theirs = (uint32_t)(ends >> 32);
  CHECK(!strcmp(principal_by(root, mine), "root"));
  CHECK_STATUS(CALL(root, process_grant, first, 0, theirs, 0, 0), SIGNET_OK);
  CHECK(!strcmp(principal_by(root, mine), "root/root"));
  CHECK_STATUS(CALL(root, process_start, first, 0, 0, 0, 0), SIGNET_OK);
  struct kernel_process *child = child_of(root, first);
  CHECK(!strcmp(principal_by(child, child->slot[0]), "root"));
  CHECK_STATUS(CALL(child, process_exit, SIGNET_ENDED_EXIT, 0, 0, 0, 0), SIM_AWAY);
  CHECK(!strcmp(principal_by(root, mine), ""));
  /* Nobody, while it travels; then who received it. */
  ends = CALL(root, channel_create, SCRATCH, sizeof contract, 0, 0, 0).value;
  uint64_t carrier = CALL(root, channel_create, SCRATCH, sizeof contract, 0, 0, 0).value;
  message_write(root, 0x1000, TAG_CLIENT, 0, (uint32_t)ends, 0);
  CHECK_STATUS(CALL(root, channel_send, (uint32_t)carrier, SCRATCH + 0x1000, 0, 0, 0), SIGNET_OK);
  CHECK(!strcmp(principal_by(root, ends >> 32), ""));
  *word_at(root, SCRATCH + 0x1000) = (uint32_t)(carrier >> 32);
  CHECK_STATUS(CALL(root, channel_receive, SCRATCH + 0x1000, 1, SCRATCH + 0x1008, 200, 0), SIGNET_OK);
  CHECK(!strcmp(principal_by(root, ends >> 32), "root"));
  /* Not a process, not an end: nobody. */
  CHECK(!strcmp(principal_by(root, image_handle), ""));
  teardown(&before);
}

/* Each starts the next. What is too long lacks whole names in front, and says so. */
static void what_is_too_long(size_t longest, bool mixed) {
  struct alive before = alive_now();
  static const struct signet_quota quota = {
      .memory = 64 << 20, .threads = 64, .handles = 400, .regions = 64, .processes = 30};
  char name[32] = {0}, whole[20 * 32] = "root";
  root = boot_unstarted("root", 0, &quota);
  CHECK(root && kernel_process_start(root) == SIGNET_OK);
  struct kernel_process *parent = root;
  for (unsigned depth = 0; depth < 12 && test_good; depth++) {
    uint32_t image_handle = load_image(parent);
    int64_t status;
    size_t length = longest - (mixed && depth % 4 == 3); /* four of 31, 31, 31, 30 are one byte too many */
    memset(name, 0, sizeof name);
    memset(name, 'a' + (int)depth, length);
    uint32_t handle = child_named(parent, image_handle, name, &status);
    CHECK(status == SIGNET_OK);
    strcat(strcat(whole, "/"), name);
    const char *got = principal_by(parent, handle);
    if (strlen(whole) < SIGNET_PRINCIPAL_MOST) {
      CHECK(!strcmp(got, whole));
    } else {
      /* As many names as there is room for. */
      size_t tail = strlen(got) - 1;
      CHECK(!strncmp(got, "~/", 2) && !strcmp(got + 1, whole + strlen(whole) - tail));
      CHECK(strlen(got) < SIGNET_PRINCIPAL_MOST && strlen(got) + longest + 1 >= SIGNET_PRINCIPAL_MOST);
    }
    CHECK_STATUS(CALL(parent, process_grant, handle, 0, image_handle, 0, 0), SIGNET_OK);
    CHECK_STATUS(CALL(parent, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
    parent = child_of(parent, handle);
  }
  teardown(&before);
}

static void whole_names_are_left_out(void) {
  for (size_t length = 1; length < 32 && test_good; length++)
    what_is_too_long(length, false);
  what_is_too_long(31, true);
}

int main(void) {
  support_initialise();
  TEST(names_that_would_forge);
  TEST(says_who_started_it);
  TEST(whole_names_are_left_out);
  return test_finish();
}
