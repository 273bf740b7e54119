# Execution as the oracle: random programs that the verifier accepts are run, and watched.
EXECUTION_ROWS := $(B)/gen/execution_rows.h
EXECUTION_GENERATOR := $(addprefix $(B)/tests/execution/,generate.o instruction.o)

$(EXECUTION_ROWS): tests/execution/rows.py verifier/allow.list
	@mkdir -p $(@D)
	tests/execution/rows.py verifier/allow.list >$@.new && mv $@.new $@

$(B)/tests/execution/%.o: tests/execution/%.c $(EXECUTION_ROWS)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -I$(B)/gen -MMD -MP -c -o $@ $<
-include $(EXECUTION_GENERATOR:.o=.d)

# The generator alone: what it makes, and that it is what it says.
$(B)/tests/execution/programs: $(B)/tests/execution/programs.o $(EXECUTION_GENERATOR) $$(VERIFIER_LIBRARY)
	$(CC) $(HOST_CFLAGS) -o $@ $^
TESTS += $(B)/tests/execution/programs
