/* What scripts find: see library.h. */
#include "apps/web/extension/library.h"

#include <string.h>
#include <time.h>

#include <lauxlib.h>
#include <lualib.h>

/* ---- Texts of the web ---- */

static const char *entity(char character) {
  switch (character) {
  case '&':
    return "&amp;";
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '"':
    return "&quot;";
  case '\'':
    return "&#39;";
  }
  return NULL;
}

size_t library_escape(char *to, size_t capacity, size_t used, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    const char *escaped = entity(text[i]);
    size_t size = escaped ? strlen(escaped) : 1;
    if (capacity - used <= size)
      break;
    memcpy(to + used, escaped ? escaped : &text[i], size);
    used += size;
  }
  to[used] = 0;
  return used;
}

/* escape(text) -> the text, to be put into HTML. */
static int escape(lua_State *lua) {
  size_t length;
  const char *text = luaL_checklstring(lua, 1, &length);
  luaL_Buffer buffer;
  luaL_buffinit(lua, &buffer);
  for (size_t i = 0; i < length; i++) {
    const char *escaped = entity(text[i]);
    if (escaped)
      luaL_addstring(&buffer, escaped);
    else
      luaL_addchar(&buffer, text[i]);
  }
  luaL_pushresult(&buffer);
  return 1;
}

static int digit(char character) {
  if (character >= '0' && character <= '9')
    return character - '0';
  character |= 0x20;
  return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* Pushes what the text means: '+' is a space, %41 an A. */
static void push_decoded(lua_State *lua, const char *text, size_t length) {
  luaL_Buffer buffer;
  luaL_buffinit(lua, &buffer);
  for (size_t i = 0; i < length; i++) {
    if (text[i] == '%' && length - i > 2 && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      luaL_addchar(&buffer, (char)(digit(text[i + 1]) << 4 | digit(text[i + 2])));
      i += 2;
    } else {
      luaL_addchar(&buffer, text[i] == '+' ? ' ' : text[i]);
    }
  }
  luaL_pushresult(&buffer);
}

/* Pushes a table of name=value&name=value. */
static void push_pairs(lua_State *lua, const char *text, size_t length) {
  lua_newtable(lua);
  for (const char *end = text + length; text < end;) {
    const char *next = memchr(text, '&', (size_t)(end - text));
    const char *stop = next ? next : end;
    const char *equals = memchr(text, '=', (size_t)(stop - text));
    if (stop > text) {
      push_decoded(lua, text, (size_t)((equals ? equals : stop) - text));
      push_decoded(lua, equals ? equals + 1 : stop, equals ? (size_t)(stop - equals - 1) : 0);
      lua_rawset(lua, -3);
    }
    text = next ? next + 1 : end;
  }
}

/* parse(text) -> a table of name=value&name=value. */
static int parse(lua_State *lua) {
  size_t length;
  const char *text = luaL_checklstring(lua, 1, &length);
  push_pairs(lua, text, length);
  return 1;
}

/* Pushes a table of "name: value" lines. */
static void push_headers(lua_State *lua, const char *text) {
  lua_newtable(lua);
  while (*text) {
    size_t line = strcspn(text, "\r\n"), name = strcspn(text, ":\r\n");
    if (text[name] == ':') {
      const char *value = text + name + 1;
      value += strspn(value, " \t");
      lua_pushlstring(lua, text, name);
      lua_pushlstring(lua, value, value < text + line ? (size_t)(text + line - value) : 0);
      lua_rawset(lua, -3);
    }
    text += line;
    text += strspn(text, "\r\n");
  }
}

static void set_string(lua_State *lua, const char *name, const char *text) {
  lua_pushstring(lua, text);
  lua_setfield(lua, -2, name);
}

void library_push_request(lua_State *lua, const struct script_request *request) {
  lua_createtable(lua, 0, 8);
  set_string(lua, "method", request->method);
  set_string(lua, "path", request->target);
  set_string(lua, "query_string", request->query);
  push_pairs(lua, request->query, strlen(request->query));
  lua_setfield(lua, -2, "query");
  push_headers(lua, request->headers);
  lua_setfield(lua, -2, "headers");
  lua_pushlstring(lua, request->body, request->body_length);
  lua_setfield(lua, -2, "body");
  lua_pushinteger(lua, request->client);
  lua_setfield(lua, -2, "client");
}

/* ---- The clock ---- */

static int clock_now(lua_State *lua) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(lua, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  return 1;
}

static int time_now(lua_State *lua) {
  lua_pushinteger(lua, time(NULL));
  return 1;
}

/* os.date([seconds]) -> "2026-11-21 15:04:05", universal time. */
static int date(lua_State *lua) {
  time_t when = lua_isnoneornil(lua, 1) ? time(NULL) : (time_t)luaL_checkinteger(lua, 1);
  char text[64];
  struct tm parts;
  if (!gmtime_r(&when, &parts) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts))
    return luaL_error(lua, "no such date");
  lua_pushstring(lua, text);
  return 1;
}

/* ---- Harm ---- */

/* crash([how]): for showing what a crash costs: "write" to where nothing is, "divide" by zero, "jump" into data,
 * "trap". */
static int crash(lua_State *lua) {
  static const char *const ways[] = {"write", "divide", "jump", "trap", NULL};
  static volatile int zero;
  void (*volatile data)(void) = (void (*)(void))(uintptr_t)&zero;
  switch (luaL_checkoption(lua, 1, "write", ways)) {
  case 0:
    *(volatile int *)(uintptr_t)zero = 1;
    break;
  case 1:
    __asm__ volatile("xorl %%edx, %%edx\n\tmovl $1, %%eax\n\tidivl %0" ::"r"(zero) : "eax", "edx", "cc");
    break;
  case 2:
    data();
    break;
  case 3:
    __builtin_trap();
  }
  return luaL_error(lua, "nothing crashed");
}

void library_open(lua_State *lua) {
  static const luaL_Reg libraries[] = {{LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
                                       {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
                                       {LUA_UTF8LIBNAME, luaopen_utf8},  {LUA_COLIBNAME, luaopen_coroutine}};
  static const luaL_Reg clock[] = {{"clock", clock_now}, {"time", time_now}, {"date", date}, {NULL, NULL}};
  static const luaL_Reg own[] = {{"escape", escape}, {"parse", parse}, {"crash", crash}, {NULL, NULL}};
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
    lua_pop(lua, 1);
  }
  static const char *const absent[] = {"dofile", "loadfile", "collectgarbage"};
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
    lua_pushnil(lua);
    lua_setglobal(lua, absent[i]);
  }
  luaL_newlib(lua, clock);
  lua_setglobal(lua, "os");
  lua_pushglobaltable(lua);
  luaL_setfuncs(lua, own, 0);
  lua_pop(lua, 1);
}
