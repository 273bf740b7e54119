/* Devices that are lent: who may use them, when they come back and how, and that nothing fails half-way. */
#include "support.h"

#define CALL(process, name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)

static struct kernel_process *root;
static struct port_device device;
static uint32_t lent; /* the root's handle */

static void setup(struct alive *before) {
  *before = alive_now();
  device = (struct port_device){.ready = true, .answer = {SIGNET_OK, 5}};
  root = boot_unstarted("root", 1, NULL);
  CHECK(!kernel_process_grant_device(root, 0, &device) && !kernel_process_start(root));
  lent = root->slot[0];
}

static void teardown(const struct alive *before) {
  CHECK_INVARIANTS();
  end(root);
  CHECK_INVARIANTS();
  CHECK(device.closed && !device.waiting);
  CHECK(alive_same(before));
}

/* A request of nothing in particular. */
static struct signet_result request(struct kernel_process *process, uint32_t handle) {
  struct signet_device_request *request = at(process, SCRATCH + 512);
  *request = (struct signet_device_request){.operation = 7};
  return CALL(process, device_request, handle, SCRATCH + 512, 0, 0, 0);
}

/* A child of the process, with what the handle names in its slot. */
static struct kernel_process *lend(struct kernel_process *process, uint32_t handle, uint32_t *child_handle) {
  struct signet_quota quota = process->limit;
  quota.memory /= 4, quota.threads /= 4, quota.handles /= 4, quota.regions /= 4, quota.processes /= 4;
  uint32_t image_handle = load_image(process);
  *child_handle = create_child(process, image_handle, 1, &quota);
  CHECK_STATUS(CALL(process, handle_close, image_handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(process, process_grant, *child_handle, 0, handle, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  return child_of(process, *child_handle);
}

static struct kernel_process *lend_and_start(struct kernel_process *process, uint32_t handle, uint32_t *child_handle) {
  struct kernel_process *child = lend(process, handle, child_handle);
  CHECK_STATUS(CALL(process, process_start, *child_handle, 0, 0, 0, 0), SIGNET_OK);
  return child;
}

static void wait_for(struct kernel_process *process, uint32_t child) {
  CHECK_STATUS(CALL(process, process_wait, child, SCRATCH, 0, 0, 0), SIGNET_OK);
}

static void lent_and_back(void) {
  struct alive before;
  setup(&before);
  uint32_t handle, second;
  uint32_t handles = root->used.handles;
  struct kernel_process *child = lend_and_start(root, lent, &handle);
  CHECK(root->used.handles == handles + 1 + child->limit.handles && child->used.handles == 1);
  CHECK(child->slot[0] && handle_find_kind(root, lent, SIGNET_KIND_DEVICE));
  /* One of them uses it. */
  CHECK_STATUS(request(child, child->slot[0]), SIGNET_OK);
  unsigned requests = device.requests;
  CHECK_STATUS(request(root, lent), SIGNET_STATE);
  CHECK(device.requests == requests && !device.resets);
  /* Twice: refused, and the slot stays empty. */
  uint32_t image_handle = load_image(root);
  second = create_child(root, image_handle, 1, &quota_child);
  CHECK_STATUS(CALL(root, process_grant, second, 0, lent, 0, 0), SIGNET_STATE);
  CHECK(!child_of(root, second)->slot[0] && !child_of(root, second)->used.handles);
  CHECK_STATUS(CALL(root, process_start, second, 0, 0, 0, 0), SIGNET_STATE);
  /* It ends; and it is as new. */
  CHECK_STATUS(CALL(child, process_exit, SIGNET_ENDED_EXIT, 0, 0, 0, 0), SIM_AWAY);
  CHECK(device.resets == 1 && !device.closed);
  CHECK_STATUS(request(root, lent), SIGNET_OK);
  wait_for(root, handle);
  CHECK_STATUS(CALL(root, process_grant, second, 0, lent, 0, 0), SIGNET_OK);
  /* One that was never started. */
  CHECK_STATUS(request(root, lent), SIGNET_STATE);
  CHECK_STATUS(CALL(root, handle_close, second, 0, 0, 0, 0), SIGNET_OK);
  CHECK(device.resets == 2 && !device.closed);
  /* And one that closes it, and goes on. */
  child = lend_and_start(root, lent, &handle);
  uint32_t was = child->slot[0];
  CHECK_STATUS(CALL(child, handle_close, was, 0, 0, 0, 0), SIGNET_OK);
  CHECK(device.resets == 3 && !device.closed);
  CHECK_STATUS(request(child, was), SIGNET_HANDLE);
  CHECK_STATUS(request(root, lent), SIGNET_OK);
  CHECK_STATUS(CALL(root, handle_close, lent, 0, 0, 0, 0), SIGNET_OK);
  CHECK(device.resets == 3 && device.closed);
  teardown(&before);
}

static void killed_and_lent_again(void) {
  struct alive before;
  setup(&before);
  for (unsigned i = 0; i < 50; i++) {
    uint32_t handle;
    struct kernel_process *child = lend_and_start(root, lent, &handle);
    device.ready = false;
    CHECK_STATUS(request(child, child->slot[0]), SIM_AWAY);
    CHECK(device.waiting);
    CHECK_STATUS(CALL(root, process_stop, handle, 0, 0, 0, 0), SIGNET_OK);
    CHECK(!device.waiting && device.forgotten == i + 1 && device.resets == i + 1 && !device.closed);
    wait_for(root, handle);
  }
  teardown(&before);
}

/* Threads of the lender that wait in the device are told that it is lent. */
static void waiting_when_lent(void) {
  struct alive before;
  uint32_t handle;
  setup(&before);
  device.ready = false;
  CHECK_STATUS(CALL(root, thread_create, ENTRY, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(request(root, lent), SIM_AWAY);
  lend(root, lent, &handle);
  CHECK(device.forgotten == 1 && !device.waiting);
  CHECK_STATUS(CALL(root, thread_exit, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(taken(root), SIGNET_STATE);
  teardown(&before);
  CHECK(device.resets == 1);
}

static void lent_on(void) {
  struct alive before;
  uint32_t handle, below;
  setup(&before);
  struct kernel_process *child = lend_and_start(root, lent, &handle);
  struct kernel_process *grandchild = lend_and_start(child, child->slot[0], &below);
  CHECK_STATUS(request(root, lent), SIGNET_STATE);
  CHECK_STATUS(request(child, child->slot[0]), SIGNET_STATE);
  CHECK_STATUS(request(grandchild, grandchild->slot[0]), SIGNET_OK);
  CHECK_STATUS(CALL(grandchild, process_exit, SIGNET_ENDED_EXIT, 0, 0, 0, 0), SIM_AWAY);
  CHECK(device.resets == 1);
  CHECK_STATUS(request(root, lent), SIGNET_STATE);
  CHECK_STATUS(request(child, child->slot[0]), SIGNET_OK);
  wait_for(child, below);
  /* Whoever is between them closes it: it comes back to the first. */
  grandchild = lend_and_start(child, child->slot[0], &below);
  CHECK_STATUS(CALL(child, handle_close, child->slot[0], 0, 0, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK(device.resets == 1 && !device.closed);
  CHECK_STATUS(request(root, lent), SIGNET_STATE);
  CHECK_STATUS(request(grandchild, grandchild->slot[0]), SIGNET_OK);
  CHECK_STATUS(CALL(child, process_stop, below, 0, 0, 0, 0), SIGNET_OK);
  CHECK(device.resets == 2 && !device.closed);
  CHECK_STATUS(request(root, lent), SIGNET_OK);
  CHECK_STATUS(CALL(root, handle_close, handle, 0, 0, 0, 0), SIGNET_OK);
  /* The whole of a tree at once: back once for each that lent it. */
  child = lend_and_start(root, lent, &handle);
  grandchild = lend_and_start(child, child->slot[0], &below);
  CHECK_STATUS(CALL(root, process_stop, handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(device.resets == 4 && !device.closed);
  CHECK_STATUS(request(root, lent), SIGNET_OK);
  teardown(&before);
}

static void the_lender_lets_go_first(void) {
  struct alive before;
  uint32_t handle;
  setup(&before);
  struct kernel_process *child = lend_and_start(root, lent, &handle);
  CHECK_STATUS(CALL(root, handle_close, lent, 0, 0, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK_STATUS(request(child, child->slot[0]), SIGNET_OK);
  CHECK(!device.resets && !device.closed);
  CHECK_STATUS(CALL(child, handle_close, child->slot[0], 0, 0, 0, 0), SIGNET_OK);
  CHECK(!device.resets && device.closed);
  teardown(&before);
}

/* ---- While a request is made on another processor, without the lock ---- */

enum way { WAY_STOPPED, WAY_LENDER_CLOSES, WAY_KILLED, WAY_LENDER_KILLED, WAYS };
static enum way way;
static uint32_t borrower, killed;

static void meanwhile(int busy) {
  sim_unlocked = NULL;
  sim_choose_cpu(1 - (uint32_t)busy);
  if (way == WAY_STOPPED)
    CHECK_STATUS(CALL(root, process_stop, borrower, 0, 0, 0, 0), SIGNET_OK);
  else if (way == WAY_LENDER_CLOSES)
    CHECK_STATUS(CALL(root, handle_close, lent, 0, 0, 0, 0), SIGNET_OK);
  else
    CHECK(kernel_process_kill(killed) == SIGNET_OK && kernel_process_kill(killed) == SIGNET_HANDLE);
  if (way != WAY_LENDER_KILLED)
    CHECK_STATUS(request(root, lent), way == WAY_LENDER_CLOSES ? SIGNET_HANDLE : SIGNET_STATE);
  CHECK(!device.resets && !device.closed);
  CHECK_INVARIANTS();
}

/* It is the borrower's until his request is done, whatever becomes of him or the lender. */
static void while_it_is_asked(void) {
  for (unsigned answers = 0; answers < 2; answers++)
    for (way = 0; way < WAYS; way++) {
      struct alive before;
      setup(&before);
      sim_choose_cpu(0);
      struct kernel_process *child = lend_and_start(root, lent, &borrower);
      killed = (way == WAY_KILLED ? child : root)->number;
      device.ready = answers;
      CHECK(turn_to(child));
      sim_unlocked = meanwhile;
      struct signet_result outcome = request(child, child->slot[0]);
      CHECK(!sim_unlocked);
      sim_choose_cpu(root->cpu->number);
      CHECK_INVARIANTS();
      if (way == WAY_LENDER_CLOSES) {
        CHECK_STATUS(outcome, answers ? SIGNET_OK : SIM_AWAY);
        CHECK(!device.resets && !device.closed);
        CHECK_STATUS(CALL(root, process_stop, borrower, 0, 0, 0, 0), SIGNET_OK);
        sim_choose_cpu(0);
        if (sim_current())
          sim_preempt(); /* the borrower leaves his processor */
        CHECK(!device.resets && device.closed);
      } else {
        CHECK_STATUS(outcome, SIM_AWAY);
        CHECK(device.resets == 1 && !device.waiting && device.closed == (way == WAY_LENDER_KILLED));
      }
      device.ready = true;
      if (way == WAY_STOPPED || way == WAY_KILLED)
        CHECK_STATUS(request(root, lent), SIGNET_OK);
      sim_choose_cpu(root->cpu->number);
      teardown(&before);
      sim_choose_cpu(0);
    }
}

/* What is not the caller's, or no slot of the child's. */
static void nonsense(void) {
  struct alive before;
  uint32_t handle;
  setup(&before);
  struct kernel_process *child = lend_and_start(root, lent, &handle);
  uint32_t image_handle = load_image(root), second = create_child(root, image_handle, 1, &quota_child);
  CHECK_STATUS(CALL(root, process_grant, second, 0, child->slot[0] + 0x10000, 0, 0), SIGNET_HANDLE);
  CHECK_STATUS(CALL(root, process_grant, second, 1, lent, 0, 0), SIGNET_ARGUMENT);
  CHECK_STATUS(CALL(root, process_grant, handle, 0, lent, 0, 0), SIGNET_STATE);
  CHECK_STATUS(CALL(root, process_grant, lent, 0, lent, 0, 0), SIGNET_HANDLE);
  /* A child without room for it. */
  CHECK_STATUS(CALL(root, process_stop, handle, 0, 0, 0, 0), SIGNET_OK);
  struct signet_quota none = quota_child;
  none.handles = 0;
  uint32_t third = create_child(root, image_handle, 1, &none);
  CHECK_STATUS(CALL(root, process_grant, third, 0, lent, 0, 0), SIGNET_QUOTA);
  CHECK_STATUS(request(root, lent), SIGNET_OK);
  teardown(&before);
}

/* Objects as large as a lent device until none is left that needs no new page. */
static void *fill(void) {
  void **last = NULL;
  for (;;) {
    port_lock();
    sim_fail_at(1);
    void **more = allocate(sizeof(struct device));
    sim_fail_at(0);
    port_unlock();
    if (!more)
      return last;
    *more = last;
    last = more;
  }
}

static void empty(void **last) {
  port_lock();
  for (void **next; last; last = next) {
    next = *last;
    release(last, sizeof(struct device));
  }
  port_unlock();
}

/* Each place where lending asks for memory. */
static void out_of_memory(void) {
  struct alive before;
  unsigned failures = 0;
  setup(&before);
  uint32_t image_handle = load_image(root);
  for (unsigned n = 1;; n++) {
    uint32_t handle = create_child(root, image_handle, 1, &quota_child);
    void *filled = fill();
    sim_fail_at(n);
    struct signet_result granted = CALL(root, process_grant, handle, 0, lent, 0, 0);
    bool failed = sim_failed();
    sim_fail_at(0);
    empty(filled);
    CHECK_STATUS(granted, failed ? SIGNET_MEMORY : SIGNET_OK);
    CHECK_INVARIANTS();
    CHECK_STATUS(request(root, lent), failed ? SIGNET_OK : SIGNET_STATE);
    CHECK_STATUS(CALL(root, handle_close, handle, 0, 0, 0, 0), SIGNET_OK);
    CHECK(device.resets == !failed);
    failures += failed;
    if (!failed || !test_good)
      break;
  }
  CHECK(failures);
  teardown(&before);
}

int main(void) {
  support_initialise();
  TEST(lent_and_back);
  TEST(killed_and_lent_again);
  TEST(waiting_when_lent);
  TEST(lent_on);
  TEST(the_lender_lets_go_first);
  TEST(while_it_is_asked);
  TEST(nonsense);
  TEST(out_of_memory);
  return test_finish();
}
