/* `signet run`: one program as a sealed process, with a console service and a file service made from its options. One
 * thread; what the kernel reports comes on others. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <signet/image.h>

#include "cli/cli.h"
#include "contracts/files.h"
#include "port/linux/linux.h"
#include "services/services.h"

#define MOUNTS_MOST (SIGNET_SLOTS_MOST - 1)
#define ENDED_SIGNAL (SIGRTMIN + 1)

static const char help[] =
    "usage: signet run [OPTION…] IMAGE [ARG…]\n"
    "\n"
    "Runs an image as a sealed process. It has the standard streams, the directories and the environment that the "
    "options name, and\n"
    "nothing else. The exit status is the program's.\n"
    "\n"
    "  --dir HOST::GUEST[:ro]  serve the directory HOST of this machine as GUEST, optionally read-only\n"
    "  --env NAME=VALUE        set a variable; without this option the environment is empty\n"
    "  --memory N              memory it may use, in bytes or with K, M, G (default 3G)\n"
    "  --processes N           processes that it may start, alive at once (default 64)\n"
    "  --workdir PATH          working directory, as the program sees it (default /)\n"
    "  --cpus N                processors to run on (default: one for each of this machine's)\n"
    "  --trace                 at the end, name the system calls it made that are not implemented\n"
    "  --verbose               at the end, say what was sealed and how processes ended\n";

struct mount {
  char *host;
  const char *guest;
  bool read_only;
};

struct program {
  const char *path;
  void *bytes;
  size_t length;
  struct kernel_image *image;
  struct kernel_process *process;
  const char *name;
};

enum role { PROGRAM, CONSOLE, FILES, ROLES };

static struct {
  struct mount mount[MOUNTS_MOST];
  uint32_t mounts;
  struct cli_program program;
  uint64_t memory;
  uint32_t cpus, processes;
  bool verbose;
} options = {.memory = 3ull << 30, .program.directory = "/", .processes = CLI_PROCESSES};

static struct program programs[ROLES] = {{.name = ""}, {.name = "console"}, {.name = "files"}};
static pid_t main_thread;

/* Only the ends of these processes are waited for; the program's own children are its affair. */
static void on_report(void *context, const struct kernel_report *report) {
  (void)context;
  for (int role = 0; role < ROLES; role++)
    if (programs[role].process && kernel_process_number(programs[role].process) == report->process)
      syscall(SYS_tgkill, getpid(), main_thread, ENDED_SIGNAL);
}

static bool parse_mount(char *text) {
  char *separator = strstr(text, "::");
  if (options.mounts == MOUNTS_MOST) {
    cli_error("more than %d directories", MOUNTS_MOST);
    return false;
  }
  if (!separator || separator == text || separator[2] != '/') {
    cli_error("--dir %s: want HOST::GUEST or HOST::GUEST:ro, GUEST beginning with /", text);
    return false;
  }
  struct mount *mount = &options.mount[options.mounts++];
  *separator = 0;
  mount->host = text;
  char *guest = separator + 2;
  size_t length = strlen(guest);
  mount->read_only = length > 3 && strcmp(guest + length - 3, ":ro") == 0;
  if (mount->read_only)
    guest[length -= 3] = 0;
  if (length >= SERVICES_MOUNT_PATH_MOST) {
    cli_error("--dir: the name %s is too long", guest);
    return false;
  }
  mount->guest = guest;
  return true;
}

