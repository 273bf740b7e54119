/* Requests on a stream (contracts/files.h) as requests to the device behind it (include/signet/device.h): what the
 * services of standard streams share. No calls, no state; any thread. */
#ifndef SERVICES_STREAM_H
#define SERVICES_STREAM_H

#include <stdbool.h>

#include "services/answer.h"

/* Makes of the request in the buffer a request to a stream device. False: it has been answered. */
bool stream_ask(struct service_buffer *buffer, struct signet_device_request *device);
/* Makes the buffer, which holds the request that `device` was made of, its answer. */
void stream_answer(struct service_buffer *buffer, const struct signet_device_request *device,
                   struct signet_result result);

#endif
