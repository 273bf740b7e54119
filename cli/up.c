/* `signet up`: a system of sealed processes from its manifest. Builds the supervisor and the devices that it lends to
 * the others, seals this process, starts the supervisor, and says what happens until the system ends. One thread; what
 * the kernel reports comes on others, and so do those who look at the system (control_server.c). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/control.h"
#include "cli/up.h"
#include "port/linux/linux.h"

#define SUPERVISOR "supervisor"
enum supervisor_slot { SLOT_ARCHIVE, SLOT_POWER, SLOT_DEVICES };
#define LOOK_AGAIN 1000000 /* nanoseconds */
#define ONE_WISH 100000000 /* signals nearer to each other are one; nanoseconds */
#define ENDINGS_MOST (SIGNET_SYSTEM_PROCESSES_MOST + 1)

static const char help[] =
    "usage: signet up [OPTION…] SYSTEM.yaml\n"
    "\n"
    "Starts the system of sealed processes that the manifest describes, and runs it until it ends or ^C tells it to. "
    "A second ^C stops\n"
    "it at once. What its processes do is said on standard error. The exit status is 0, that of the manifest's main "
    "process if it has one,\n"
    "or 125 if the system could not be started.\n"
    "\n"
    "  --cpus N       processors to run on (default: what the manifest says)\n"
    "  --socket PATH  where `signet ps`, `top`, `trace` and `kill` reach it (default: in $XDG_RUNTIME_DIR/signet, "
    "/run/user/UID/signet or\n"
    "                 /tmp/signet-UID, by the system's name); only you can\n"
    "  --json         say what happens as one JSON object a line\n"
    "  --quiet        say only what goes wrong\n"
    "  --verbose      at the end, say what was sealed and how processes ended\n";

static struct {
  const char *path, *socket;
  uint32_t cpus;
  bool json, quiet, verbose;
} options;

static struct {
  struct manifest *manifest;
  struct signet_system *compiled;
  uint32_t compiled_length;
  const struct manifest_image *images;
  struct linux_archive_entry *entries;
  bool kernel;                  /* it is made */
  struct kernel_image **loaded; /* held, so that each restart finds its image verified */
  size_t loaded_count, image_count;
  struct kernel_process *supervisor;
  void *supervisor_image;
  size_t supervisor_length;
  struct control_socket socket;
  pid_t thread;
} up = {.socket = {.listener = -1}};

