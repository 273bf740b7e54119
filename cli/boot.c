/* `signet boot`: one program as a sealed process on a machine of its own. Makes one file of the machine's kernel and
 * what it shall run, and runs it in QEMU with the standard streams as its terminal. One thread. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/boot.h"
#include "services/services.h"

#define MEMORY_MOST (1ull << 40)
#define ENDINGS_MOST 64

static const char help[] =
    "usage: signet boot [OPTION…] IMAGE [ARG…]\n"
    "\n"
    "Runs an image as a sealed process on a machine of its own (QEMU). It has the standard streams, the files and the "
    "environment that\n"
    "the options name, and nothing else. The exit status is the program's. On a terminal, ^] x stops the machine.\n"
    "\n"
    "  --machine microvm|q35   kind of machine (default microvm)\n"
    "  --cpus N                processors of the machine (default 1)\n"
    "  --memory N              memory of the machine, in bytes or with K, M, G (default 1G)\n"
    "  --dir HOST[::GUEST][:ro] put the directory HOST of this machine, as it is now, into that one's memory as GUEST "
    "(default /)\n"
    "  --env NAME=VALUE        set a variable; without this option the environment is empty\n"
    "  --workdir PATH          working directory, as the program sees it (default /)\n"
    "  --processes N           processes that it may start, alive at once (default 64)\n"
    "  --trace                 at the end, name the system calls it made that are not implemented\n"
    "  --deadline SECONDS      stop the machine after that time (default: never)\n"
    "  --log FILE              keep all that the machine sends on its serial line\n"
    "  --output FILE           write the bootable file and run nothing\n"
    "  --input FILE            run a bootable file that --output wrote; IMAGE then only names functions in messages\n"
    "  --serial terminal|framed what is at the other end of the serial line (default: terminal where the standard "
    "streams are one)\n"
    "  --count                 the machine's time is instructions executed\n"
    "  --record FILE           record the run, and the bootable file as FILE.elf\n"
    "  --replay FILE           run again what was recorded; the machine's options have to be the same\n"
    "  --kernel WORD           a word of the kernel's command line: tick=NANOSECONDS, check, figures, cpus=N\n"
    "  --qemu ARGUMENT         one more argument of QEMU\n"
    "  --unverified            leave it to the machine's kernel to refuse an image\n";

static struct {
  struct boot_machine machine;
  struct cli_program program;
  struct boot_tree trees[BOOT_TREES_MOST];
  uint32_t tree_count, processes;
  const char *output, *input;
  const char *serial;
  bool unverified;
} options = {.machine = {.type = "microvm", .cpus = 1, .memory = 1ull << 30},
             .program.directory = "/",
             .processes = CLI_PROCESSES};

/* In place: one "/" between names and none at the end. False: it leads elsewhere. */
static bool normalise(char *path) {
  char *to = path;
  if (*path != '/')
    return false;
  for (const char *from = path; *from;) {
    size_t skip = strspn(from, "/"), length = strcspn(from + skip, "/");
    from += skip;
    if ((length == 1 && from[0] == '.') || (length == 2 && from[0] == '.' && from[1] == '.'))
      return false;
    if (length) {
      *to++ = '/';
      memmove(to, from, length);
      to += length;
    }
    from += length;
  }
  if (to == path)
    *to++ = '/';
  *to = 0;
  return true;
}

static bool parse_tree(char *text) {
  if (options.tree_count == BOOT_TREES_MOST) {
    cli_error("more than %d directories", BOOT_TREES_MOST);
    return false;
  }
  struct boot_tree *tree = &options.trees[options.tree_count++];
  static char root[] = "/";
  char *separator = strstr(text, "::"), *end = text + strlen(text);
  *tree = (struct boot_tree){.host = text, .read_only = end - text > 3 && strcmp(end - 3, ":ro") == 0};
  if (tree->read_only)
    end[-3] = 0;
  if (separator)
    *separator = 0;
  char *guest = separator ? separator + 2 : root;
  if (!*text || !normalise(guest)) {
    cli_error("--dir %s%s%s: want HOST, HOST::GUEST or either with :ro behind it, GUEST beginning with / and without "
              "..",
              text, separator ? "::" : "", separator ? separator + 2 : "");
    return false;
  }
  if (strlen(guest) >= SERVICES_MOUNT_PATH_MOST) {
    cli_error("--dir: the name %s is too long", guest);
    return false;
  }
  tree->guest = guest;
  for (uint32_t i = 0; i + 1 < options.tree_count; i++)
    if (strcmp(options.trees[i].guest, guest) == 0) {
      cli_error("--dir: two directories as %s", guest);
      return false;
    }
  return true;
}

