# Execution as the oracle: random programs that the verifier accepts are run, and watched.
EXECUTION_ROWS := $(B)/gen/execution_rows.h
EXECUTION_GENERATOR := $(addprefix $(B)/tests/execution/,generate.o instruction.o)
EXECUTION_NATIVE := $(addprefix $(B)/tests/execution/,native.o machine.o watch.o escapes.o enter.o features.o)

$(EXECUTION_ROWS): tests/execution/rows.py verifier/allow.list
	@mkdir -p $(@D)
	tests/execution/rows.py verifier/allow.list >$@.new && mv $@.new $@

$(B)/tests/execution/%.o: tests/execution/%.c $(EXECUTION_ROWS)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -I$(B)/gen -MMD -MP -c -o $@ $<
$(B)/tests/execution/features.o: port/x86/features.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/tests/execution/%.o: tests/execution/%.S
	@mkdir -p $(@D)
	$(CC) -MMD -MP -c -o $@ $<
-include $(EXECUTION_GENERATOR:.o=.d) $(EXECUTION_NATIVE:.o=.d)

# The generator alone; and the native executor.
$(B)/tests/execution/programs: $(B)/tests/execution/programs.o $(EXECUTION_GENERATOR) $$(VERIFIER_LIBRARY)
	$(CC) $(HOST_CFLAGS) -o $@ $^
$(B)/tests/execution/native: $(EXECUTION_NATIVE) $(EXECUTION_GENERATOR) $$(VERIFIER_LIBRARY)
	$(CC) $(HOST_CFLAGS) -Wl,-z,now -o $@ $^ -lZydis -lZycore
TESTS += $(addprefix $(B)/tests/execution/,programs native)
TESTS_BESIDE += $(addprefix $(B)/tests/execution/,programs native)

# Ten million programs run for the record (of near misses the verifier refuses most): make record-execution COUNT=N for less.
.PHONY: record-execution
record-execution: COUNT ?= 17500000
record-execution: $(B)/tests/execution/native
	$< --record --from 1000000000 --count $(COUNT)

# In an emulator, and against the real kernel.
include tests/execution/watched.mk