/* 0, or the exit status. */
static int parse(int count, char **arguments) {
  static const struct option table[] = {
      {"dir", required_argument, NULL, 'd'},
      {"env", required_argument, NULL, 'e'},
      {"memory", required_argument, NULL, 'm'},
      {"workdir", required_argument, NULL, 'w'},
      {"cpus", required_argument, NULL, 'c'},
      {"trace", no_argument, NULL, 't'},
      {"processes", required_argument, NULL, 'p'},
      {"verbose", no_argument, NULL, 'v'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  uint64_t number;
  for (int option; (option = getopt_long(count, arguments, "+h", table, NULL)) != -1;) {
    switch (option) {
    case 'd':
      if (!parse_mount(optarg))
        return CLI_USAGE;
      break;
    case 'e':
      if (!cli_program_variable(&options.program, optarg))
        return CLI_USAGE;
      break;
    case 'm':
      if (!cli_parse_size(optarg, &options.memory)) {
        cli_error("--memory %s: want a number of bytes, or one with K, M or G behind it", optarg);
        return CLI_USAGE;
      }
      break;
    case 'w':
      if (!cli_program_directory(&options.program, optarg))
        return CLI_USAGE;
      break;
    case 'c':
      if (!cli_parse_number("--cpus", optarg, 1, PORT_CPUS_MOST, &number))
        return CLI_USAGE;
      options.cpus = (uint32_t)number;
      break;
    case 'p':
      if (!cli_parse_number("--processes", optarg, 0, 1 << 20, &number))
        return CLI_USAGE;
      options.processes = (uint32_t)number;
      break;
    case 't':
      options.program.trace = true;
      break;
    case 'v':
      options.verbose = true;
      break;
    default:
      return cli_help(option, "run", help);
    }
  }
  if (optind < count)
    return 0;
  cli_error("run: no image named; `signet run --help` tells how");
  return CLI_USAGE;
}

static int load(struct program *program) {
  struct kernel_refusal refusal;
  program->bytes = cli_read_file(program->path, &program->length);
  if (!program->bytes) {
    int error = errno;
    cli_error("%s: %s", program->path, strerror(error));
    return error == ENOENT ? CLI_NOT_FOUND : CLI_NOT_IMAGE;
  }
  enum signet_status status = kernel_image_load(program->bytes, program->length, &program->image, &refusal);
  if (status == SIGNET_OK)
    return 0;
  cli_error("%s: not run: %s", program->path, cli_refusal_text(&refusal));
  return status == SIGNET_IMAGE ? CLI_NOT_IMAGE : CLI_FAILED;
}

static bool create(struct program *program, uint32_t slots, struct signet_quota quota, const void *startup,
                   uint32_t length) {
  struct signet_process_specification specification = {.slots = slots, .startup_length = length, .quota = quota};
  snprintf(specification.name, sizeof specification.name, "%.31s", cli_process_name(program->path));
  if (program != &programs[PROGRAM])
    specification.stack = 64 << 10;
  return kernel_process_create(program->image, &specification, startup, &program->process) == SIGNET_OK;
}

static bool connect_to(enum role server, uint32_t server_slot, uint32_t slot) {
  return kernel_process_connect(programs[PROGRAM].process, slot, programs[server].process, server_slot, &files_contract,
                                FILES_CONTRACT_LENGTH) == SIGNET_OK;
}

static bool build_console(const char **problem) {
  const struct signet_quota quota = {.memory = 2 << 20, .threads = 4, .handles = 16, .regions = 32};
  *problem = "the console service cannot be created";
  if (!create(&programs[CONSOLE], SERVICES_CONSOLE_SLOTS, quota, NULL, 0))
    return false;
  for (int stream = 0; stream < SERVICES_CONSOLE_STREAMS; stream++) {
    /* A standard stream that is closed here is an empty one there. */
    bool open = fcntl(stream, F_GETFD) >= 0;
    struct port_device *device =
        linux_stream_device(open && stream == 0 ? 0 : -1, open && stream != 0 ? stream : -1, problem);
    *problem = "a standard stream cannot be connected";
    if (!device ||
        kernel_process_grant_device(programs[CONSOLE].process, SERVICES_CONSOLE_STREAMS + (uint32_t)stream, device) !=
            SIGNET_OK ||
        !connect_to(CONSOLE, (uint32_t)stream, (uint32_t)stream))
      return false;
  }
  return true;
}

static bool build_files(const char **problem) {
  const struct signet_quota quota = {.memory = 4 << 20, .threads = 1, .handles = 48, .regions = 48};
  struct {
    struct services_files head;
    struct services_mount mount[MOUNTS_MOST];
  } startup = {.head = {.version = SERVICES_FILES_VERSION, .clients = 1, .mounts = options.mounts}};
  for (uint32_t i = 0; i < options.mounts; i++) {
    startup.mount[i].slot = 1 + i;
    startup.mount[i].flags = options.mount[i].read_only ? SERVICES_MOUNT_READ_ONLY : 0;
    snprintf(startup.mount[i].path, SERVICES_MOUNT_PATH_MOST, "%s", options.mount[i].guest);
  }
  uint32_t length = (uint32_t)(sizeof startup.head + options.mounts * sizeof startup.mount[0]);
  *problem = "the file service cannot be created";
  if (!create(&programs[FILES], 1 + options.mounts, quota, &startup, length) ||
      !connect_to(FILES, 0, SIGNET_SLOT_FILES))
    return false;
  for (uint32_t i = 0; i < options.mounts; i++) {
    struct port_device *device = linux_directory_device(options.mount[i].host, options.mount[i].read_only, problem);
    if (!device) {
      cli_error("--dir %s: %s", options.mount[i].host, *problem);
      *problem = NULL;
      return false;
    }
    *problem = "a directory cannot be granted";
    if (kernel_process_grant_device(programs[FILES].process, 1 + i, device) != SIGNET_OK)
      return false;
  }
  return true;
}

static bool build(char **arguments, uint32_t count, const char **problem) {
  uint32_t length;
  void *startup = cli_program_startup(&options.program, arguments, count, &length);
  const struct signet_quota quota = cli_program_quota(options.memory, options.processes);
  *problem = "the arguments and the environment are too long";
  if (!startup)
    return false;
  *problem = "the process cannot be created: --memory is too small for it, or the machine has none left";
  bool created = create(&programs[PROGRAM], 4, quota, startup, length);
  free(startup);
  return created && build_console(problem) && build_files(problem);
}

static bool start_all(const char **problem) {
  *problem = "a process cannot be started: the machine has no memory left";
  for (int role = ROLES - 1; role >= 0; role--)
    if (kernel_process_start(programs[role].process) != SIGNET_OK)
      return false;
  return true;
}

/* Passes on the signals of the terminal until the program has ended. */
static void wait_for_program(const sigset_t *signals, struct signet_ending *ending) {
  while (!kernel_process_ended(programs[PROGRAM].process, ending)) {
    /* The end is looked for now and then also if nobody tells. */
    const struct timespec patience = {1, 0};
    int number = sigtimedwait(signals, NULL, &patience);
    if (number > 0 && number != ENDED_SIGNAL)
      kernel_process_event(programs[PROGRAM].process, (uint32_t)number);
  }
}

/* The services end by themselves when their client is gone; what a service is in the middle of gets this long. */
static void wait_for_services(const sigset_t *signals) {
  const struct timespec patience = {0, 500000000};
  struct signet_ending ending;
  for (int role = CONSOLE; role < ROLES; role++)
    while (!kernel_process_ended(programs[role].process, &ending))
      if (sigtimedwait(signals, NULL, &patience) < 0 && errno == EAGAIN) {
        kernel_process_stop(programs[role].process);
        return;
      }
}

/* The death of a service is told even if nobody asked: the program was given errors because of it. */
static void report_services(void) {
  struct signet_ending ending;
  char text[512];
  for (int role = CONSOLE; role < ROLES; role++) {
    if (!kernel_process_ended(programs[role].process, &ending) || ending.kind == SIGNET_ENDED_STOPPED ||
        (ending.kind == SIGNET_ENDED_EXIT && ending.code == 0))
      continue;
    cli_describe_ending(&ending, programs[role].bytes, programs[role].length, text, sizeof text);
    cli_error("the %s service %s", programs[role].name, text);
  }
}

static void describe(enum role role, const struct signet_ending *ending) {
  char text[512];
  struct kernel_image_facts facts;
  kernel_image_facts(programs[role].image, &facts);
  cli_describe_ending(ending, programs[role].bytes, programs[role].length, text, sizeof text);
  fprintf(stderr, "signet: %s: %llu bytes of code, %llu instructions verified; %s\n", programs[role].path,
          (unsigned long long)facts.code_length, (unsigned long long)facts.instructions, text);
}

static void describe_all(const struct signet_ending *program_ending) {
  struct linux_seal_facts seal;
  struct signet_ending ending;
  linux_seal_facts(&seal);
  fprintf(stderr, "signet: kernel sealed: %u mappings by mseal%s, system call filters on every thread, files %s\n",
          seal.mappings_sealed, seal.mseal ? "" : " (this host lacks it)",
          seal.confined ? "out of reach but for the directories given" : "not confined (this host lacks Landlock)");
  for (int role = CONSOLE; role < ROLES; role++)
    if (kernel_process_ended(programs[role].process, &ending))
      describe((enum role)role, &ending);
  describe(PROGRAM, program_ending);
}

static void block_signals(sigset_t *signals) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
  const struct rlimit no_core = {0, 0};
  sigemptyset(signals);
  sigaddset(signals, ENDED_SIGNAL);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action;
    /* What the parent had ignored (nohup) stays ignored. */
    if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
      sigaddset(signals, numbers[i]);
  }
  sigprocmask(SIG_BLOCK, signals, NULL);
  signal(SIGPIPE, SIG_IGN); /* the program is told EPIPE, and decides */
  signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to who writes it */
  setrlimit(RLIMIT_CORE, &no_core);
}

