/* What the parts of the native transport share. */
#ifndef APPS_WEB_NATIVE_H
#define APPS_WEB_NATIVE_H

#include <stdbool.h>

/* native_files.c: the root from now on; false with errno. */
bool native_storage_begin(const char *root);

#endif
