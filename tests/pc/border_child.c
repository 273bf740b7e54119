/* What comes across the border between a process and the kernel, looked at from inside: one act, chosen by the start-up
 * bytes; border.c starts it and says what its exit status means. Without a C library. */
#include <stdbool.h>
#include <stddef.h>

#include <signet/calls.h>

#include "tests/pc/border.h"

#define MXCSR_CONTROL 0xffc0u
#define MXCSR_DEFAULT 0x1f80u
#define X87_DEFAULT 0x37f
#define X87_SIGN 0x200 /* what fxam says */

typedef void cross(const uint64_t in[8], struct border_state *out, const uint64_t vectors[16][4]);
cross cross_abi_version, cross_thread_yield, cross_word_wait, cross_word_wake, cross_clock_read, cross_random_fill,
    cross_channel_send, cross_channel_receive, cross_channel_call, cross_handle_close, hold;
void fresh(void *argument);
_Noreturn void fresh_main(void *argument, const struct border_state *state);
void x87_fill(const void *number);
void x87_leave(const void *number);
void x87_look(uint16_t status[8], uint8_t numbers[8][16]);
void x87_upset(const uint16_t *control);
void return_now(uint64_t address);
void return_wait(uint64_t address, const void *word, uint32_t expected, uint64_t deadline);
extern const uint8_t landing[];

static const struct border *border;
static uint32_t endpoint;
static bool alone = true;       /* no code of this process has ever run but one thread's */
static volatile uint32_t never; /* a word that nobody wakes */

static const uint8_t one[10] = {0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f};
static const uint8_t zero[10];
static const uint8_t indefinite[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff}; /* what an empty register gives */

static _Noreturn void found(uint32_t what) { signet_process_exit(SIGNET_ENDED_EXIT, what); }

static void insist(bool good, uint32_t otherwise) {
  if (!good)
    found(otherwise);
}

static bool same(const void *left, const void *right, size_t length) {
  const uint8_t *a = left, *b = right;
  for (size_t i = 0; i < length; i++)
    if (a[i] != b[i])
      return false;
  return true;
}

static uint32_t mxcsr(void) {
  uint32_t value;
  __asm__ volatile("stmxcsr %0" : "=m"(value));
  return value;
}

static uint16_t x87_control(void) {
  uint16_t value;
  __asm__ volatile("fnstcw %0" : "=m"(value));
  return value;
}

static uint64_t thread_pointer(void) {
  uint64_t value;
  __asm__ volatile("movq 0x11000(%%r14), %0" : "=r"(value));
  return value;
}

static void set_thread_pointer(uint64_t value) {
  __asm__ volatile("movq %0, 0x11000(%%r14)" : : "r"(value) : "memory");
}

static uint64_t now(void) { return signet_clock_read(SIGNET_CLOCK_MONOTONIC).value; }

static void fill(uint64_t vectors[16][4], uint64_t pattern) {
  for (unsigned i = 0; i < 64; i++)
    vectors[i / 4][i % 4] = pattern * (i + 1) | 1;
}

/* ---- Looking at a crossing ---- */

struct crossing {
  uint64_t in[8];
  uint64_t vectors[16][4];
  struct border_state out;
  uint32_t mxcsr;
  uint16_t control;
};

static void prepare(struct crossing *crossing, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4) {
  uint64_t pattern = UINT64_C(0x0102030405060708) * (border->rounds % 13 + 3);
  const uint64_t in[8] = {a0, a1, a2, a3, a4, pattern ^ 0x55, pattern ^ UINT64_C(0xaa00aa00aa), 1};
  for (unsigned i = 0; i < 8; i++)
    crossing->in[i] = in[i];
  fill(crossing->vectors, pattern);
  crossing->mxcsr = mxcsr();
  crossing->control = x87_control();
}

static void check_kept(const struct crossing *crossing, uint32_t otherwise) {
  const struct border_state *out = &crossing->out;
  uint64_t kept = crossing->in[5];
  insist(out->rbx == kept && out->rbp == kept + 1 && out->r12 == kept + 2 && out->r13 == kept + 3 &&
             out->r15 == kept + 4,
         otherwise);
  insist(out->rsp >> 32 == out->r14 >> 32 && (uint32_t)out->r14 == 0 && out->r14, 15);
  insist(out->forward == 1, 9);
}

