/* `signet top`: a running system, live. Plain control sequences that every terminal has, so that nothing of a screen
 * library is in the program that hosts the kernel. One thread; signals only set a flag. */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/system.h"

#define COLUMNS_LEAST 20
#define ROWS_LEAST 4

static const char help[] =
    "usage: signet top [OPTION…] [SYSTEM]\n"
    "\n"
    "Shows a running system live: its processes and its channels, those with the most traffic first. SYSTEM is its "
    "name; the only one that\n"
    "runs needs none. Where there is no terminal it prints what it would show, again and "
    "again.\n"
    "\n"
    "  --interval SECONDS  between two looks (default 1)\n"
    "  -n, --count N       end after that many\n"
    "  --socket PATH       of the system at that socket\n"
    "  --sort COLUMN       cpu (default), memory, messages, number or name\n"
    "\n"
    "Keys: q quit; c m s p n sort by cpu, memory, messages sent, number (of the process), name; space look now.\n";

static const struct {
  const char *name;
  char key;
  enum system_order order;
} orders[] = {{"cpu", 'c', ORDER_CPU},
              {"memory", 'm', ORDER_MEMORY},
              {"messages", 's', ORDER_MESSAGES},
              {"number", 'p', ORDER_NUMBER},
              {"name", 'n', ORDER_NAME}};
#define ORDER_COUNT (sizeof orders / sizeof *orders)

static struct {
  double interval;
  uint64_t count;
  enum system_order order;
  const char *system;
} options = {.interval = 1, .order = ORDER_CPU};

static bool parse_order(const char *name) {
  for (size_t i = 0; i < ORDER_COUNT; i++)
    if (strcmp(orders[i].name, name) == 0) {
      options.order = orders[i].order;
      return true;
    }
  cli_error("--sort %s: want cpu, memory, messages, number or name", name);
  return false;
}

static int parse(int count, char **arguments) {
  static const struct option table[] = {
      {"interval", required_argument, NULL, 'i'}, {"count", required_argument, NULL, 'n'},
      {"sort", required_argument, NULL, 's'},     {"socket", required_argument, NULL, 'S'},
      {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
  };
  for (int option; (option = getopt_long(count, arguments, "n:h", table, NULL)) != -1;) {
    switch (option) {
    case 'i':
      if (!cli_parse_seconds("--interval", optarg, &options.interval))
        return CLI_USAGE;
      if (options.interval < 0.05)
        options.interval = 0.05;
      break;
    case 'n':
      if (!cli_parse_number("--count", optarg, 1, UINT64_MAX, &options.count))
        return CLI_USAGE;
      break;
    case 's':
      if (!parse_order(optarg))
        return CLI_USAGE;
      break;
    case 'S':
      options.system = control_socket_path(optarg);
      break;
    default:
      return cli_help(option, "top", help);
    }
  }
  return control_system_named("top", count, arguments, &options.system) ? 0 : CLI_USAGE;
}

/* ---- The terminal ---- */

static struct {
  bool is;
  struct termios before;
  uint32_t columns, rows; /* 0: no limit */
} terminal;
static volatile sig_atomic_t signalled;

static void on_signal(int number) { signalled = number; }

static void put_text(const char *text) {
  fputs(text, stdout);
  fflush(stdout);
}

static void measure(void) {
  struct winsize size = {0};
  if (!terminal.is)
    return;
  bool known = ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
  terminal.columns = known ? size.ws_col : 80;
  terminal.rows = known ? size.ws_row : 24;
}

/* Another screen than the shell's, no cursor, keys at once and unseen. */
static void enter(void) {
  struct termios mode = terminal.before;
  mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  mode.c_cc[VMIN] = 0;
  mode.c_cc[VTIME] = 0;
  tcsetattr(0, TCSANOW, &mode);
  put_text("\033[?1049h\033[?25l\033[2J");
}

static void leave(void) {
  put_text("\033[?25h\033[?1049l");
  tcsetattr(0, TCSANOW, &terminal.before);
}

static void begin(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT};
  terminal.is = isatty(0) && isatty(1) && tcgetattr(0, &terminal.before) == 0;
  measure();
  if (!terminal.is)
    return;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(numbers[i], &action, NULL);
  }
  enter();
}

/* ^Z: the shell gets its terminal as it was, and `fg` this one. */
static void suspend(void) {
  leave();
  raise(SIGSTOP);
  enter();
}

/* ---- A look ---- */

struct frame {
  FILE *to;
  uint32_t row, rows_most; /* 0: no limit */
};

static void put_line(void *context, const char *text, bool title) {
  struct frame *frame = context;
  if (!terminal.is) {
    fprintf(frame->to, "%s\n", text);
    return;
  }
  if (frame->row == frame->rows_most)
    return;
  if (title)
    fprintf(frame->to, "\033[%u;1H\033[7m%-*s\033[0m\033[K", ++frame->row, (int)terminal.columns, text);
  else
    fprintf(frame->to, "\033[%u;1H%s\033[K", ++frame->row, text);
}

