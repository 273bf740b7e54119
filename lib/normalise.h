/* Names of files without "." and "..". Used by the library OS and by the file service; touches nothing but its
 * argument. */
#ifndef LIB_NORMALISE_H
#define LIB_NORMALISE_H

#include <stdbool.h>

/* Takes "//", "/./", "/../" and a final "/" out of an absolute path, in place; ".." at the root stays there. False if
 * the path is not absolute. By the text alone: a ".." behind a symbolic link undoes the link's name. */
bool signet_path_normalise(char *path);

#endif