/* After a kernel call. Not alone: the vector registers may be another thread's of this process, or its handler's. */
static void check(const struct crossing *crossing) {
  const struct border_state *out = &crossing->out;
  check_kept(crossing, 2);
  insist(!(out->rcx | out->rsi | out->rdi | out->r8 | out->r9 | out->r10 | out->r11), 1);
  for (unsigned i = 0; i < 64 && alone; i++)
    insist(!out->vector[i / 4][i % 4] || out->vector[i / 4][i % 4] == crossing->vectors[i / 4][i % 4], 3);
  insist(out->mxcsr == crossing->mxcsr, 4);
  insist(out->x87_control == crossing->control, 5);
}

static struct signet_result go(cross *call, struct crossing *crossing) {
  call(crossing->in, &crossing->out, (const uint64_t(*)[4])crossing->vectors);
  check(crossing);
  return (struct signet_result){(int64_t)crossing->out.rax, crossing->out.rdx};
}

static void expect(struct signet_result result, int64_t status) { insist(result.status == status, 10); }

/* ---- Calls that return at once ---- */

static void calls(void) {
  static struct crossing crossing;
  static uint8_t bytes[64];
  for (uint32_t round = 0; round < border->rounds; round++) {
    prepare(&crossing, 1, 2, 3, 4, 5);
    struct signet_result version = go(cross_abi_version, &crossing);
    insist(version.status == SIGNET_OK && version.value == SIGNET_ABI_VERSION, 10);
    prepare(&crossing, SIGNET_CLOCK_MONOTONIC, 2, 3, 4, 5);
    expect(go(cross_clock_read, &crossing), SIGNET_OK);
    prepare(&crossing, SIGNET_CLOCK_THREAD, 2, 3, 4, 5);
    expect(go(cross_clock_read, &crossing), SIGNET_OK);
    prepare(&crossing, 12345678, 2, 3, 4, 5);
    expect(go(cross_handle_close, &crossing), SIGNET_HANDLE);
    prepare(&crossing, (uint64_t)&never, 1, 3, 4, 5);
    expect(go(cross_word_wake, &crossing), SIGNET_OK);
    prepare(&crossing, (uint64_t)&never, 1, SIGNET_NEVER, 4, 5);
    expect(go(cross_word_wait, &crossing), SIGNET_AGAIN);
    prepare(&crossing, (uint64_t)bytes, sizeof bytes, 3, 4, 5);
    expect(go(cross_random_fill, &crossing), SIGNET_OK);
    prepare(&crossing, 1, 2, 3, 4, 5);
    expect(go(cross_thread_yield, &crossing), SIGNET_OK);
  }
}

/* ---- Threads ---- */

static uint8_t stacks[3][8192] __attribute__((aligned(16)));
static void (*next_main)(void *argument); /* what the thread that starts next does */

static void check_fresh(const struct border_state *state) {
  uint64_t others = state->rax | state->rbx | state->rcx | state->rdx | state->rsi | state->rbp | state->r8 |
                    state->r9 | state->r10 | state->r11 | state->r12 | state->r13 | state->r15;
  for (unsigned i = 0; i < 64 && alone; i++)
    others |= state->vector[i / 4][i % 4];
  insist(!others, 12);
  insist(state->mxcsr == MXCSR_DEFAULT && state->x87_control == X87_DEFAULT && !state->x87_status, 13);
  insist(state->forward == 1, 9);
}

static uint32_t start_thread(unsigned number, void (*run)(void *), void *argument, uint64_t pointer) {
  next_main = run;
  alone = false;
  struct signet_result made =
      signet_thread_create(fresh, stacks[number] + sizeof stacks[number], argument, (void *)pointer);
  insist(made.status == SIGNET_OK, 17);
  while (*(void (*volatile *)(void *)) & next_main) /* it has taken it */
    signet_thread_yield();
  return (uint32_t)made.value;
}

static volatile uint32_t turn, stop_waker; /* a word that the waker counts up, and wakes whoever waits for it */

static void waker(void *argument) {
  (void)argument;
  while (!stop_waker) {
    turn = turn + 1;
    signet_word_wake(&turn, 8);
    signet_thread_yield();
  }
  signet_thread_exit(NULL);
}

/* ---- Calls that wait ---- */

