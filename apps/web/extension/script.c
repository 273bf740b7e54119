/* Scripts: see script.h. */
#include "apps/web/extension/script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "apps/web/extension/library.h"
#include "apps/web/extension/watch.h"

#define SCRIPTS_MOST 16
#define NAME_MOST 63
#define HOOK_INSTRUCTIONS 10000 /* are counted at once */
#define TRACE_MOST 2000         /* bytes of an error that are shown */
#define PREFIX "/ext/"

struct script {
  char name[NAME_MOST + 1];
  lua_State *lua;
  size_t memory; /* that its values take */
  uint32_t instructions;
};

/* One request, for the protected call. */
struct call {
  const struct script_request *request;
  struct script_answer *answer;
};

static const char *place;
static bool single; /* `place` is the one script */
static struct script scripts[SCRIPTS_MOST];
static uint32_t count;
static char page[5 * TRACE_MOST + 1000]; /* the last error */
static const char body_key;              /* whose address names, in the registry, the body that was answered last */

/* ---- Answers that no script makes ---- */

static void answer_text(struct script_answer *answer, uint32_t status, const char *title, const char *text,
                        size_t length) {
  static const char style[] =
      "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:48em;margin:3em auto;padding:0 1em}"
      "pre{white-space:pre-wrap;background:#8882;padding:1em;border-radius:6px}"
      ":root{color-scheme:light dark}</style>";
  int head = snprintf(page, sizeof page, "<!doctype html><meta charset=utf-8><title>%u %s</title>%s<h1>%s</h1><pre>",
                      status, title, style, title);
  size_t used = library_escape(page, sizeof page, (size_t)head, text, length < TRACE_MOST ? length : TRACE_MOST);
  *answer = (struct script_answer){.status = status, .type = "text/html; charset=utf-8", .body = page, .length = used};
}

static void answer_error(struct script_answer *answer, lua_State *lua) {
  size_t length = 0;
  const char *text = lua_tolstring(lua, -1, &length);
  char line[256];
  size_t end = text ? strcspn(text, "\n") : 0;
  if (end > sizeof line)
    end = sizeof line;
  /* Whoever asked may have chosen it, and it may come to a terminal. */
  for (size_t i = 0; i < end; i++)
    line[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
  fprintf(stderr, "%.*s\n", (int)end, line);
  answer_text(answer, 500, "The script failed", text ? text : "an error that is no text", text ? length : 24);
}

/* ---- Limits ---- */

static void *allocate(void *context, void *old, size_t old_size, size_t size) {
  struct script *script = context;
  if (!old)
    old_size = 0; /* it is a kind of value then */
  if (size == 0) {
    free(old);
    script->memory -= old_size;
    return NULL;
  }
  if (size > old_size && size - old_size > SCRIPT_MEMORY_MOST - script->memory)
    return NULL;
  void *new = realloc(old, size);
  if (new)
    script->memory += size - old_size;
  return new;
}

/* Once the instructions are used up each one fails, so that no script goes on by catching the error. */
static void hook(lua_State *lua, lua_Debug *debug) {
  struct script *script;
  (void)debug;
  lua_getallocf(lua, (void **)&script);
  script->instructions += HOOK_INSTRUCTIONS;
  if (script->instructions < SCRIPT_INSTRUCTIONS_MOST)
    return;
  script->instructions = SCRIPT_INSTRUCTIONS_MOST;
  lua_sethook(lua, hook, LUA_MASKCOUNT, 1);
  luaL_error(lua, "the request took more than %d million instructions", SCRIPT_INSTRUCTIONS_MOST / 1000000);
}

static int traceback(lua_State *lua) {
  const char *text = lua_tostring(lua, 1);
  luaL_traceback(lua, lua, text ? text : luaL_typename(lua, 1), 1);
  return 1;
}

/* Calls the C function with the argument; false: the error is on top of the stack. */
static bool protected_call(struct script *script, lua_CFunction function, void *argument) {
  lua_State *lua = script->lua;
  script->instructions = 0;
  lua_settop(lua, 0);
  lua_sethook(lua, hook, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
  lua_pushcfunction(lua, traceback);
  lua_pushcfunction(lua, function);
  lua_pushlightuserdata(lua, argument);
  return lua_pcall(lua, 1, 0, 1) == LUA_OK;
}

/* ---- Scripts ---- */

struct source {
  const char *name; /* as messages name it: "@hello.lua" */
  char *text;
  size_t length;
};

static int load(lua_State *lua) {
  const struct source *source = lua_touserdata(lua, 1);
  library_open(lua);
  if (luaL_loadbufferx(lua, source->text, source->length, source->name, "t") != LUA_OK)
    return lua_error(lua);
  lua_call(lua, 0, 0);
  if (lua_getglobal(lua, "handle") != LUA_TFUNCTION)
    return luaL_error(lua, "%s does not define the function handle(request)", source->name + 1);
  return 0;
}

/* 0, or the error number. The text is freed by the caller. */
static int read_source(const char *path, struct source *source) {
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC), problem = 0;
  if (file < 0)
    return errno;
  if (fstat(file, &status) != 0)
    problem = errno;
  else if (!S_ISREG(status.st_mode))
    problem = ENOENT;
  else if (status.st_size > SCRIPT_BYTES_MOST)
    problem = EFBIG;
  else if (!(source->text = malloc((size_t)status.st_size + 1)))
    problem = ENOMEM;
  while (!problem && source->length < (size_t)status.st_size) {
    ssize_t some = read(file, source->text + source->length, (size_t)status.st_size - source->length);
    if (some < 0)
      problem = errno;
    if (some <= 0)
      break;
    source->length += (size_t)some;
  }
  close(file);
  return problem;
}

/* The script of that name, loaded; NULL: it is answered why not. */
static struct script *find(const char *name, struct script_answer *answer) {
  char path[512], shown[NAME_MOST + 8];
  struct source source = {.name = shown};
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(scripts[i].name, name) == 0)
      return &scripts[i];
  if (single)
    snprintf(path, sizeof path, "%s", place);
  else
    snprintf(path, sizeof path, "%s/%s.lua", place, name);
  snprintf(shown, sizeof shown, "@%s.lua", name);
  int problem = read_source(path, &source);
  struct script *script = &scripts[count];
  if (problem == ENOENT && !single) {
    answer_text(answer, 404, "There is no such script", name, strlen(name));
  } else if (problem || count == SCRIPTS_MOST) {
    const char *why = problem ? strerror(problem) : "there are as many scripts as fit in here";
    answer_text(answer, 500, "The script cannot be read", why, strlen(why));
  } else {
    *script = (struct script){.lua = NULL};
    strcpy(script->name, name);
    script->lua = lua_newstate(allocate, script);
    if (script->lua && protected_call(script, load, &source)) {
      free(source.text);
      count++;
      return script;
    }
    if (script->lua) {
      answer_error(answer, script->lua);
      lua_close(script->lua);
    } else {
      answer_text(answer, 500, "The script failed", "no memory", 9);
    }
  }
  free(source.text);
  return NULL;
}

