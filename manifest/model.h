/* What the parts of manifest/ give each other. A manifest is read (tree.c), each mapping of it is taken apart
 * (system.c, process.c, device.c with the help of field.c and value.c), then what it says as a whole is checked: images
 * (image.c), who is joined to whom, in which order and at which start-up slots (join.c, order.c, slots.c), limits
 * (limits.c). Only a manifest without errors is compiled or asked about.
 *
 * Everything belongs to one struct manifest and lives until manifest_release; problems live on their own. Memory is
 * taken from an obstack: where the machine has none left, the program ends. One thread. */
#ifndef MANIFEST_MODEL_H
#define MANIFEST_MODEL_H

#include <obstack.h>
#include <stdlib.h>
#include <string.h>

#include <signet/abi.h>
#include <signet/system.h>

#include "contractc/excerpt.h"
#include "manifest/manifest.h"
#include "manifest/problems.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

#define NAME_MOST 31u /* bytes of any name; a process's and a slot's have 32 with the NUL */

/* ---- Text and problems (problem.c) ---- */

struct place {
  uint32_t offset, length; /* bytes of the file */
};

struct note {
  struct place place;
  const char *text;
};

struct problem {
  enum problem_number number;
  bool nowhere; /* about the file as a whole */
  struct place place;
  const char *text, *suggestion;
  struct note *notes;
  uint32_t note_count;
};

struct manifest_problems {
  struct obstack memory;
  const char *path;
  char *text; /* of the file; NUL after it */
  uint32_t length;
  struct problem **problems;
  uint32_t count, dropped;
  bool errors;
};

/* Room is doubled whenever the count is a power of two; a pointer to an item holds until the next. */
void *memory_grow(struct obstack *memory, void *items, uint32_t count, size_t size);
#define APPEND(memory, array, count) ((array) = memory_grow(memory, array, count, sizeof *(array)), &(array)[(count)++])
void *memory_take(struct obstack *memory, size_t size); /* zeroed */
_Noreturn void memory_none(void);                       /* the machine has none left */
char *memory_text(struct obstack *memory, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct manifest_problems *problems_begin(const char *path);
struct problem *problem_add(struct manifest_problems *problems, enum problem_number number, struct place place,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));
void problem_suggest(struct manifest_problems *problems, struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void problem_note(struct manifest_problems *problems, struct problem *problem, struct place place, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));
/* In the order of the file; the same words at the same place only once. */
void problems_sort(struct manifest_problems *problems);

/* ---- YAML (tree.c) ---- */

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct node {
  enum node_kind kind;
  struct place place;
  const char *text;     /* SCALAR: NUL after it, and none in it */
  bool plain;           /* SCALAR: without quotes */
  struct node **items;  /* SEQUENCE: values; MAPPING: the keys, which are scalars */
  struct node **values; /* MAPPING */
  uint32_t count;
};

/* The tree of problems->text; NULL: it has been said why. */
struct node *tree_read(struct obstack *memory, struct manifest_problems *problems);
struct node *node_find(const struct node *mapping, const char *key); /* its value, or NULL */

/* ---- The system ---- */

struct contract {
  const char *name;
  const void *table; /* struct signet_contract with its tables */
  uint32_t length;
};
#define CONSOLE_CONTRACT "console" /* the three streams of a program: so many channels of `files` */
#define CONSOLE_STREAMS 3u
extern const struct contract contracts[]; /* generated: all of contracts/ */
extern const uint32_t contract_count;
const struct contract *contract_named(const char *name);

struct process;

struct offer {
  const char *name;
  struct place place;
  const struct contract *contract; /* NULL: unknown, which has been said */
  bool console;                    /* three channels a client */
  uint32_t clients;
};

struct need {
  const char *name; /* of the slot; of a console's, of the need only */
  struct place place, target_place;
  const char *from, *offered; /* PROCESS and OFFER as they are written */
  const char *contract_name;  /* that it has to be, or NULL */
  struct process *process;    /* NULL: the supervisor, or unknown */
  struct offer *offer;        /* NULL likewise */
  bool observation;
  uint32_t client;  /* which client of the process it is */
  uint32_t channel; /* its first */
};

struct device {
  struct manifest_device device;
  struct place place; /* of its value */
  const char *at;     /* DIRECTORY: absolute, in the server's view; or NULL */
  dev_t host_device;  /* DIRECTORY */
  ino_t host_inode;
  uint32_t number; /* counted through the system */
};

struct image {
  struct manifest_image image;
  uint8_t hash[32];
  uint32_t entry;
  uint64_t memory, stack; /* what its data takes; the stack that it asks for, or 0 */
};

struct slot {
  char name[NAME_MOST + 1];
  struct signet_system_grant grant; /* DEVICE: number of the device */
};

enum service_startup { STARTUP_PROGRAM, STARTUP_FILES, STARTUP_CONSOLE };

/* A service that comes with Signet (service.c). */
struct service {
  const char *name, *image;
  enum service_startup startup;
  const char *offer, *contract; /* what it offers where the manifest does not say */
  const char *client_slot; /* what the slots of its clients are called: this; "" as the client; NULL as the offer */
  const char *device_slot; /* PROGRAM: what that of its device is called; NULL: as the device */
  uint32_t streams;        /* groups of three streams it needs, 0 or 1 */
  uint32_t directories_most;
  uint32_t networks; /* it needs, 0 or 1 */
  uint32_t clients_most;
  struct signet_quota quota, each_client;
  uint64_t stack;
};
const struct service *service_find(const char *name);
const char *const *service_names(uint32_t *count);

