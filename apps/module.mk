# Example systems. first/ is what `make run` shows.
$(B)/apps/first/%: apps/first/%.c $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -O2 -g -Wall -Wextra -Werror -o $@ $<

# The web server, twice of the same core: sealed, and as one native process. http-parser is Debian's source, for both.
WEB_CORE := answer.c blocks.c date.c deadline.c directory.c extension_queue.c file_table.c range.c request.c server.c \
  site.c status.c target.c text.c
WEB_NATIVE := native.c native_files.c native_alone.c
WEB_PARSER := $(B)/programs-source/http-parser
WEB_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -I$(B)/gen -Iinclude -I. -isystem $(WEB_PARSER)
WEB_PARSER_CFLAGS := -std=gnu11 -O2 -g -I$(WEB_PARSER)

$(WEB_PARSER)/http_parser.c $(WEB_PARSER)/http_parser.h: $(WEB_PARSER).stamp ;
WEB_STATUS_FILES := $(sort $(wildcard apps/web/status/*))
$(B)/gen/web/status_files.h: apps/web/embed.sh $(WEB_STATUS_FILES) $(wildcard apps/web/status)
	@mkdir -p $(@D)
	apps/web/embed.sh $(WEB_STATUS_FILES) >$@.new && mv $@.new $@

$(B)/apps/web/native/%.o: apps/web/%.c $(WEB_PARSER).stamp $(B)/gen/web/status_files.h
	@mkdir -p $(@D)
	$(CC) $(WEB_CFLAGS) -MMD -MP -c $< -o $@
$(B)/apps/web/native/http_parser.o: $(WEB_PARSER).stamp
	@mkdir -p $(@D)
	$(CC) $(WEB_PARSER_CFLAGS) -c $(WEB_PARSER)/http_parser.c -o $@
$(B)/apps/web/web-native: $(patsubst %.c,$(B)/apps/web/native/%.o,$(WEB_CORE) $(WEB_NATIVE) http_parser.c)
	$(CC) -o $@ $^
ALL += $(B)/apps/web/web-native
-include $(wildcard $(B)/apps/web/native/*.d)

# Lua as a library for sealed programs, from Debian's source package as programs/lua.sh compiles it: the parts that a
# program of its own opens, without those that reach for files, processes or other code.
LUA_SOURCES := $(addsuffix .c,lapi lcode lctype ldebug ldo ldump lfunc lgc llex lmem lobject lopcodes lparser lstate lstring \
  ltable ltm lundump lvm lzio lauxlib lbaselib lcorolib lmathlib lstrlib ltablib lutf8lib)
LUA_FOLDER := $(B)/programs-source/lua5.4/src
LUA_FLAGS := -O2 -std=gnu99 -DLUA_COMPAT_5_3 -DLUA_USE_POSIX -I$(B)/apps/lua
LUA_OBJECTS := $(LUA_SOURCES:%.c=$(B)/apps/lua/%.o)
# What debian/rules writes before it compiles.
$(B)/apps/lua/lua5.4-deb-multiarch.h: apps/module.mk
	@mkdir -p $(@D)
	echo '#define DEB_HOST_MULTIARCH "x86_64-linux-musl"' >$@
$(LUA_OBJECTS): $(B)/apps/lua/%.o: $(B)/programs-source/lua5.4.stamp $(B)/apps/lua/lua5.4-deb-multiarch.h $(B)/bin/signet-cc \
    $$(SIGNET_CC_INPUTS)
	$(B)/bin/signet-cc $(LUA_FLAGS) -c $(LUA_FOLDER)/$*.c -o $@

# The web system's content extension.
EXTENSION_OBJECTS := $(patsubst apps/web/extension/%.c,$(B)/apps/web/extension-objects/%.o,$(wildcard apps/web/extension/*.c))
$(EXTENSION_OBJECTS): $(B)/apps/web/extension-objects/%.o: apps/web/extension/%.c $(B)/programs-source/lua5.4.stamp \
    $(B)/apps/lua/lua5.4-deb-multiarch.h $(B)/gen/contracts/extension.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude -I. -I$(B)/gen -I$(B)/apps/lua -I$(LUA_FOLDER) \
	  -MMD -MP -c $< -o $@
$(B)/apps/web/extension: $(EXTENSION_OBJECTS) $(LUA_OBJECTS)
	$(B)/bin/signet-cc -o $@ $^ -lm
$(B)/tests/web/extension: tests/web/extension.c tests/child.h $(B)/gen/contracts/extension.h $(B)/gen/contracts/supervision.h \
    $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -std=gnu11 -O2 -g -Wall -Wextra -Werror -Iinclude -I. -I$(B)/gen -o $@ $<
ALL += $(B)/apps/web/extension $(B)/tests/web/extension
TESTS += tests/web/extension.sh tests/web/status.sh tests/web/status_system.sh
tests/web/extension.sh: $(B)/apps/web/extension $(B)/tests/web/extension
-include $(wildcard $(B)/apps/web/extension-objects/*.d)

WEB_SEALED := sealed.c sealed_files.c sealed_extension.c sealed_status.c
$(B)/apps/web/sealed/%.o: apps/web/%.c $(WEB_PARSER).stamp $(B)/gen/web/status_files.h $$(CONTRACT_HEADERS) \
    $$(LIBSIGNET_COMPILER)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(WEB_CFLAGS) -MMD -MP -c $< -o $@
$(B)/apps/web/sealed/http_parser.o: $(WEB_PARSER).stamp $$(LIBSIGNET_COMPILER)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(WEB_PARSER_CFLAGS) -c $(WEB_PARSER)/http_parser.c -o $@
# The names of contracts' states.
$(B)/apps/web/sealed/print.o: contractc/print.c $$(LIBSIGNET_COMPILER)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(WEB_CFLAGS) -MMD -MP -c $< -o $@
WEB_OBJECTS := $(patsubst %.c,$(B)/apps/web/sealed/%.o,$(WEB_CORE) $(WEB_SEALED) http_parser.c print.c)
$(B)/apps/web/web: $(WEB_OBJECTS) $$(SIGNET_CC_INPUTS)
	$(B)/bin/signet-cc -O2 $(WEB_OBJECTS) -o $@
ALL += $(B)/apps/web/web
-include $(wildcard $(B)/apps/web/sealed/*.d)

# The server's core under the sanitizers: as a native server with an extension of its own, and without a network, for inputs
# by the thousand.
WEB_TEST_CFLAGS := $(WEB_CFLAGS) $(SANITIZE)
$(B)/tests/web/sanitized/%.o: %.c $(WEB_PARSER).stamp $(B)/gen/web/status_files.h
	@mkdir -p $(@D)
	$(CC) $(WEB_TEST_CFLAGS) -MMD -MP -c $< -o $@
$(B)/tests/web/sanitized/http_parser.o: $(WEB_PARSER).stamp
	@mkdir -p $(@D)
	$(CC) $(WEB_PARSER_CFLAGS) $(SANITIZE) -c $(WEB_PARSER)/http_parser.c -o $@
WEB_SANITIZED_CORE := $(patsubst %.c,$(B)/tests/web/sanitized/apps/web/%.o,$(WEB_CORE)) \
  $(B)/tests/web/sanitized/http_parser.o
$(B)/tests/web/web-sanitized: $(WEB_SANITIZED_CORE) \
    $(patsubst %.c,$(B)/tests/web/sanitized/%.o,apps/web/native.c apps/web/native_files.c tests/web/echo_extension.c)
	$(CC) $(SANITIZE) -o $@ $^
ALL += $(B)/tests/web/web-sanitized
TESTS += tests/web/protocol.py tests/web/sealed.sh
tests/web/protocol.py: $(B)/tests/web/web-sanitized
tests/web/sealed.sh: $(B)/apps/web/web $(B)/apps/web/extension $(B)/bin/signet \
  $(addprefix $(B)/services/,supervisor network files console)
-include $(wildcard $(B)/tests/web/sanitized/apps/web/*.d $(B)/tests/web/sanitized/tests/web/*.d)
$(B)/tests/web/fuzz: $(WEB_SANITIZED_CORE) $(patsubst %.c,$(B)/tests/web/sanitized/%.o,tests/web/fuzz.c tests/lib/tap.c)
	$(CC) $(SANITIZE) -o $@ $^
ALL += $(B)/tests/web/fuzz
TESTS += $(B)/tests/web/fuzz

# The sealed server's way to its files, with a file service of the test's.
WEB_FILES_TEST := $(patsubst %.c,$(B)/tests/web/sanitized/%.o,tests/web/sealed_files_test.c apps/web/sealed_files.c tests/lib/tap.c)
$(WEB_FILES_TEST): $$(CONTRACT_HEADERS)
$(B)/tests/web/sealed_files_test: $(WEB_FILES_TEST)
	$(CC) $(SANITIZE) -o $@ $^
ALL += $(B)/tests/web/sealed_files_test
TESTS += $(B)/tests/web/sealed_files_test