static void waits(void) {
  static struct crossing crossing;
  for (uint32_t round = 0; round < border->rounds; round++) {
    prepare(&crossing, (uint64_t)&never, 0, now() + 20000, 4, 5);
    expect(go(cross_word_wait, &crossing), SIGNET_TIMEOUT);
  }
  signet_floating_point_control(0x3f80, 0x77f);
  start_thread(0, waker, NULL, 0);
  for (uint32_t round = 0; round < border->rounds; round++) {
    prepare(&crossing, 1, 2, 3, 4, 5);
    expect(go(cross_thread_yield, &crossing), SIGNET_OK);
    prepare(&crossing, (uint64_t)&turn, turn, SIGNET_NEVER, 4, 5);
    struct signet_result woken = go(cross_word_wait, &crossing);
    insist(woken.status == SIGNET_OK || woken.status == SIGNET_AGAIN, 10);
  }
  insist(mxcsr() == 0x3f80 && x87_control() == 0x77f, 4);
  stop_waker = 1;
}

/* ---- Another process's registers ---- */

struct note {
  struct signet_message message;
  uint8_t data[16];
};

/* Everything that the kernel lets it set says who it is. It waits with it, and is pre-empted with it. */
static void serve(void) {
  static struct crossing crossing;
  static struct note note;
  static uint8_t secret[10];
  bool quiet = border->value & 1; /* control and status are as they were: what the kernel need not change */
  for (uint32_t round = 0;; round++) {
    uint64_t pattern = border->value + round;
    for (unsigned i = 0; i < 8; i++)
      secret[i] = (uint8_t)(pattern >> 8 * i) | 0x80;
    secret[8] = 0x12;
    secret[9] = (uint8_t)(round & 1 ? 0xbf : 0x3f); /* positive and negative in turn */
    if (!quiet)
      signet_floating_point_control(round & 2 ? 0x7f80 : 0x1f80, round & 4 ? 0xf7f : 0x37f);
    prepare(&crossing, (uint64_t)&endpoint, 1, (uint64_t)&note, sizeof note, SIGNET_NEVER);
    fill(crossing.vectors, pattern);
    crossing.in[5] = crossing.in[6] = pattern;
    /* Exceptions of both kinds, and a status word of which every bit says something. */
    volatile double nothing = 0, third = 3;
    if (!quiet)
      nothing = 1 / nothing / third;
    if (round % 3 == 0)
      x87_leave(secret);
    else
      x87_fill(secret);
    if (round % 3 == 1 && !quiet)
      __asm__ volatile("fincstp; fxam; fdecstp; fxam");
    if (border->rounds) { /* is pre-empted with it; a message waits meanwhile */
      crossing.in[7] = border->rounds;
      hold(crossing.in, &crossing.out, (const uint64_t(*)[4])crossing.vectors);
    }
    cross_channel_receive(crossing.in, &crossing.out, (const uint64_t(*)[4])crossing.vectors);
    if (crossing.out.rax != SIGNET_OK)
      return;
    note.message = (struct signet_message){.tag = 1};
    signet_channel_send(endpoint, &note.message);
  }
}

static bool one_of(const uint8_t *number) {
  return same(number, one, 10) || same(number, zero, 10) || same(number, indefinite, 10);
}

static void check_x87(bool positive) {
  uint16_t status[8];
  uint8_t numbers[8][16];
  uint16_t word;
  __asm__ volatile("fnstsw %0" : "=m"(word));
  insist(!word, 6);
  x87_look(status, numbers);
  for (unsigned i = 0; i < 8; i++) {
    insist(!positive || !(status[i] & X87_SIGN), 7);
    insist(one_of(numbers[i]), 8);
  }
}

/* Its own x87 registers hold ones, marked empty, as after any computation of its own. */
static void ask(cross *call, struct crossing *crossing) {
  x87_leave(one);
  signet_abi_version();
  struct signet_result answer = go(call, crossing);
  insist(answer.status == SIGNET_OK || answer.status == SIGNET_TIMEOUT, 18);
  insist(!crossing->out.x87_status, 6);
  check_x87(true);
}

