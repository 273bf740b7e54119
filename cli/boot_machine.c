/* Owns a running machine: carries bytes between its serial line and the standard streams, passes signals on, keeps the
 * deadline, and says how it ended. Never waits for anything but in one poll. One thread. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/boot.h"

#define TAIL 8192 /* bytes of the line that are kept for messages */
#define TAIL_LINES 20
#define WRITE_MOST 4096 /* what a pipe takes at once when poll says that it takes some */
#define PATIENCE 5.0    /* seconds that QEMU has to end by itself */
/* QEMU that records does not ask how much the serial line's 16 bytes of buffer can still take, and may be late: bytes
 * are sent so slowly that none is lost. */
#define RECORDED_MOST 1
#define RECORDED_PAUSE 0.005
#define AGAIN 1.0 /* seconds: a signal that comes twice within is for us */

struct relay {
  const struct boot_machine *machine;
  struct boot_process process;
  struct boot_output output;
  struct boot_input input;
  uint32_t run, run_done, byte_done; /* how much of `output` has been written */
  FILE *log;
  char tail[TAIL];
  size_t tail_length;
  struct termios before; /* of the terminal */
  bool raw, input_open, line_open, text_open, running;
  int status;  /* QEMU's, once it is not running */
  int signals; /* a signalfd */
  int last_signal;
  double last_signal_time, last_send, start;
  int died_of; /* a signal that ends this process; 0: none */
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- The terminal ---- */

static void terminal_raw(struct relay *relay) {
  struct termios raw;
  if (!relay->machine->terminal || tcgetattr(0, &relay->before) != 0)
    return;
  raw = relay->before;
  cfmakeraw(&raw);
  relay->raw = tcsetattr(0, TCSANOW, &raw) == 0;
}

static void terminal_back(struct relay *relay) {
  if (relay->raw)
    tcsetattr(0, TCSANOW, &relay->before);
  relay->raw = false;
}

/* ---- From the machine ---- */

static void remember(struct relay *relay, const uint8_t *bytes, size_t length) {
  if (relay->log) {
    fwrite(bytes, length, 1, relay->log);
    fflush(relay->log);
  }
  size_t keep = relay->tail_length;
  if (keep + length > TAIL)
    keep = TAIL - length;
  memmove(relay->tail, relay->tail + relay->tail_length - keep, keep);
  memcpy(relay->tail + keep, bytes, length);
  relay->tail_length = keep + length;
}

static bool pending(const struct relay *relay) { return relay->run < relay->output.run_count; }

static int pending_stream(const struct relay *relay) {
  return relay->output.runs[relay->run].stream == BOOT_STREAM_OUTPUT || relay->machine->terminal ? 1 : 2;
}

static void read_line(struct relay *relay) {
  uint8_t bytes[BOOT_CHUNK];
  ssize_t got = recv(relay->process.serial, bytes, sizeof bytes, 0);
  if (got > 0) {
    remember(relay, bytes, (size_t)got);
    boot_output_take(&relay->output, bytes, (uint32_t)got);
    relay->run = relay->run_done = relay->byte_done = 0;
  } else if (got == 0 || errno != EAGAIN) {
    relay->line_open = false;
  }
}

static void write_pending(struct relay *relay) {
  const struct boot_run *run = &relay->output.runs[relay->run];
  uint32_t length = run->length - relay->run_done;
  ssize_t done =
      write(pending_stream(relay), relay->output.bytes + relay->byte_done, length < WRITE_MOST ? length : WRITE_MOST);
  if (done < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  /* Nobody listens (a closed stream, a full disk): the rest of this is lost, as on a line that is cut. */
  if (done < 0)
    done = length;
  relay->byte_done += (uint32_t)done;
  relay->run_done += (uint32_t)done;
  if (relay->run_done == run->length) {
    relay->run++;
    relay->run_done = 0;
  }
}

/* What QEMU has to say is for people. */
static void read_text(struct relay *relay) {
  char bytes[1024];
  ssize_t got = read(relay->process.text, bytes, sizeof bytes);
  if (got == 0 || (got < 0 && errno != EAGAIN))
    relay->text_open = false;
  for (ssize_t i = 0; i < got; i++) {
    if (bytes[i] == '\n' && relay->raw)
      fputc('\r', stderr);
    fputc(bytes[i], stderr);
  }
}

/* ---- To the machine ---- */

static void read_input(struct relay *relay) {
  uint8_t bytes[BOOT_CHUNK];
  ssize_t got = read(0, bytes, sizeof bytes);
  if (got > 0) {
    boot_input_take(&relay->input, bytes, (uint32_t)got);
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    relay->input_open = false;
    if (relay->machine->terminal)
      relay->input.quit = true; /* it was closed */
    else
      boot_input_end(&relay->input);
  }
}

static void write_line(struct relay *relay) {
  uint32_t length = relay->input.length;
  if (relay->machine->record && length > RECORDED_MOST)
    length = RECORDED_MOST;
  ssize_t done = send(relay->process.serial, relay->input.bytes, length, MSG_NOSIGNAL);
  relay->last_send = now();
  if (done < 0 && errno == EAGAIN)
    return;
  if (done < 0)
    done = length; /* the machine is gone */
  relay->input.length -= (uint32_t)done;
  memmove(relay->input.bytes, relay->input.bytes + done, relay->input.length);
}

static bool may_send(const struct relay *relay) { return relay->output.ready && !relay->machine->replay; }

/* Seconds until more may be sent. */
static double send_pause(const struct relay *relay) {
  double passed = now() - relay->last_send;
  return relay->machine->record && passed < RECORDED_PAUSE ? RECORDED_PAUSE - passed : 0;
}

/* The program in the machine is told, where the line can carry it; a signal that comes again soon is meant for us. */
static void take_signal(struct relay *relay, int number) {
  if (number == SIGCHLD) {
    relay->running = waitpid(relay->process.pid, &relay->status, WNOHANG) != relay->process.pid;
    return;
  }
  double time = now();
  bool again = number == relay->last_signal && time - relay->last_signal_time < AGAIN;
  relay->last_signal = number;
  relay->last_signal_time = time;
  if (!relay->machine->terminal && may_send(relay) && relay->running && !again &&
      relay->input.length + 2 <= sizeof relay->input.bytes)
    boot_input_event(&relay->input, (uint32_t)number);
  else if (number != SIGWINCH)
    relay->died_of = number;
}

/* ---- The loop ---- */

enum watched { SIGNALS, INPUT, LINE, TEXT, STREAM, WATCHED };

/* True: something happened. False: the deadline has passed. */
static bool step(struct relay *relay) {
  bool input_wanted = relay->input_open && relay->running && relay->input.length == 0 && may_send(relay);
  bool output_waits = pending(relay), input_waits = relay->input.length && may_send(relay);
  double pause = input_waits ? send_pause(relay) : 0;
  short line = (short)((output_waits ? 0 : POLLIN) | (input_waits && pause == 0 ? POLLOUT : 0));
  struct pollfd polled[WATCHED] = {
      [SIGNALS] = {relay->signals, POLLIN, 0},
      [INPUT] = {input_wanted ? 0 : -1, POLLIN, 0},
      [LINE] = {relay->line_open && line ? relay->process.serial : -1, line, 0},
      [TEXT] = {relay->text_open ? relay->process.text : -1, POLLIN, 0},
      [STREAM] = {output_waits ? pending_stream(relay) : -1, POLLOUT, 0},
  };
  int patience = -1;
  if (relay->machine->deadline > 0) {
    double left = relay->start + relay->machine->deadline - now();
    if (left <= 0)
      return false;
    patience = (int)(left * 1000) + 1;
  }
  if (pause > 0)
    patience = (int)(pause * 1000) + 1;
  if (poll(polled, WATCHED, patience) < 0)
    return true;
  if (polled[SIGNALS].revents) {
    struct signalfd_siginfo information;
    if (read(relay->signals, &information, sizeof information) == sizeof information)
      take_signal(relay, (int)information.ssi_signo);
  }
  if (polled[STREAM].revents)
    write_pending(relay);
  if (polled[LINE].revents & POLLOUT)
    write_line(relay);
  if (polled[LINE].revents & (POLLIN | POLLHUP | POLLERR) && !output_waits)
    read_line(relay);
  if (polled[TEXT].revents)
    read_text(relay);
  if (polled[INPUT].revents)
    read_input(relay);
  return true;
}

static bool going_on(const struct relay *relay) {
  if (relay->died_of || relay->input.quit)
    return false;
  return relay->running || relay->line_open || relay->text_open || pending(relay);
}

/* A recording is whole only if QEMU ends by itself. */
static void end_recording(struct relay *relay) {
  const struct timespec pause = {0, 10000000};
  double start = now();
  kill(relay->process.pid, SIGTERM);
  while ((relay->running = waitpid(relay->process.pid, &relay->status, WNOHANG) == 0) && now() - start < PATIENCE)
    nanosleep(&pause, NULL);
}

static void stop_machine(struct relay *relay) {
  if (relay->running && relay->machine->record)
    end_recording(relay);
  if (relay->running)
    kill(relay->process.pid, SIGKILL);
  while (relay->running && waitpid(relay->process.pid, &relay->status, 0) < 0 && errno == EINTR)
    ;
  relay->running = false;
  /* What it sent before that is part of its log. */
  uint8_t bytes[BOOT_CHUNK];
  for (ssize_t got; relay->line_open && (got = recv(relay->process.serial, bytes, sizeof bytes, 0)) > 0;)
    remember(relay, bytes, (size_t)got);
}

static void catch_signals(struct relay *relay) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action;
    /* What the parent had ignored (nohup) stays ignored. */
    if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
      sigaddset(&set, numbers[i]);
  }
  sigprocmask(SIG_BLOCK, &set, NULL);
  relay->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- The end ---- */

/* The last lines that the machine sent, what is not text left out. */
static void show_tail(const struct relay *relay) {
  size_t from = relay->tail_length;
  for (unsigned lines = 0; from > 0; from--)
    if (relay->tail[from - 1] == '\n' && from != relay->tail_length && ++lines == TAIL_LINES)
      break;
  if (from == relay->tail_length)
    fputs("  (nothing)\n", stderr);
  else
    fputs("  | ", stderr);
  for (size_t i = from; i < relay->tail_length; i++) {
    unsigned char byte = (unsigned char)relay->tail[i];
    if (byte == '\n')
      fputs(i + 1 < relay->tail_length ? "\n  | " : "", stderr);
    else if (byte >= ' ' || byte == '\t')
      fputc(byte, stderr);
  }
  fputc('\n', stderr);
}

/* How many rows the machine's system left. */
static uint32_t read_endings(const struct relay *relay, struct signet_system_ending *endings, uint32_t most) {
  ssize_t got = pread(relay->process.ending, endings, most * sizeof *endings, 0);
  uint32_t count = got < 0 ? 0 : (uint32_t)((size_t)got / sizeof *endings);
  bool good = count && endings[0].ending.kind >= SIGNET_ENDED_EXIT && endings[0].ending.kind <= SIGNET_ENDED_STOPPED;
  return good ? count : 0;
}

static int told_nothing(const struct relay *relay) {
  if (WIFSIGNALED(relay->status))
    cli_error("the machine ended before its program did: QEMU was ended by signal %d", WTERMSIG(relay->status));
  else
    cli_error("the machine ended before its program did (QEMU's exit status %d)", WEXITSTATUS(relay->status));
  /* What the kernel says while no driver runs has been shown already. */
  if (relay->tail_length && !relay->machine->terminal && relay->output.stream != BOOT_STREAM_KERNEL) {
    cli_error("the last that it said on its serial line:");
    show_tail(relay);
  }
  return CLI_MACHINE;
}

static int die_of(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  signal(number, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  raise(number);
  return 128 + number;
}

int boot_machine_run(const struct boot_machine *machine, int file, struct signet_system_ending *endings, uint32_t most,
                     uint32_t *count) {
  struct relay *relay = calloc(1, sizeof *relay);
  int status = -1;
  if (!relay)
    abort();
  *relay = (struct relay){.machine = machine,
                          .output.terminal = machine->terminal,
                          .input.terminal = machine->terminal,
                          .input_open = true,
                          .line_open = true,
                          .text_open = true,
                          .running = true,
                          .start = now()};
  if (machine->log && !(relay->log = fopen(machine->log, "wb"))) {
    cli_error("--log %s: %s", machine->log, strerror(errno));
    free(relay);
    return CLI_FAILED;
  }
  catch_signals(relay);
  if (!boot_qemu_start(machine, file, &relay->process)) {
    status = CLI_FAILED;
    goto done;
  }
  terminal_raw(relay);
  bool in_time = true;
  while (going_on(relay) && (in_time = step(relay)))
    ;
  terminal_back(relay);
  stop_machine(relay);
  *count = read_endings(relay, endings, most);
  if (relay->died_of) {
    status = die_of(relay->died_of);
  } else if (relay->input.quit) {
    cli_error("the machine was stopped");
    status = CLI_MACHINE;
  } else if (!in_time) {
    cli_error("the machine did not end within %g seconds and was stopped; the last that it said on its serial line:",
              machine->deadline);
    show_tail(relay);
    status = CLI_DEADLINE;
  } else if (!*count) {
    status = told_nothing(relay);
  }
done:
  if (relay->log)
    fclose(relay->log);
  free(relay);
  return status;
}