static bool parse_word(const char *name, const char *word, const char **words, uint32_t *count) {
  if (*count < BOOT_WORDS_MOST) {
    words[(*count)++] = word;
    return true;
  }
  cli_error("--%s: more than %d of them", name, BOOT_WORDS_MOST);
  return false;
}

static bool parse_choice(const char *name, const char *text, const char *one, const char *other, const char **choice) {
  *choice = text;
  if (strcmp(text, one) == 0 || strcmp(text, other) == 0)
    return true;
  cli_error("--%s %s: want %s or %s", name, text, one, other);
  return false;
}

static bool parse_deadline(const char *text) {
  char *end;
  options.machine.deadline = strtod(text, &end);
  if (end != text && !*end && options.machine.deadline > 0 && options.machine.deadline < 1e6)
    return true;
  cli_error("--deadline %s: want a number of seconds", text);
  return false;
}

/* A name of a file that QEMU is told as part of an option. */
static bool parse_recording(const char *name, const char *text, const char **file) {
  *file = text;
  if (*text && !strchr(text, ','))
    return true;
  cli_error("--%s %s: want the name of a file, without a comma", name, text);
  return false;
}

static bool parse_option(int option) {
  struct boot_machine *machine = &options.machine;
  uint64_t number;
  switch (option) {
  case 'm':
    return parse_choice("machine", optarg, "microvm", "q35", &machine->type);
  case 'c':
    if (!cli_parse_number("--cpus", optarg, 1, PORT_CPUS_MOST, &number))
      return false;
    machine->cpus = (uint32_t)number;
    return true;
  case 'M':
    return cli_parse_number("--memory", optarg, 1 << 20, MEMORY_MOST, &machine->memory);
  case 'd':
    return parse_tree(optarg);
  case 'e':
    return cli_program_variable(&options.program, optarg);
  case 'w':
    return cli_program_directory(&options.program, optarg);
  case 'p':
    if (!cli_parse_number("--processes", optarg, 0, 1 << 20, &number))
      return false;
    options.processes = (uint32_t)number;
    return true;
  case 't':
    return options.program.trace = true;
  case 'D':
    return parse_deadline(optarg);
  case 'l':
    machine->log = optarg;
    return true;
  case 'o':
    options.output = optarg;
    return true;
  case 'i':
    options.input = optarg;
    return true;
  case 's':
    return parse_choice("serial", optarg, "terminal", "framed", &options.serial);
  case 'n':
    return machine->count = true;
  case 'r':
    return parse_recording("record", optarg, &machine->record);
  case 'R':
    return parse_recording("replay", optarg, &machine->replay);
  case 'k':
    return parse_word("kernel", optarg, machine->words, &machine->word_count);
  case 'q':
    return parse_word("qemu", optarg, machine->arguments, &machine->argument_count);
  case 'u':
    return options.unverified = true;
  default:
    fputs("`signet boot --help` lists the options.\n", stderr);
    return false;
  }
}