static void put_formatted(struct frame *frame, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_formatted(struct frame *frame, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (terminal.columns && strlen(text) > terminal.columns)
    text[terminal.columns] = 0;
  put_line(frame, text, false);
}

static void put_summary(struct frame *frame, const struct system_snapshot *snapshot) {
  char up[FIGURE_MOST], messages[FIGURE_MOST], calls[FIGURE_MOST], switches[FIGURE_MOST], memory[FIGURE_MOST];
  uint64_t used = 0;
  for (size_t i = 0; i < snapshot->process_count; i++)
    used += snapshot->processes[i].memory;
  put_formatted(frame, "%s  up %s  %llu processes  %llu channels  %u restarts", snapshot->name,
                figure_time(snapshot->time - snapshot->system.started, up),
                (unsigned long long)snapshot->statistics.processes, (unsigned long long)snapshot->statistics.channels,
                snapshot->restarts);
  put_formatted(frame, "cpu %.1f%%  memory %s  messages/s %s  calls/s %s  switches/s %s", snapshot->cpu,
                figure_bytes(used, memory), figure_count(snapshot->messages, messages),
                figure_count(snapshot->calls, calls), figure_count(snapshot->switches, switches));
  put_formatted(frame, "%s", "");
}

/* Of what is left of the screen the processes have at most half, where the channels need the rest. */
static uint32_t rows_for_processes(const struct frame *frame, size_t processes, size_t channels) {
  if (!terminal.is)
    return UINT32_MAX;
  uint32_t left = frame->rows_most > frame->row + 3 ? frame->rows_most - frame->row - 3 : 0;
  if (processes + channels <= left)
    return (uint32_t)processes;
  uint32_t half = left - left / 2;
  return channels < left / 2 ? left - (uint32_t)channels : half;
}

static bool show(const struct system_snapshot *snapshot) {
  struct table processes, channels;
  struct frame frame = {.to = stdout, .rows_most = terminal.rows ? terminal.rows - 1 : 0};
  if (terminal.is && (terminal.columns < COLUMNS_LEAST || terminal.rows < ROWS_LEAST)) {
    printf("\033[2J\033[1;1H%.*s", (int)terminal.columns, "too small");
    fflush(stdout);
    return true;
  }
  bool good = system_table_processes(snapshot, options.order, &processes);
  good = system_table_channels(snapshot, ORDER_MESSAGES, &channels) && good;
  if (good) {
    put_summary(&frame, snapshot);
    table_print(&processes, terminal.columns, rows_for_processes(&frame, processes.rows, channels.rows), put_line,
                &frame);
    put_formatted(&frame, "%s", "");
    table_print(&channels, terminal.columns, SIZE_MAX, put_line, &frame);
    if (terminal.is)
      fprintf(frame.to, "\033[J\033[%u;1H%.*s\033[K", terminal.rows, (int)terminal.columns,
              "q quit  sort: c cpu  m memory  s sent  p number  n name");
    else
      put_formatted(&frame, "%s", "");
  }
  fflush(stdout);
  table_release(&processes);
  table_release(&channels);
  return good && !ferror(stdout);
}

/* ---- Keys and time ---- */

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

enum step { STEP_LOOK, STEP_SHOW, STEP_END };

static enum step key(char pressed) {
  if (pressed == 'q' || pressed == 'Q')
    return STEP_END;
  for (size_t i = 0; i < ORDER_COUNT; i++)
    if (orders[i].key == pressed)
      options.order = orders[i].order;
  return pressed == ' ' ? STEP_LOOK : STEP_SHOW;
}

/* What to do next, when it is time or somebody wants something. */
static enum step wait_until(uint64_t deadline) {
  for (;;) {
    uint64_t time = now();
    int patience = time < deadline ? (int)((deadline - time) / 1000000 + 1) : 0;
    struct pollfd polled = {.fd = terminal.is ? 0 : -1, .events = POLLIN};
    int ready = poll(&polled, 1, patience);
    int number = signalled;
    signalled = 0;
    char pressed;
    if (number == SIGINT || number == SIGTERM || number == SIGHUP)
      return STEP_END;
    if (number == SIGTSTP)
      suspend();
    if (number) {
      measure();
      if (terminal.is)
        put_text("\033[2J");
      return STEP_SHOW;
    }
    if (ready > 0)
      return read(0, &pressed, 1) == 1 ? key(pressed) : STEP_END;
    if (now() >= deadline)
      return STEP_LOOK;
  }
}

/* Until enough was shown, `q`, or the system's end. */
static bool watch(struct control_client *client) {
  struct system_snapshot snapshot, before;
  uint64_t step = (uint64_t)(options.interval * 1e9), left = options.count ? options.count : UINT64_MAX;
  if (!system_snapshot_take(client, &snapshot, NULL, true))
    return false;
  bool good = true;
  enum step next = STEP_SHOW;
  uint64_t deadline = now() + step;
  if (terminal.is) /* something at once; without a terminal the first look is a whole interval */
    show(&snapshot);
  while (left && next != STEP_END) {
    next = wait_until(deadline);
    if (next == STEP_LOOK) {
      before = snapshot;
      good = system_snapshot_take(client, &snapshot, &before, true);
      if (!good) {
        snapshot = before;
        break;
      }
      system_snapshot_release(&before);
      deadline = now() + step;
      left--;
    }
    if (next != STEP_END && (next == STEP_LOOK || terminal.is) && !show(&snapshot))
      break;
  }
  system_snapshot_release(&snapshot);
  return good;
}

int cli_top(int count, char **arguments) {
  struct control_client client;
  int status = parse(count, arguments);
  if (status)
    return status < 0 ? 0 : status;
  if (!control_open(&client, options.system))
    return CLI_ABSENT;
  begin();
  bool good = watch(&client);
  if (terminal.is)
    leave();
  if (!good)
    cli_error("%s", client.problem);
  status = good ? 0 : CLI_ABSENT;
  control_close(&client);
  return status;
}
