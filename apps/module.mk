# Example systems. first/ is what `make run` shows.
$(B)/apps/first/%: apps/first/%.c $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -O2 -g -Wall -Wextra -Werror -o $@ $<

# The web server, twice of the same core: sealed, and as one native process. http-parser is Debian's source, for both.
WEB_CORE := answer.c date.c deadline.c directory.c extension_queue.c file_table.c range.c request.c server.c site.c status.c \
  target.c text.c
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