int cli_run(int count, char **arguments) {
  const char *problem = NULL;
  sigset_t signals;
  int status = parse(count, arguments);
  if (status)
    return status < 0 ? 0 : status;
  main_thread = gettid();
  block_signals(&signals);
  struct linux_port_options port = {.cpus = options.cpus, .report = on_report};
  if (!linux_port_prepare(&port, &problem))
    goto failed;
  problem = "no memory for the kernel";
  if (!kernel_initialise())
    goto failed;
  programs[PROGRAM].path = arguments[optind];
  static char console[CLI_PATH_MOST], files[CLI_PATH_MOST];
  programs[CONSOLE].path = cli_beside("services/console", console);
  programs[FILES].path = cli_beside("services/files", files);
  for (int role = 0; role < ROLES; role++) {
    status = load(&programs[role]);
    if (status)
      return status;
  }
  if (!build(arguments + optind, (uint32_t)(count - optind), &problem))
    goto failed;
  if (!linux_port_start(&problem) || !start_all(&problem))
    goto failed;
  struct signet_ending ending;
  wait_for_program(&signals, &ending);
  wait_for_services(&signals);
  report_services();
  if (options.verbose)
    describe_all(&ending);
  return cli_end_as(&ending, programs[PROGRAM].path, programs[PROGRAM].bytes, programs[PROGRAM].length);
failed:
  if (problem)
    cli_error("%s", problem);
  return CLI_FAILED;
}
