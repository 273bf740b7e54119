/* What a script has to work with: Lua's library without what reaches for files, processes or other code, and a few
 * functions for the web. library.c; used by script.c. */
#ifndef APPS_WEB_EXTENSION_LIBRARY_H
#define APPS_WEB_EXTENSION_LIBRARY_H

#include <lua.h>

#include "apps/web/extension/script.h"

/* Fills the globals. May raise errors. */
void library_open(lua_State *lua);
/* Pushes the table that is given to `handle`. May raise errors. */
void library_push_request(lua_State *lua, const struct script_request *request);
/* Appends HTML text to a buffer of `capacity` bytes, NUL-terminated; what does not fit is left out. -> its length. */
size_t library_escape(char *to, size_t capacity, size_t used, const char *text, size_t length);

#endif
