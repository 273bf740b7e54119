/* What the parts of the native transport share. */
#ifndef APPS_WEB_NATIVE_H
#define APPS_WEB_NATIVE_H

#include <stdbool.h>

/* native_files.c: the root from now on; false with errno. */
bool native_storage_begin(const char *root);

/* native.c: calls it once, in the next round of the loop. One at a time. For an extension in the same process. */
void native_after(void (*function)(void));

#endif
