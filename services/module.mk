# The file and console services: sealed images of their own, with no C library start-up.
SERVICES_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude -I. -ffunction-sections
SERVICES_COMPILER := $(B)/bin/signet-cc $(B)/libexec/signet/as $(B)/sysroot/.stamp

$(B)/services/objects/%.o: services/% $(SERVICES_COMPILER)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(SERVICES_CFLAGS) -MMD -MP -c $< -o $@

SERVICES_LINK = $(B)/bin/signet-cc -nostartfiles -Wl,--gc-sections $(filter %.o,$^) -o $@
SERVICES_LIBRARIES := $(B)/lib/libsignet.a $(B)/lib/libsignetrt.a $(B)/libexec/signet/ld
$(B)/services/console: $(patsubst %,$(B)/services/objects/%.o,start.S thread.S console.c) $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
$(B)/services/files: $(patsubst %,$(B)/services/objects/%.o,start.S files_main.c files.c mounts.c) $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)

ALL += $(B)/services/console $(B)/services/files
-include $(wildcard $(B)/services/objects/*.d)