/* 0, or the exit status; -1: help was given. */
static int parse(int count, char **arguments) {
  static const struct option table[] = {
      {"machine", required_argument, NULL, 'm'},
      {"cpus", required_argument, NULL, 'c'},
      {"memory", required_argument, NULL, 'M'},
      {"dir", required_argument, NULL, 'd'},
      {"env", required_argument, NULL, 'e'},
      {"workdir", required_argument, NULL, 'w'},
      {"processes", required_argument, NULL, 'p'},
      {"trace", no_argument, NULL, 't'},
      {"deadline", required_argument, NULL, 'D'},
      {"log", required_argument, NULL, 'l'},
      {"output", required_argument, NULL, 'o'},
      {"input", required_argument, NULL, 'i'},
      {"serial", required_argument, NULL, 's'},
      {"count", no_argument, NULL, 'n'},
      {"record", required_argument, NULL, 'r'},
      {"replay", required_argument, NULL, 'R'},
      {"kernel", required_argument, NULL, 'k'},
      {"qemu", required_argument, NULL, 'q'},
      {"unverified", no_argument, NULL, 'u'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  for (int option; (option = getopt_long(count, arguments, "+h", table, NULL)) != -1;) {
    if (option == 'h') {
      fputs(help, stdout);
      return -1;
    }
    if (!parse_option(option))
      return CLI_USAGE;
  }
  if ((options.machine.record != NULL) + (options.machine.replay != NULL) + (options.output != NULL) > 1 ||
      (options.input && (options.output || options.machine.replay))) {
    cli_error("boot: one of --output, --record and --replay; --input goes with --record only");
    return CLI_USAGE;
  }
  if ((options.machine.record || options.machine.replay) && options.machine.cpus > 1) {
    cli_error("boot: QEMU records and replays machines of one processor only");
    return CLI_USAGE;
  }
  if (optind < count || options.input || options.machine.replay)
    return 0;
  cli_error("boot: no image named; `signet boot --help` tells how");
  return CLI_USAGE;
}

/* 0, or the exit status. */
static int read_image(const char *path, struct boot_part *part) {
  struct kernel_refusal refusal;
  struct kernel_image *image;
  void *bytes = cli_read_file(path, &part->length);
  part->bytes = bytes;
  part->name = cli_process_name(path);
  if (!bytes) {
    int error = errno;
    cli_error("%s: %s", path, strerror(error));
    return error == ENOENT ? CLI_NOT_FOUND : CLI_NOT_IMAGE;
  }
  if (options.unverified || options.input || options.machine.replay)
    return 0;
  if (!cli_prepare_to_load())
    return CLI_FAILED;
  enum signet_status status = kernel_image_load(bytes, part->length, &image, &refusal);
  if (status == SIGNET_OK) {
    kernel_image_release(image);
    return 0;
  }
  cli_error("%s: not run: %s", path, cli_refusal_text(&refusal));
  return status == SIGNET_IMAGE ? CLI_NOT_IMAGE : CLI_FAILED;
}

static bool read_service(const char *name, struct boot_part *part) {
  char path[CLI_PATH_MOST], beside[64];
  snprintf(beside, sizeof beside, "services/%s", name);
  part->name = name;
  part->bytes = cli_read_file(cli_beside(beside, path), &part->length);
  if (!part->bytes)
    cli_error("%s: %s; `make` builds it", path, strerror(errno));
  return part->bytes != NULL;
}

/* The bootable file of this program. 0, or the exit status. */
static int make(struct boot_part *image, char **arguments, uint32_t count, struct boot_bytes *file) {
  struct boot_system system = {.quota = cli_program_quota(0, options.processes),
                               .trees = options.trees,
                               .tree_count = options.tree_count,
                               .memory = options.machine.memory,
                               .terminal = options.machine.terminal};
  struct boot_bytes files = {0}, archive = {0};
  struct winsize size = {0};
  char kernel[CLI_PATH_MOST];
  void *startup = cli_program_startup(&options.program, arguments, count, &system.startup_length);
  if (!startup) {
    cli_error("the arguments and the environment are too long");
    return CLI_FAILED;
  }
  system.startup = startup;
  if (options.machine.terminal && ioctl(1, TIOCGWINSZ, &size) == 0) {
    system.columns = size.ws_col;
    system.rows = size.ws_row;
  }
  if (!read_service("supervisor", &system.parts[BOOT_SUPERVISOR]) ||
      !read_service("serial", &system.parts[BOOT_SERIAL]) || !read_service("memory", &system.parts[BOOT_MEMORY]))
    return CLI_FAILED;
  system.parts[BOOT_PROGRAM] = *image;
  if (options.tree_count) {
    if (!boot_trees(options.trees, options.tree_count, &files))
      return CLI_FAILED;
    system.parts[BOOT_FILES] = (struct boot_part){"files", files.data, files.length};
  }
  boot_archive(&system, &archive);
  free(startup);
  free(files.data);
  bool good = boot_file(cli_beside("pc/kernel.elf", kernel), &archive, file);
  free(archive.data);
  return good ? 0 : CLI_FAILED;
}

static bool write_all(int file, const struct boot_bytes *bytes) {
  for (size_t done = 0; done < bytes->length;) {
    ssize_t part = write(file, bytes->data + done, bytes->length - done);
    if (part < 0 && errno != EINTR)
      return false;
    done += part < 0 ? 0 : (size_t)part;
  }
  return true;
}

/* The name of --output, --record and the like is the option's. */
static bool write_file(const char *option, const char *path, const struct boot_bytes *bytes) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  bool good = file >= 0 && write_all(file, bytes);
  good = (file < 0 || close(file) == 0) && good;
  if (!good)
    cli_error("--%s: %s: %s", option, path, strerror(errno));
  return good;
}

static int file_in_memory(const struct boot_bytes *bytes) {
  int file = memfd_create("signet-boot", MFD_CLOEXEC);
  if (file >= 0 && write_all(file, bytes))
    return file;
  cli_error("no memory for the bootable file: %s", strerror(errno));
  return -1;
}

/* Why a service did not begin; "" for other statuses. */
static const char *service_reason(const struct signet_ending *ending) {
  static const struct {
    uint32_t status;
    const char *text;
  } reasons[] = {
#define SERVICE_REASON(name, number, text) {number, ": " text},
      SERVICES_ENDS(SERVICE_REASON)
#undef SERVICE_REASON
  };
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
    if (ending->kind == SIGNET_ENDED_EXIT && ending->code == reasons[i].status)
      return reasons[i].text;
  return "";
}

/* What `signet run` says of its services, and then the end as the program's. */
static int end(const struct boot_part *image, const char *path, const struct signet_system_ending *endings,
               uint32_t count) {
  static const char *const names[BOOT_ENTRIES] = {[BOOT_SERIAL] = "serial", [BOOT_MEMORY] = "file"};
  char text[512];
  for (uint32_t i = 1; i < count; i++) {
    const struct signet_ending *ending = &endings[i].ending;
    enum boot_entry entry = boot_system_entry(endings[i].process);
    if (entry == BOOT_ENTRIES || !names[entry] || ending->kind == SIGNET_ENDED_STOPPED ||
        (ending->kind == SIGNET_ENDED_EXIT && ending->code == 0))
      continue;
    cli_describe_ending(ending, NULL, 0, text, sizeof text);
    cli_error("the %s service %s%s", names[entry], text, service_reason(ending));
  }
  return cli_end_as(&endings[0].ending, path, image->bytes, image->length);
}

/* Standard streams that are closed are empty here: no other file shall take their numbers. */
static void open_streams(void) {
  while (true) {
    int file = open("/dev/null", O_RDWR);
    if (file < 0 || file > 2) {
      close(file);
      return;
    }
  }
}

static int run(const struct boot_part *image, const char *path, int file) {
  const struct rlimit no_core = {0, 0};
  struct signet_system_ending endings[ENDINGS_MOST] = {0};
  uint32_t count = 0;
  int status = boot_machine_run(&options.machine, file, endings, ENDINGS_MOST, &count);
  if (status >= 0)
    return status;
  setrlimit(RLIMIT_CORE, &no_core);
  return end(image, path, endings, count);
}

int cli_boot(int count, char **arguments) {
  struct boot_part image = {0};
  struct boot_bytes bytes = {0};
  char recorded[CLI_PATH_MOST];
  int status = parse(count, arguments);
  if (status)
    return status < 0 ? 0 : status;
  open_streams();
  if (options.serial)
    options.machine.terminal = strcmp(options.serial, "terminal") == 0;
  else
    options.machine.terminal = options.output || (isatty(0) && isatty(1) && isatty(2));
  const char *path = optind < count ? arguments[optind] : options.input ? options.input : options.machine.replay;
  if (optind < count && (status = read_image(path, &image)))
    return status;
  if (options.machine.record || options.machine.replay)
    snprintf(recorded, sizeof recorded, "%.4096s.elf",
             options.machine.record ? options.machine.record : options.machine.replay);
  const char *input = options.machine.replay ? recorded : options.input;
  if (input) {
    bytes.data = cli_read_file(input, &bytes.length);
    if (!bytes.data) {
      cli_error("%s: %s", input, strerror(errno));
      return CLI_FAILED;
    }
  } else {
    status = make(&image, arguments + optind, (uint32_t)(count - optind), &bytes);
    if (status)
      return status;
  }
  if (options.output)
    return write_file("output", options.output, &bytes) ? 0 : CLI_FAILED;
  if (options.machine.record && !write_file("record", recorded, &bytes))
    return CLI_FAILED;
  int file = file_in_memory(&bytes);
  free(bytes.data);
  return file < 0 ? CLI_FAILED : run(&image, path, file);
}
