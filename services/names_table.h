/* What the name service remembers: who may offer and find which names, and what is offered. names_table.c; no calls,
 * one thread. Each client has room for so many offers of its own, so that nobody fills the room of another. */
#ifndef SERVICES_NAMES_TABLE_H
#define SERVICES_NAMES_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/abi.h>

#include "services/startup.h"

#define NAMES_CLIENTS_MOST SIGNET_SLOTS_MOST
#define NAMES_OFFERS_EACH 12u
#define NAMES_OFFERS_MOST (NAMES_CLIENTS_MOST * NAMES_OFFERS_EACH)
#define NAMES_GRANTS_MOST 128u
#define NAMES_LENGTH_MOST 255u

enum names_right { NAMES_MAY_OFFER = 1, NAMES_MAY_FIND = 2 };

struct names_offer {
  char name[NAMES_LENGTH_MOST + 1]; /* empty: the row is free */
  uint8_t contract[32];             /* as the kernel names it */
  uint32_t slot;                    /* of the client that offers it */
  uint32_t endpoint;                /* server's end of contracts/offers.contract; 0: who offered it has ended */
  bool asked;                       /* WANTED is under way */
  uint32_t asker;                   /* the slot that it is for; NAMES_NOBODY: who asked has left, or given up */
  uint64_t deadline;                /* of the answer; SIGNET_NEVER: it has passed */
};
#define NAMES_NOBODY UINT32_MAX

struct names_table {
  struct {
    uint32_t slot; /* NAMES_NOBODY: every client */
    uint32_t right;
    const char *prefix;
    uint32_t length;
  } grants[NAMES_GRANTS_MOST];
  uint32_t grant_count;
  struct names_offer offers[NAMES_OFFERS_MOST]; /* those of slot s from s * NAMES_OFFERS_EACH on */
  uint16_t sorted[NAMES_OFFERS_MOST];           /* those in use, by name */
  uint32_t count;
};

/* Whether the text is a name; NUL-terminated. */
bool names_is_name(const char *name);
/* Takes the grants out of the arguments; false: one of them is none. */
bool names_take_grants(struct names_table *table, const struct service_startup *startup);
bool names_may(const struct names_table *table, uint32_t slot, enum names_right right, const char *name);

/* The offer of that name, or NULL. */
struct names_offer *names_find(struct names_table *table, const char *name);
/* A row for a name that is not there yet; NULL: the slot has no room for more. */
struct names_offer *names_add(struct names_table *table, uint32_t slot, const char *name);
void names_remove(struct names_table *table, struct names_offer *offer);
/* Names that the slot may find, that begin with `prefix`, behind `after`, in order, each ended by a NUL; as many as
 * fit.
 * -> bytes. */
uint32_t names_list(const struct names_table *table, uint32_t slot, const char *prefix, const char *after, uint8_t *to,
                    uint32_t capacity);

#endif
