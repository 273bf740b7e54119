/* Scripts that answer requests of HTTP, in Lua, each in a state of its own. Used by extension.c; one thread, and a
 * second one that ends the process when a script takes too long where no instruction of Lua is counted. No channels in
 * here, so that the same runs natively, in tests.
 *
 * A script defines `function handle(request)` and returns from it status, content type, body. What it finds in
 * `request` and besides Lua's own library is in docs/extension.md. Nothing that a script does in Lua harms the process:
 * its errors, and running out of memory or of instructions, are answers. */
#ifndef APPS_WEB_EXTENSION_SCRIPT_H
#define APPS_WEB_EXTENSION_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#define SCRIPT_TYPE_MOST 255
#define SCRIPT_BYTES_MOST (256u << 10)               /* of a script */
#define SCRIPT_MEMORY_MOST (8u << 20)                /* of a script's values, in bytes */
#define SCRIPT_INSTRUCTIONS_MOST (50u * 1000 * 1000) /* of Lua, for one request */
#define SCRIPT_SECONDS_MOST 5                        /* for one request, before the process ends */

struct script_request {
  const char *method;
  uint32_t client;
  const char *target, *query, *headers; /* each ends with a NUL */
  const void *body;
  size_t body_length;
};

struct script_answer {
  uint32_t status;
  char type[SCRIPT_TYPE_MOST + 1];
  const void *body; /* until the next request */
  size_t length;
};

/* Where the scripts are: NAME.lua, which answers everything, or a folder, of which /ext/NAME and all below it is
 * answered by NAME.lua and /ext/ by index.lua. Read when they are first needed. */
void scripts_begin(const char *place);
void scripts_answer(const struct script_request *request, struct script_answer *answer);

#endif
