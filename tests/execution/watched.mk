# In Unicorn, where the effect of each instruction is watched.
EXECUTION_UNICORN := $(addprefix $(B)/tests/execution/,unicorn.o unicorn_engine.o unicorn_controls.o)
$(B)/tests/execution/unicorn: $(EXECUTION_UNICORN) $(EXECUTION_GENERATOR) $$(VERIFIER_LIBRARY)
	$(CC) $(HOST_CFLAGS) -o $@ $^ -lunicorn -lZydis
-include $(EXECUTION_UNICORN:.o=.d)
TESTS += $(B)/tests/execution/unicorn
TESTS_BESIDE += $(B)/tests/execution/unicorn
.PHONY: record-emulation
record-emulation: SECONDS ?= 480
record-emulation: $(B)/tests/execution/unicorn
	$< --record --seconds $(SECONDS)

# Against the real kernel: sealed processes that look at what is left in registers and memory.
$(B)/tests/execution/kernel_child: tests/execution/kernel_child.c tests/execution/kernel_child.S tests/pc/hostile_stack.S tests/execution/kernel_child.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -std=gnu11 -O2 -Wall -Wextra -Werror -Iinclude -I. -nostartfiles -nostdlib -o $@ $(filter %.S %.c,$^) -lsignet -lsignetrt
EXECUTION_BORDER := kernel_call kernel_preempted kernel_fault kernel_cpu_run linux_enter linux_enter_frame
EXECUTION_COMMA := ,
$(B)/tests/execution/kernel_border.o: tests/execution/kernel_border.c tests/execution/kernel_border.h tests/execution/kernel_child.h
	@mkdir -p $(@D)
	$(CC) $(LINUX_CFLAGS) -mfsgsbase -c -o $@ $<
$(B)/tests/execution/kernel: tests/execution/kernel.c tests/execution/kernel_border.S $(B)/tests/execution/kernel_border.o $(EXECUTION_GENERATOR) $$(LINUX_LIBRARY) $(B)/lib/libkernel.a $$(VERIFIER_LIBRARY)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -static-pie $(EXECUTION_BORDER:%=-Wl$(EXECUTION_COMMA)--wrap=%) -o $@ $(filter %.c %.S %.o,$^) \
	  $(LINUX_LIBRARY) $(B)/lib/libkernel.a $(VERIFIER_LIBRARY) $(LINUX_LIBRARY) -lpthread
tests/execution/kernel.sh: $(B)/tests/execution/kernel $(B)/tests/execution/kernel_child
TESTS += tests/execution/kernel.sh
.PHONY: record-crossing
record-crossing: SECONDS ?= 480
record-crossing: $(B)/tests/execution/kernel $(B)/tests/execution/kernel_child
	SECONDS_EACH=$$(($(SECONDS) / 2)) tests/execution/kernel.sh --record