static void read_others(void) {
  static struct crossing crossing;
  static struct note note, reply;
  note.message = (struct signet_message){.tag = 0};
  for (uint32_t round = 0; round < border->rounds; round++) {
    if (round % 16 == 8)
      signet_floating_point_control(0x1f80 | (round & 0x30) << 9, X87_DEFAULT | (round & 0x30) << 6);
    if (round % 2) {
      prepare(&crossing, endpoint, (uint64_t)&note, (uint64_t)&reply, sizeof reply, SIGNET_NEVER);
      ask(cross_channel_call, &crossing);
      insist(reply.message.tag == 1, 10);
    } else {
      prepare(&crossing, endpoint, (uint64_t)&note, 3, 4, 5);
      insist(go(cross_channel_send, &crossing).status == SIGNET_OK, 18);
      prepare(&crossing, 1, 2, 3, 4, 5);
      ask(cross_thread_yield, &crossing);
      if (round % 4) {
        prepare(&crossing, (uint64_t)&never, 0, now() + 50000, 4, 5);
        ask(cross_word_wait, &crossing);
      }
      prepare(&crossing, (uint64_t)&endpoint, 1, (uint64_t)&reply, sizeof reply, SIGNET_NEVER);
      ask(cross_channel_receive, &crossing);
    }
    reply.message.tag = 0;
  }
}

/* ---- What belongs to one thread ---- */

static volatile uint32_t last, changes, want, finished; /* which thread ran last, and how often that changed */

/* Nobody else's thread pointer or floating point control is ever there, whether it calls or not. */
static void each(uint64_t number, bool calling) {
  uint64_t pointer = number << 40 | 0x1000, deadline = now() + 3000000000;
  uint32_t control = (uint32_t)(MXCSR_DEFAULT | (number & 3) << 13), turns = 0;
  uint16_t x87 = (uint16_t)(X87_DEFAULT | (number & 3) << 10);
  insist(thread_pointer() == number, 11);
  set_thread_pointer(pointer);
  expect(signet_floating_point_control(control, x87), SIGNET_OK);
  for (;;) {
    if (last != number) {
      last = (uint32_t)number;
      changes = changes + 1;
    }
    insist(thread_pointer() == pointer, 11);
    insist((mxcsr() & MXCSR_CONTROL) == control, 4);
    insist(x87_control() == x87, 5);
    if (++turns % 64 == 0)
      set_thread_pointer(++pointer);
    if (calling) {
      if (turns % 8)
        signet_thread_yield();
      else
        signet_word_wait(&never, 0, now() + 1000);
    }
    if (turns % 512 == 0 && (changes >= want || now() > deadline))
      break;
  }
  finished = finished + 1;
}

static void each_calling(void *argument) {
  each((uint64_t)argument, true);
  signet_thread_exit(NULL);
}

static void each_computing(void *argument) {
  each((uint64_t)argument, false);
  signet_thread_exit(NULL);
}

static void threads(void) {
  for (int calling = 0; calling <= 1; calling++) {
    changes = finished = last = 0;
    want = border->rounds * (calling ? 8 : 1);
    signet_floating_point_control(0x5f80, 0xb7f); /* which no fresh thread has */
    for (unsigned i = 0; i < 3; i++)
      start_thread(i, calling ? each_calling : each_computing, (void *)(uint64_t)(i + 1), i + 1);
    set_thread_pointer(4);
    each(4, calling);
    while (finished < 4)
      signet_thread_yield();
    insist(changes >= want, 16);
    set_thread_pointer(0);
    for (unsigned i = 0; i < 20; i++) /* their stacks are free */
      signet_word_wait(&never, 0, now() + 100000);
  }
}

/* ---- Events ---- */

static volatile uint32_t events;

static void on_event(uint64_t event) {
  static uint64_t in[8] = {1, 2, 3, 4, 5, 0x7777, 0x8888, 100}, vectors[16][4];
  static struct border_state out;
  insist(event == SIGNET_EVENT_INTERRUPT, 10);
  insist(thread_pointer() == 0xabcde, 11);
  events = events + 1;
  fill(vectors, 0x6666666666666666);
  x87_leave(indefinite);
  signet_floating_point_control(0x7f80, 0xf7f);
  hold(in, &out, (const uint64_t(*)[4])vectors);
  if (events % 2)
    cross_abi_version(in, &out, (const uint64_t(*)[4])vectors);
  if (events % 3 == 0)
    signet_word_wait(&never, 0, now() + 5000);
  signet_event_return();
  found(10);
}

/* Nothing has changed at all; %rax has counted down. */
static void check_held(const struct crossing *crossing) {
  const struct border_state *out = &crossing->out;
  uint64_t others = crossing->in[6];
  check_kept(crossing, 14);
  insist(out->rdi == 1 && out->rsi == 2 && out->rdx == 3 && out->rcx == 4 && out->r8 == 5 && out->r9 == others &&
             out->r10 == others + 1 && out->r11 == others + 2 && out->rax == 0,
         14);
  insist(same(out->vector, crossing->vectors, sizeof out->vector), 14);
  insist(out->mxcsr == crossing->mxcsr, 4);
  insist(out->x87_control == crossing->control, 5);
}

