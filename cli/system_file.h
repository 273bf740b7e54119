/* What the commands that are given a SYSTEM.yaml share: check, graph (and whoever starts one). system_file.c. */
#ifndef CLI_SYSTEM_FILE_H
#define CLI_SYSTEM_FILE_H

#include "manifest/manifest.h"

/* Reads and checks a manifest; its images are judged by the kernel's own loader, where `judge` says so (it readies the
 * kernel for it, so a process that will run one says false). NULL: *problems says why, or it has been said (then
 * *problems is NULL). `problems` are the caller's. */
struct manifest *cli_system_read(const char *path, bool judge, struct manifest_problems **problems);

#endif