/* How it ended: the power device's word, on another thread. */
static struct {
  pthread_mutex_t mutex;
  bool told;
  struct signet_system_ending endings[ENDINGS_MOST];
  uint32_t count;
  char text[1024];
} end = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* 0, or the exit status; -1: there is nothing more to do. */
static int parse(int count, char **arguments) {
  static const struct option table[] = {
      {"cpus", required_argument, NULL, 'c'},
      {"socket", required_argument, NULL, 's'},
      {"json", no_argument, NULL, 'j'},
      {"quiet", no_argument, NULL, 'q'},
      {"verbose", no_argument, NULL, 'v'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  uint64_t number;
  for (int option; (option = getopt_long(count, arguments, "h", table, NULL)) != -1;) {
    switch (option) {
    case 'c':
      if (!cli_parse_number("--cpus", optarg, 1, PORT_CPUS_MOST, &number))
        return CLI_USAGE;
      options.cpus = (uint32_t)number;
      break;
    case 's':
      options.socket = optarg;
      break;
    case 'j':
      options.json = true;
      break;
    case 'q':
      options.quiet = true;
      break;
    case 'v':
      options.verbose = true;
      break;
    default:
      return cli_help(option, "up", help);
    }
  }
  if (optind + 1 == count) {
    options.path = arguments[optind];
    return 0;
  }
  cli_error(optind < count ? "up: one manifest, please" : "up: no manifest named; `signet up --help` tells how");
  return CLI_USAGE;
}

/* ---- Building ---- */

/* The kernel that will run it all: false, it has been said why. */
static bool make_kernel(uint32_t cpus) {
  const struct linux_port_options port = {.cpus = options.cpus ? options.cpus : cpus, .report = up_watch_report};
  const char *problem;
  if (!linux_port_prepare(&port, &problem))
    cli_error("%s", problem);
  else if (!kernel_initialise())
    cli_error("no memory for the kernel");
  else
    return up.kernel = true;
  return false;
}

/* The kernel's verdict, which holds from then on: the supervisor has it judge the same bytes again, and it finds them
 * judged. */
static bool accept(void *context, uint32_t cpus, const void *bytes, size_t length, char *why, size_t size) {
  struct kernel_refusal refusal;
  (void)context;
  snprintf(why, size, "the machine has no memory left");
  struct kernel_image **more = realloc(up.loaded, (up.loaded_count + 1) * sizeof *more);
  if (!more)
    return false;
  up.loaded = more;
  if (!up.kernel && !make_kernel(cpus)) {
    snprintf(why, size, "there is no kernel to judge it");
    return false;
  }
  enum signet_status status = kernel_image_load(bytes, length, &up.loaded[up.loaded_count], &refusal);
  if (status == SIGNET_IMAGE)
    snprintf(why, size, "%s", refusal.text);
  up.loaded_count += status == SIGNET_OK;
  return status == SIGNET_OK;
}

static void tell_problems(const struct manifest_problems *problems) {
  if (!options.json) {
    manifest_problems_print(problems, stderr, isatty(2));
    return;
  }
  json_t *line = json_pack("{s:s, s:o}", "manifest", options.path, "problems", manifest_problems_json(problems));
  json_dumpf(line, stderr, JSON_COMPACT);
  json_decref(line);
  fputc('\n', stderr);
}

static bool read_manifest(void) {
  static char services[CLI_PATH_MOST];
  const struct manifest_places places = {.services = cli_beside("services", services), .accept = accept};
  struct manifest_problems *problems;
  up.manifest = manifest_read(options.path, &places, &problems);
  /* Of one that is sound these are warnings. */
  if (manifest_problem_count(problems) && !(up.manifest && options.quiet))
    tell_problems(problems);
  manifest_problems_release(problems);
  if (!up.manifest) {
    cli_error("%s: not started", options.path);
    return false;
  }
  up.image_count = manifest_images(up.manifest, &up.images);
  up.compiled = manifest_compile(up.manifest, SLOT_ARCHIVE, SLOT_POWER, SLOT_DEVICES, &up.compiled_length);
  if (!up.compiled)
    cli_error("%s: no memory for it", options.path);
  return up.compiled;
}

static bool list_images(void) {
  up.entries = calloc(up.image_count + 1, sizeof *up.entries);
  for (size_t i = 0; up.entries && i < up.image_count; i++)
    up.entries[i] = (struct linux_archive_entry){up.images[i].name, up.images[i].bytes, up.images[i].length};
  if (!up.entries)
    cli_error("no memory for the images");
  return up.entries;
}

/* What the supervisor has, besides what all the others together have. */
static struct signet_quota whole_quota(void) {
  struct signet_quota quota = {0};
  uint64_t largest = 0;
  manifest_quota(up.manifest, &quota);
  for (size_t i = 0; i < up.image_count; i++)
    largest = up.images[i].length > largest ? up.images[i].length : largest;
  quota.memory += (16ull << 20) + up.compiled_length + largest + up.supervisor_length;
  quota.threads += 8 + SIGNET_SYSTEM_PROCESSES_MOST; /* one waits for each to end */
  quota.handles += 64 + SIGNET_SYSTEM_PROCESSES_MOST * 4 + SIGNET_SYSTEM_CHANNELS_MOST * 2;
  quota.regions += 128;
  quota.processes += SIGNET_SYSTEM_PROCESSES_MOST;
  return quota;
}

static bool make_supervisor(size_t devices) {
  static char path[CLI_PATH_MOST];
  struct kernel_image *image;
  struct kernel_refusal refusal;
  struct signet_process_specification specification = {
      .slots = (uint32_t)(SLOT_DEVICES + devices), .startup_length = up.compiled_length, .name = SUPERVISOR};
  up.supervisor_image = cli_read_file(cli_beside("services/" SUPERVISOR, path), &up.supervisor_length);
  if (!up.supervisor_image) {
    cli_error("%s: %s; `make` builds it", path, strerror(errno));
    return false;
  }
  enum signet_status status = kernel_image_load(up.supervisor_image, up.supervisor_length, &image, &refusal);
  if (status != SIGNET_OK) {
    cli_error("%s: refused: %s", path, cli_refusal_text(&refusal));
    return false;
  }
  specification.quota = whole_quota();
  status = kernel_process_create(image, &specification, up.compiled, &up.supervisor);
  kernel_image_release(image);
  if (status != SIGNET_OK)
    cli_error("%s: the supervisor cannot be created: %s", options.path,
              up.compiled_length > SIGNET_STARTUP_BYTES_MOST ? "the system is too large"
                                                             : "the machine has no memory left");
  return status == SIGNET_OK;
}

/* On a processor, under its filter; see linux_power_device. */
static void on_power(void *context, const struct signet_system_ending *endings, uint32_t count, const char *text) {
  (void)context;
  pthread_mutex_lock(&end.mutex);
  end.count = count < ENDINGS_MOST ? count : ENDINGS_MOST;
  memcpy(end.endings, endings, end.count * sizeof *endings);
  snprintf(end.text, sizeof end.text, "%s", text);
  end.told = true;
  pthread_mutex_unlock(&end.mutex);
  syscall(SYS_tgkill, getpid(), up.thread, UP_WAKE);
}

/* A standard stream that is closed here is an empty one there. */
static struct port_device *stream_device(int stream, const char **problem) {
  bool open = fcntl(stream, F_GETFD) >= 0;
  return linux_stream_device(open && stream == 0 ? 0 : -1, open && stream != 0 ? stream : -1, problem);
}

static struct port_device *make_device(const struct manifest_device *device, const char **problem) {
  switch (device->kind) {
  case MANIFEST_STREAM:
    return stream_device(device->stream, problem);
  case MANIFEST_DIRECTORY:
    return linux_directory_device(device->directory, device->read_only, problem);
  case MANIFEST_NETWORK:
    return up_network_device(device, problem);
  }
  *problem = "this command knows no such device";
  return NULL;
}

static bool grant(uint32_t slot, struct port_device *device) {
  if (kernel_process_grant_device(up.supervisor, slot, device) == SIGNET_OK)
    return true;
  cli_error("a device cannot be granted: no memory");
  return false;
}

/* ", directory /srv", ", listening at 127.0.0.1:80" */
static const char *device_text(const struct manifest_device *device, char *text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  if (device->kind == MANIFEST_DIRECTORY)
    snprintf(text, size, ", directory %s", device->directory);
  for (const char *const *at = device->kind == MANIFEST_NETWORK ? device->listen : NULL; at && *at && used < size; at++)
    used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : ", listening at ", *at);
  return text;
}

static bool make_devices(const struct manifest_device *devices, size_t count) {
  const char *problem;
  struct port_device *archive = linux_archive_device(up.entries, (uint32_t)up.image_count, &problem);
  struct port_device *power = archive ? linux_power_device(on_power, NULL, &problem) : NULL;
  if (!power) {
    cli_error("%s", problem);
    return false;
  }
  if (!grant(SLOT_ARCHIVE, archive) || !grant(SLOT_POWER, power))
    return false;
  for (size_t i = 0; i < count; i++) {
    const struct manifest_device *device = &devices[i];
    struct port_device *made = make_device(device, &problem);
    if (!made) {
      char what[256];
      cli_error("%s: process %s, device %s%s: %s", options.path, device->process, device->name,
                device_text(device, what, sizeof what), problem);
      return false;
    }
    if (!grant(SLOT_DEVICES + (uint32_t)i, made))
      return false;
  }
  return true;
}

static bool build(void) {
  const struct manifest_device *devices;
  size_t count = manifest_devices(up.manifest, &devices);
  if (count > SIGNET_SLOTS_MOST - SLOT_DEVICES) {
    cli_error("%s: %zu devices; a system has at most %d", options.path, count, SIGNET_SLOTS_MOST - SLOT_DEVICES);
    return false;
  }
  return list_images() && make_supervisor(count) && make_devices(devices, count);
}

/* From here on this process is sealed. */
static bool start(void) {
  static struct control_server server;
  const char *problem = "the control socket cannot be served";
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  server.listener = up.socket.listener;
  server.processes = up_watch_processes;
  server.system = (struct control_system){.started = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
                                          .host = (uint32_t)getpid(),
                                          .supervisor = kernel_process_number(up.supervisor),
                                          .processes = up.compiled->processes};
  snprintf(server.system.name, sizeof server.system.name, "%s", manifest_name(up.manifest));
  up_watch_supervisor(server.system.supervisor, up.thread);
  if (linux_confine_allow_removal(up.socket.directory) && control_server_start(&server) && linux_port_start(&problem)) {
    problem = "the supervisor cannot be started: the machine has no memory left";
    if (kernel_process_start(up.supervisor) == SIGNET_OK)
      return true;
  }
  cli_error("%s", problem);
  return false;
}

/* ---- Running ---- */

static void block_signals(sigset_t *signals) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  const struct rlimit no_core = {0, 0};
  struct rlimit files;
  sigemptyset(signals);
  sigaddset(signals, UP_WAKE);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action;
    /* What the parent had ignored (nohup) stays ignored. */
    if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
      sigaddset(signals, numbers[i]);
  }
  sigprocmask(SIG_BLOCK, signals, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to who writes it */
  setrlimit(RLIMIT_CORE, &no_core);
  /* Connections and files are descriptors of this process. */
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

static bool is_told(void) {
  pthread_mutex_lock(&end.mutex);
  bool told = end.told;
  pthread_mutex_unlock(&end.mutex);
  return told;
}

/* Until the system has ended; -1, or the signal that stopped it without more ado. */
static int run(const sigset_t *signals) {
  bool asked = false, passed_on = false;
  uint64_t asked_at = 0;
  struct signet_ending ending;
  for (;;) {
    uint64_t patience = up_watch_tell();
    if (is_told() || kernel_process_ended(up.supervisor, &ending))
      return -1;
    /* One that does not listen yet would be ended by it. */
    if (asked && !passed_on && up_watch_begun()) {
      kernel_process_event(up.supervisor, SIGNET_EVENT_TERMINATE);
      passed_on = true;
    }
    if (asked && !passed_on)
      patience = LOOK_AGAIN;
    const struct timespec wait = {(time_t)(patience / 1000000000), (long)(patience % 1000000000)};
    int number = sigtimedwait(signals, NULL, &wait);
    if (number <= 0 || number == UP_WAKE)
      continue;
    uint64_t now = port_clock(SIGNET_CLOCK_MONOTONIC);
    /* A tool that tells this process and then its group (timeout, of coreutils) has asked once. */
    if (asked && now < asked_at + ONE_WISH)
      continue;
    if (asked)
      return number;
    asked = true;
    asked_at = now;
    up_watch_system("is ending", "once more stops it at once");
  }
}

/* Nothing of the system runs any more when this returns. */
static void stop(const sigset_t *signals) {
  const struct timespec patience = {0, 100000000};
  struct signet_ending ending;
  kernel_process_stop(up.supervisor);
  while (!kernel_process_ended(up.supervisor, &ending))
    sigtimedwait(signals, NULL, &patience);
}

static void describe_all(void) {
  struct linux_seal_facts seal;
  struct kernel_image_facts facts;
  linux_seal_facts(&seal);
  fprintf(stderr, "signet: kernel sealed: %u mappings by mseal%s, system call filters on every thread, files %s\n",
          seal.mappings_sealed, seal.mseal ? "" : " (this host lacks it)",
          seal.confined ? "out of reach but for the directories given" : "not confined (this host lacks Landlock)");
  for (size_t i = 0; i < up.image_count; i++) {
    kernel_image_facts(up.loaded[i], &facts);
    fprintf(stderr, "signet: %s: %llu bytes of code, %llu instructions verified\n", up.images[i].path,
            (unsigned long long)facts.code_length, (unsigned long long)facts.instructions);
  }
}

/* The image of the process whose end ended the system: crash reports name its functions. */
static const struct manifest_image *image_of(uint32_t process) {
  const struct signet_system_process *rows =
      (const void *)((const uint8_t *)up.compiled + up.compiled->processes_offset);
  if (process >= up.compiled->processes || rows[process].entry >= up.image_count)
    return NULL;
  return &up.images[rows[process].entry];
}

static int exit_status(int stopped_by) {
  static const struct manifest_image none = {.path = "the system"};
  struct signet_ending ending;
  char text[512];
  if (stopped_by >= 0)
    return 128 + stopped_by;
  if (!end.told) {
    kernel_process_ended(up.supervisor, &ending);
    cli_describe_ending(&ending, up.supervisor_image, up.supervisor_length, text, sizeof text);
    cli_error("the supervisor %s", text);
    return CLI_FAILED;
  }
  if (*end.text)
    cli_error("%s", end.text);
  if (!end.count)
    return 0;
  const struct manifest_image *image = image_of(end.endings[0].process);
  image = image ? image : &none;
  return cli_end_as(&end.endings[0].ending, image->path, image->bytes, image->length);
}

int cli_up(int count, char **arguments) {
  sigset_t signals;
  int status = parse(count, arguments);
  if (status)
    return status < 0 ? 0 : status;
  up.thread = gettid();
  block_signals(&signals);
  status = CLI_FAILED;
  if (!read_manifest() || !control_socket_make(&up.socket, options.socket, manifest_name(up.manifest)))
    return status;
  const struct up_watch watch = {up.manifest, up.compiled, options.json, options.quiet};
  up_watch_begin(&watch);
  if (build() && start()) {
    char text[CLI_PATH_MOST + 64];
    snprintf(text, sizeof text, "%u processes, reached at %s", up.compiled->processes, up.socket.path);
    up_watch_system("is up", text);
    int stopped_by = run(&signals);
    stop(&signals);
    up_watch_tell();
    if (options.verbose)
      describe_all();
    up_watch_system("has ended", "");
    control_socket_remove(&up.socket);
    return exit_status(stopped_by);
  }
  control_socket_remove(&up.socket);
  return status;
}