static void check_ones(void) {
  uint16_t status[8];
  uint8_t numbers[8][16];
  x87_look(status, numbers);
  for (unsigned i = 0; i < 8; i++)
    insist(same(numbers[i], one, 10), 14);
}

static void be_told(void) {
  static struct crossing crossing;
  uint64_t deadline = now() + UINT64_C(20000000000);
  alone = false;
  set_thread_pointer(0xabcde);
  expect(signet_floating_point_control(0x3f80, 0x77f), SIGNET_OK);
  signet_event_listen(on_event);
  for (uint32_t round = 0; events < border->rounds; round++) {
    insist(now() < deadline, 16);
    prepare(&crossing, 1, 2, 3, 4, 5);
    crossing.in[7] = border->value;
    insist((crossing.mxcsr & MXCSR_CONTROL) == 0x3f80 && crossing.control == 0x77f, 4);
    __asm__ volatile("fninit; fldcw %0" : : "m"(crossing.control));
    for (unsigned i = 0; i < 8; i++)
      __asm__ volatile("fld1");
    hold(crossing.in, &crossing.out, (const uint64_t(*)[4])crossing.vectors);
    check_held(&crossing);
    check_ones();
    __asm__ volatile("fldcw %0" : : "m"(crossing.control));
    prepare(&crossing, 1, 2, 3, 4, 5);
    expect(go(cross_abi_version, &crossing), SIGNET_OK);
    prepare(&crossing, (uint64_t)&never, 0, now() + (round % 4 ? 0 : 2000000), 4, 5);
    struct signet_result waited = go(cross_word_wait, &crossing);
    insist(waited.status == SIGNET_TIMEOUT || waited.status == SIGNET_INTERRUPTED, 10);
    insist(thread_pointer() == 0xabcde, 11);
  }
}

/* An exception that waits in the x87 strikes the process, or nobody. */
static void upset(void) {
  static struct crossing crossing;
  static const uint16_t control = 0x37b;
  x87_upset(&control);
  prepare(&crossing, 1, 2, 3, 4, 5);
  crossing.in[7] = 2000000;
  cross_abi_version(crossing.in, &crossing.out, (const uint64_t(*)[4])crossing.vectors);
  hold(crossing.in, &crossing.out, (const uint64_t(*)[4])crossing.vectors);
  signet_thread_yield();
  x87_upset(&control);
  signet_word_wait(&never, 0, now() + 100000);
  __asm__ volatile("fninit");
}

static void echo(void) {
  static struct note note;
  while (signet_channel_receive(&endpoint, 1, &note.message, sizeof note, SIGNET_NEVER).status == SIGNET_OK) {
    note.message = (struct signet_message){.tag = 1};
    signet_channel_send(endpoint, &note.message);
  }
}

/* A value whose bits 5 to 30 are clear is of the landing place: it is added. */
static uint64_t return_address(void) {
  return border->value & 0x7fffffe0 ? border->value : border->value + (uint64_t)landing;
}

static void act(void) {
  switch ((enum border_act)border->act) {
  case BORDER_CALLS:
    calls();
    break;
  case BORDER_WAITS:
    waits();
    break;
  case BORDER_READ:
    read_others();
    break;
  case BORDER_SERVE:
    serve();
    break;
  case BORDER_THREADS:
    threads();
    break;
  case BORDER_EVENTS:
    be_told();
    break;
  case BORDER_RETURN:
    return_now(return_address());
    break;
  case BORDER_RETURN_WAIT:
    return_wait(return_address(), (const void *)&never, 0, now() + 1000);
    break;
  case BORDER_UPSET:
    upset();
    break;
  case BORDER_ECHO:
    echo();
    break;
  }
}

/* The first thread's argument is the start-up block. */
_Noreturn void fresh_main(void *argument, const struct border_state *state) {
  check_fresh(state);
  if (border) {
    void (*run)(void *) = next_main;
    next_main = NULL;
    run(argument);
    found(10);
  }
  const struct signet_startup *startup = argument;
  check_x87(true);
  endpoint = startup->handles[0];
  border = (const struct border *)(uint64_t)startup->bytes_offset;
  act();
  found(BORDER_GOOD);
}
