# The kernel: portable and freestanding. Its tests run it on port/sim, under the sanitizers.
KERNEL_SOURCES := $(wildcard kernel/*.c)
KERNEL_OBJECTS := $(KERNEL_SOURCES:%.c=$(B)/%.o)

$(B)/kernel/%.o: kernel/%.c
	@mkdir -p $(@D)
	$(CC) $(TRUSTED_CFLAGS) -MMD -MP -c $< -o $@

# One object with kernel_* for the outside and nothing else, so that a program that hosts it may use any other name. It has its own
# memory functions: a C library's use vector registers, and what they leave there the process that called would see.
$(B)/kernel/whole.o: $(KERNEL_OBJECTS)
	$(LD) -r -o $@.new $^
	objcopy -w --keep-global-symbol='kernel_*' $@.new $@ && rm $@.new

$(B)/lib/libkernel.a: $(B)/kernel/whole.o
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

ALL += $(B)/lib/libkernel.a
-include $(KERNEL_OBJECTS:.o=.d)

# The same sources and port/sim under the sanitizers. The C library's memory functions are used there: they are checked.
KERNEL_SANITIZED := $(filter-out %/bytes.o,$(KERNEL_SOURCES:kernel/%.c=$(B)/kernel/sanitize/%.o)) \
  $(B)/kernel/sanitize/port/sim/sim.o \
  $(B)/kernel/sanitize/port/sim/memory.o $(B)/kernel/sanitize/port/sim/fiber.o $(B)/kernel/sanitize/support.o $(B)/kernel/sanitize/agree.o
KERNEL_TEST_FLAGS := $(HOST_CFLAGS) $(SANITIZE) -fno-strict-aliasing

$(B)/kernel/sanitize/support.o $(B)/kernel/sanitize/agree.o: $(B)/kernel/sanitize/%.o: tests/kernel/%.c
	@mkdir -p $(@D)
	$(CC) $(KERNEL_TEST_FLAGS) -MMD -MP -c $< -o $@

$(B)/kernel/sanitize/port/%.o: port/%.c
	@mkdir -p $(@D)
	$(CC) $(KERNEL_TEST_FLAGS) -MMD -MP -c $< -o $@

$(B)/kernel/sanitize/%.o: kernel/%.c
	@mkdir -p $(@D)
	$(CC) $(KERNEL_TEST_FLAGS) -MMD -MP -c $< -o $@

$(B)/lib/libkernel-sanitize.a: $(KERNEL_SANITIZED)
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

KERNEL_TESTS := $(patsubst tests/kernel/%.c,$(B)/tests/kernel/%,$(wildcard tests/kernel/*_test.c))

$(B)/tests/kernel/%_test: tests/kernel/%_test.c $(B)/lib/libkernel-sanitize.a $(B)/lib/libverifier-sanitize.a
	@mkdir -p $(@D)
	$(CC) $(KERNEL_TEST_FLAGS) -Itests/kernel $(TEST_LINK) -MMD -MP $< -o $@ $(B)/lib/libkernel-sanitize.a $(B)/lib/libverifier-sanitize.a

# agree.c stands between the kernel's files where a call takes its short way, and where it does not.
$(B)/tests/kernel/handover_test $(B)/tests/kernel/handover_random_test: TEST_LINK := -Wl,--wrap=kernel_channel_call,--wrap=kernel_thread_yield,--wrap=call_locked

# All contracts of the tree: their headers, and X(name, NAME) for each.
$(B)/gen/tests/contracts/all.h: $$(CONTRACT_HEADERS) contractc/module.mk
	@mkdir -p $(@D)
	{ printf '#include "../../contracts/%s.h"\n' $(CONTRACTS); printf '#define TEST_CONTRACTS(X)'; \
	  for name in $(CONTRACTS); do printf ' X(%s, %s)' $$name $${name^^}; done; echo; } >$@
$(B)/tests/kernel/contracts_test: $(B)/gen/tests/contracts/all.h
$(B)/tests/kernel/contracts_test: TEST_LINK := -I$(B)/gen

ALL += $(KERNEL_TESTS)
TESTS += $(KERNEL_TESTS)
-include $(KERNEL_SANITIZED:.o=.d) $(KERNEL_TESTS:=.d)

# Pairs of sealed processes, on every port.
PAIRS_FLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror -Iinclude -I.
$(B)/tests/kernel/pairs: tests/kernel/pairs.c tests/kernel/pairs.h tests/child.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(PAIRS_FLAGS) -o $@ $<
$(B)/tests/kernel/pairs_child: $(B)/services/objects/start.S.o tests/kernel/pairs_child.c tests/kernel/pairs.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(PAIRS_FLAGS) -nostartfiles -nostdlib -o $@ $(filter %.S.o %.c,$^) -lsignet -lsignetrt
ALL += $(B)/tests/kernel/pairs $(B)/tests/kernel/pairs_child
TESTS += tests/kernel/pairs.sh
