/* Systems as people write them: reads SYSTEM.yaml, checks all of it, answers questions about it, and compiles it to the
 * form that the supervisor starts (include/signet/system.h). Host code, used by cli/ (`signet up`, `check`, `graph`);
 * knows no kernel and no port. One thread. docs/manifests.md describes the language. */
#ifndef MANIFEST_MANIFEST_H
#define MANIFEST_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct manifest; /* a system, read and checked */

/* What was wrong: all that was found, in the order of the file. */
struct manifest_problems;
size_t manifest_problem_count(const struct manifest_problems *problems);
/* "web.yaml:12:7: error M203: …", the line with what is wrong marked, and how to go on; `color` for terminals. */
void manifest_problems_print(const struct manifest_problems *problems, FILE *to, bool color);
/* A list, given to the caller (jansson). */
struct json_t;
struct json_t *manifest_problems_json(const struct manifest_problems *problems);
void manifest_problems_release(struct manifest_problems *problems);

/* Where what comes with Signet is. */
struct manifest_places {
  const char *services; /* folder of images: network, files, … */
  uint64_t memory;      /* bytes that the machine has for all of it; 0: those of this machine */
  /* Whether an image may run; *why: the first reason against it. Asked once for each image, in the order of
   * manifest_images; `cpus` as manifest_cpus will say it, for who makes the kernel only now. NULL: nobody asks. */
  bool (*accept)(void *context, uint32_t cpus, const void *bytes, size_t length, char *why, size_t size);
  void *context;
};

/* Reads and checks. NULL: *problems says why; else it has warnings at most. It is the caller's in any case. Images are
 * read (their hashes are needed), nothing is started. */
struct manifest *manifest_read(const char *path, const struct manifest_places *places,
                               struct manifest_problems **problems);
void manifest_release(struct manifest *manifest);

/* ---- What `signet up` does with it ---- */

/* An image of the archive, in the order of the entries. */
struct manifest_image {
  const char *path, *name;
  const void *bytes;
  size_t length;
};
size_t manifest_images(const struct manifest *manifest, const struct manifest_image **images);

/* Devices to make, in the order of the supervisor's start-up slots from `first` of manifest_compile on. */
enum manifest_device_kind { MANIFEST_STREAM, MANIFEST_DIRECTORY, MANIFEST_NETWORK };
struct manifest_device {
  enum manifest_device_kind kind;
  const char *process, *name; /* whose it will be */
  int stream;                 /* STREAM: 0 standard input, 1 output, 2 error */
  const char *directory;      /* DIRECTORY: path on the host, absolute */
  bool read_only;             /* DIRECTORY */
  const char *const *listen;  /* NETWORK: "address:port", NULL at the end */
  const char *const *connect; /* NETWORK: "host:port" that may be connected to, NULL at the end */
  uint32_t connections;       /* NETWORK: most at once */
};
size_t manifest_devices(const struct manifest *manifest, const struct manifest_device **devices);

/* struct signet_system with all its tables; the archive device will be in the supervisor's slot `archive`, the power
 * device in `power`, the others from `first` on. Freed with free. NULL: no memory. */
void *manifest_compile(const struct manifest *manifest, uint32_t archive, uint32_t power, uint32_t first,
                       uint32_t *length);
uint32_t manifest_cpus(const struct manifest *manifest); /* 0: as many as there are */
const char *manifest_name(const struct manifest *manifest);
/* The memory, threads, … that all of it together needs. */
struct signet_quota;
void manifest_quota(const struct manifest *manifest, struct signet_quota *quota);

/* For tools that look at a running system: what a process's start-up slot is called ("web", 4 -> "extension"); NULL: no
 * such. */
const char *manifest_slot_name(const struct manifest *manifest, const char *process, uint32_t slot);

/* ---- Questions ---- */

/* The report of `signet check`: what will start in which order, what each can reach and over which way, who can reach
 * the network and which directories, what breaks without each process. */
void manifest_report(const struct manifest *manifest, FILE *to);
struct json_t *manifest_report_json(const struct manifest *manifest);
/* Only who can reach that: "network", "console", "observation", or the name of a process or a directory device. False:
 * there is no such thing in the system. */
bool manifest_report_reach(const struct manifest *manifest, const char *what, FILE *to);
/* The drawing of `signet graph`. */
void manifest_dot(const struct manifest *manifest, FILE *to);

#endif