/* Copies the name of the script for a path; false: it can be none. */
static bool name_of(const char *target, char name[NAME_MOST + 1]) {
  if (strncmp(target, PREFIX, sizeof PREFIX - 1) == 0)
    target += sizeof PREFIX - 1;
  else
    target += strspn(target, "/");
  size_t length = strcspn(target, "/");
  if (single || length == 0) {
    strcpy(name, single ? "script" : "index");
    return true;
  }
  if (length > NAME_MOST)
    return false;
  for (size_t i = 0; i < length; i++)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", target[i]))
      return false;
  memcpy(name, target, length);
  name[length] = 0;
  return true;
}

/* Calls `handle`, and takes what it returns. */
static int handle(lua_State *lua) {
  const struct call *call = lua_touserdata(lua, 1);
  struct script_answer *answer = call->answer;
  size_t type_length;
  if (lua_getglobal(lua, "handle") != LUA_TFUNCTION)
    return luaL_error(lua, "`handle` is no function any more");
  library_push_request(lua, call->request);
  lua_call(lua, 1, 3);
  if (!lua_isinteger(lua, -3) || lua_tointeger(lua, -3) < 200 || lua_tointeger(lua, -3) > 599)
    return luaL_error(lua, "handle must return a status from 200 to 599 first");
  if (lua_type(lua, -2) != LUA_TSTRING)
    return luaL_error(lua, "handle must return a content type second");
  if (!lua_isstring(lua, -1) && !lua_isnil(lua, -1))
    return luaL_error(lua, "handle must return a text third, the body");
  const char *type = lua_tolstring(lua, -2, &type_length);
  if (type_length == 0 || type_length > SCRIPT_TYPE_MOST)
    return luaL_error(lua, "the content type is %d bytes long, not 1 to %d", (int)type_length, SCRIPT_TYPE_MOST);
  for (size_t i = 0; i < type_length; i++)
    if (type[i] < ' ' || type[i] > '~')
      return luaL_error(lua, "the content type has a character that headers cannot have");
  answer->status = (uint32_t)lua_tointeger(lua, -3);
  memcpy(answer->type, type, type_length + 1);
  answer->length = 0;
  answer->body = lua_tolstring(lua, -1, &answer->length);
  lua_rawsetp(lua, LUA_REGISTRYINDEX, &body_key);
  return 0;
}

void scripts_begin(const char *folder_or_script) {
  size_t length = strlen(folder_or_script);
  place = folder_or_script;
  single = length > 4 && strcmp(folder_or_script + length - 4, ".lua") == 0;
}

void scripts_answer(const struct script_request *request, struct script_answer *answer) {
  char name[NAME_MOST + 1];
  struct call call = {request, answer};
  *answer = (struct script_answer){.status = 0};
  if (!name_of(request->target, name)) {
    answer_text(answer, 404, "There is no such script", request->target, strlen(request->target));
    return;
  }
  watch_begin(SCRIPT_SECONDS_MOST);
  struct script *script = find(name, answer);
  if (script && !protected_call(script, handle, &call)) {
    answer_error(answer, script->lua);
    lua_settop(script->lua, 0);
  }
  watch_end();
}
