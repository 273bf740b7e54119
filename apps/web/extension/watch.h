/* Ends the process when something takes too long: what neither returns nor executes what could be counted. watch.c has
 * a thread for it, which sleeps as long as nothing is watched, and is not woken by what ends in time. */
#ifndef APPS_WEB_EXTENSION_WATCH_H
#define APPS_WEB_EXTENSION_WATCH_H

#include <stdint.h>

/* From now to watch_end no more than so many seconds pass: then the process ends by abort(). One thread calls these. */
void watch_begin(uint32_t seconds);
void watch_end(void);

#endif
