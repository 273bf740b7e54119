/* The loop of a service that answers contracts/files.h: waits for all of its clients at once. One thread. */
#ifndef SERVICES_LOOP_H
#define SERVICES_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "services/answer.h"

#define LOOP_MOST SIGNET_SLOTS_MOST

struct service_loop {
  /* Makes the request in the buffer its answer. False: there is none, or it is given later. */
  bool (*serve)(uint32_t client, struct service_buffer *buffer);
  /* The client is gone; its endpoint is closed afterwards. */
  void (*gone)(uint32_t client);
  uint32_t count;
  uint32_t endpoint[LOOP_MOST];
  uint32_t client[LOOP_MOST]; /* what the endpoint's client is called above */
};

/* Returns when the last client is gone. */
void service_loop_run(struct service_loop *loop);

/* For `serve` to call: */
/* One client more; false: there are LOOP_MOST. */
bool service_loop_join(struct service_loop *loop, uint32_t endpoint, uint32_t client);
/* Whatever client of that name there is, is gone. */
void service_loop_leave(struct service_loop *loop, uint32_t client);

#endif
