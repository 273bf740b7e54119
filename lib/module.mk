# The library OS: libsignet.a, compiled by signet-cc, linked into every sealed program.
LIBSIGNET := $(B)/lib/libsignet.a
LIBSIGNET_SOURCES := $(sort $(wildcard lib/*.c) $(wildcard lib/*.S))
LIBSIGNET_OBJECTS := $(patsubst lib/%,$(B)/lib/libsignet/%.o,$(LIBSIGNET_SOURCES))
LIBSIGNET_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude -I. -I$(B)/gen -ffunction-sections \
  -fno-stack-protector

# The names of Linux's system calls, from the host's own header.
$(B)/gen/lib/call_names.h: lib/module.mk
	@mkdir -p $(@D)
	echo '#include <sys/syscall.h>' | $(CC) -E -dM - | \
	  sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/[\2] = "\1",/p' | sort -V > $@.new
	mv $@.new $@

$(B)/lib/libsignet/%.c.o: lib/%.c $(B)/gen/lib/call_names.h $(SIGNET_CC) $(SIGNET_LIBC)
	@mkdir -p $(@D)
	$(SIGNET_CC_RUN) $(LIBSIGNET_CFLAGS) -MMD -MP -c $< -o $@
$(B)/lib/libsignet/%.S.o: lib/%.S $(SIGNET_CC)
	@mkdir -p $(@D)
	$(SIGNET_CC_RUN) $(LIBSIGNET_CFLAGS) -MMD -MP -c $< -o $@
$(LIBSIGNET): $(LIBSIGNET_OBJECTS)
	rm -f $@
	ar rcs $@ $^

-include $(wildcard $(B)/lib/libsignet/*.d)
