# The kernel inside a Linux process. general-regs-only: nothing of the kernel's may be left in vector registers.
LINUX_CFLAGS := $(HOST_CFLAGS) -D_GNU_SOURCE -fPIE -mgeneral-regs-only -fno-strict-aliasing
LINUX_SOURCES := $(wildcard port/linux/*.c port/x86/*.c) port/linux/entry.S
LINUX_OBJECTS := $(patsubst %,$(B)/%.o,$(LINUX_SOURCES))
LINUX_LIBRARY := $(B)/lib/libport-linux.a

$(B)/port/linux/%.c.o: port/linux/%.c
	@mkdir -p $(@D)
	$(CC) $(LINUX_CFLAGS) -MMD -MP -c $< -o $@
$(B)/port/x86/%.c.o: port/x86/%.c
	@mkdir -p $(@D)
	$(CC) $(LINUX_CFLAGS) -MMD -MP -c $< -o $@
$(B)/port/linux/%.S.o: port/linux/%.S
	@mkdir -p $(@D)
	$(CC) -Iinclude -I. -g -MMD -MP -c $< -o $@
$(LINUX_LIBRARY): $(LINUX_OBJECTS)
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^

ALL += $(LINUX_LIBRARY)
-include $(LINUX_OBJECTS:.o=.d)

# Tests: the port by itself, under a kernel of a few lines.
PORT_TEST := $(B)/tests/linux/port_test
$(PORT_TEST): tests/linux/port_test.c tests/linux/guest.S $(LINUX_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -static-pie $(filter %.c %.S,$^) -o $@ $(LINUX_LIBRARY) -lpthread
TESTS += $(PORT_TEST)

# Its system call filters, beside those of libseccomp.
FILTER_TEST := $(B)/tests/linux/filter_test
$(FILTER_TEST): tests/linux/filter_test.c tests/lib/tap.c $(LINUX_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -static-pie $(filter %.c,$^) -o $@ $(LINUX_LIBRARY) -lseccomp
TESTS += $(FILTER_TEST)

# Its devices, asked by a test in the kernel's place.
DEVICE_TESTS := $(addprefix $(B)/tests/linux/,archive_test reset_test network_test stream_test lock_test mapping_test)
$(DEVICE_TESTS): $(B)/tests/linux/%: tests/linux/%.c tests/linux/alone.c tests/linux/alone.h tests/lib/tap.c $(LINUX_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -static-pie $(filter %.c,$^) -o $@ $(LINUX_LIBRARY) -lpthread
TESTS += $(DEVICE_TESTS)

# The same on a host that refuses what it is asked.
REFUSAL_TESTS := $(B)/tests/linux/window_refusal_test $(B)/tests/linux/stream_refusal_test
$(B)/tests/linux/window_refusal_test: REFUSALS := mmap mprotect madvise linux_loader_map
$(B)/tests/linux/stream_refusal_test: REFUSALS := poll epoll_ctl dup
$(REFUSAL_TESTS): $(B)/tests/linux/%: tests/linux/%.c tests/linux/alone.c tests/linux/alone.h tests/lib/tap.c $(LINUX_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -static-pie $(REFUSALS:%=-Wl,--wrap=%) $(filter %.c,$^) -o $@ $(LINUX_LIBRARY) -lpthread
TESTS += $(REFUSAL_TESTS)

# Processes that call the kernel with nonsense.
$(B)/tests/linux/nonsense: tests/linux/nonsense.c tests/child.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -std=gnu11 -O2 -Wall -Wextra -Werror -Iinclude -I. $< -o $@
$(B)/tests/linux/nonsense_child: tests/linux/nonsense_child.c $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-cast-function-type -Iinclude -nostdlib $< -lsignet -lc -o $@
tests/linux/nonsense.sh: $(B)/tests/linux/nonsense $(B)/tests/linux/nonsense_child
ALL += $(B)/tests/linux/nonsense $(B)/tests/linux/nonsense_child
TESTS += tests/linux/nonsense.sh tests/linux/hostile.sh
tests/linux/hostile.sh: $(B)/tests/pc/hostile $(B)/tests/pc/hostile_child

# A device that is lent: a program that holds devices itself, and its host.
$(B)/tests/linux/lend: $(B)/services/objects/start.S.o tests/linux/lend.c $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -std=gnu11 -O2 -Wall -Wextra -Werror -Iinclude -nostartfiles -nostdlib -o $@ $(filter %.S.o %.c,$^) -lsignet -lsignetrt
$(B)/tests/linux/lend_host: tests/linux/lend_host.c $(LINUX_LIBRARY) $(B)/lib/libkernel.a $(B)/lib/libverifier.a
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -static-pie -o $@ $< $(LINUX_LIBRARY) $(B)/lib/libkernel.a $(B)/lib/libverifier.a $(LINUX_LIBRARY) -lpthread
tests/linux/lend.sh: $(B)/tests/linux/lend $(B)/tests/linux/lend_host
ALL += $(B)/tests/linux/lend $(B)/tests/linux/lend_host
TESTS += tests/linux/lend.sh