struct process {
  const char *name;
  struct place place;            /* of its name */
  const struct service *service; /* NULL: a program */
  struct image *image;           /* NULL: not read */
  const char *image_path;
  struct place image_place, quota_place, memory_place, restart_place, hash_place;
  bool pinned, wrong; /* wrong: what it is, is not known */
  uint8_t hash[32];
  const char **arguments, **environment, *directory;
  uint32_t argument_count, environment_count;
  bool supervised, prefixes, prefixes_said;
  struct offer *offers;
  uint32_t offer_count;
  struct need *needs;
  uint32_t need_count;
  struct device *devices;
  uint32_t device_count;
  struct signet_quota quota; /* 0: not said */
  uint64_t stack;
  struct signet_system_policy policy;
  /* What follows from the manifest as a whole. */
  uint32_t clients; /* of all its offers */
  uint32_t row;     /* its turn at the start */
  struct slot slots[SIGNET_SLOTS_MOST];
  uint32_t slot_count;
};

struct channel {
  const struct contract *contract;
};

struct manifest {
  struct obstack memory;
  const char *folder; /* of the file, absolute */
  const struct manifest_places *places;
  struct manifest_problems *problems;
  const char *name;
  uint32_t cpus;
  struct process *processes; /* in the order of the file */
  uint32_t process_count;
  struct process **order; /* in the order of the start */
  const char *main_name;
  struct place main_place, processes_place;
  struct process *main; /* or NULL */
  struct image **images;
  uint32_t image_count;
  struct channel channels[SIGNET_SYSTEM_CHANNELS_MOST];
  uint32_t channel_count;
  uint32_t device_count;
  struct manifest_image *image_list;
  struct manifest_device *device_list;
};

struct process *process_find(const struct manifest *manifest, const char *name);

/* ---- Values (value.c): false: it has been said why ---- */

bool value_text(struct manifest *manifest, const struct node *node, const char *what, const char **text);
bool value_name(struct manifest *manifest, const struct node *node, const char *what, const char **name);
/* Of what becomes a start-up slot of that name. */
bool value_slot_name(struct manifest *manifest, const struct node *node, const char *what, const char **name);
bool value_size(struct manifest *manifest, const struct node *node, const char *what, uint64_t least, uint64_t most,
                uint64_t *size);
bool value_count(struct manifest *manifest, const struct node *node, const char *what, uint32_t least, uint32_t most,
                 uint32_t *count);
bool value_time(struct manifest *manifest, const struct node *node, const char *what, uint64_t most, uint64_t *time);
bool value_choice(struct manifest *manifest, const struct node *node, const char *what, const char *const *choices,
                  uint32_t count, uint32_t *choice);
bool value_boolean(struct manifest *manifest, const struct node *node, const char *what, bool *value);
/* A scalar, sequence or mapping, as is wanted. */
bool value_kind(struct manifest *manifest, const struct node *node, enum node_kind kind, const char *what);
/* The file's place and name for people: "back-off" and the like. */
struct problem *value_wrong(struct manifest *manifest, const struct node *node, enum problem_number number,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- Mappings (field.c) ---- */

struct field {
  const char *key;
  void (*read)(struct manifest *manifest, const struct node *key, const struct node *value, void *object);
};
/* Reads each key that is in the table and complains of the others; `what` is the mapping's name in sentences. */
void fields_read(struct manifest *manifest, const struct node *mapping, const struct field *fields, uint32_t count,
                 void *object, const char *what);

/* ---- Parts ---- */

/* manifest_read of a text that is in memory; at most 2 MiB. For tests. */
struct manifest *manifest_read_text(const char *path, const char *text, size_t length,
                                    const struct manifest_places *places, struct manifest_problems **problems);

void system_read(struct manifest *manifest, const struct node *root);
void process_read(struct manifest *manifest, const struct node *key, const struct node *value);
void policy_read(struct manifest *manifest, const struct node *value, struct signet_system_policy *policy);
void devices_read(struct manifest *manifest, const struct node *mapping, struct process *process);
bool address_check(struct manifest *manifest, const struct node *node, bool listen);
const char *path_absolute(struct manifest *manifest, const char *path);

void lists_make(struct manifest *manifest);
void images_read(struct manifest *manifest);
void join(struct manifest *manifest);
void unneeded_report(struct manifest *manifest); /* last: only of a manifest that is right otherwise */
void order_infer(struct manifest *manifest);
void slots_assign(struct manifest *manifest);
void devices_check(struct manifest *manifest);
uint32_t process_connections(const struct process *process); /* that its devices may have at once */
void quotas_complete(struct manifest *manifest);             /* when the clients are counted */
void limits_check(struct manifest *manifest);

/* Start-up bytes of a process, appended to the object that grows in `memory`; and how many they are. */
void startup_write(const struct process *process, struct obstack *memory);
uint32_t startup_length(const struct process *process);

/* ---- Reach (reach.c) ---- */

#define REACH_NEVER UINT32_MAX
/* For each process (counted as in the file) whether `from` can ask it, and through whom: via[i] is the process before
 * it on a shortest way, via[from] is `from`; REACH_NEVER: it cannot. */
void reach_from(const struct manifest *manifest, uint32_t from, uint32_t via[SIGNET_SYSTEM_PROCESSES_MOST]);
/* The way there, both ends included -> how many. */
uint32_t reach_way(uint32_t to, const uint32_t *via, uint32_t way[SIGNET_SYSTEM_PROCESSES_MOST]);
/* Whether a process needs another, itself or through others. */
bool reach_breaks(const struct manifest *manifest, uint32_t process, uint32_t without);

/* ---- Words ---- */

/* "listens at 127.0.0.1:8080, connects to nothing", taken from `memory`. */
const char *device_words(const struct device *device, struct obstack *memory);
const char *restart_word(uint32_t restart);          /* "always" */
const char *quantity(uint64_t bytes, char text[24]); /* "192M" */

#endif
