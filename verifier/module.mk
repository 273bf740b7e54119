# The verifier: its tables from the allow-list, a freestanding library, the same library under the sanitizers, and its tests.
VERIFIER_SOURCES := $(addprefix verifier/,verifier.c decode.c operands.c sequences.c)
VERIFIER_OBJECTS := $(VERIFIER_SOURCES:verifier/%.c=$(B)/verifier/%.o)
VERIFIER_SANITIZED := $(VERIFIER_SOURCES:verifier/%.c=$(B)/verifier/sanitize/%.o)
VERIFIER_TABLE := $(B)/gen/verifier_table.h
VERIFIER_LIBRARY := $(B)/lib/libverifier.a
VERIFIER_SANITIZED_LIBRARY := $(B)/lib/libverifier-sanitize.a

$(B)/verifier/generate: verifier/generate.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -o $@ $<

$(VERIFIER_TABLE): $(B)/verifier/generate verifier/allow.list
	@mkdir -p $(@D)
	$< verifier/allow.list >$@.new && mv $@.new $@

$(B)/verifier/%.o: verifier/%.c $(VERIFIER_TABLE)
	@mkdir -p $(@D)
	$(CC) $(TRUSTED_CFLAGS) -I$(B)/gen -MMD -MP -c -o $@ $<

$(B)/verifier/sanitize/%.o: verifier/%.c $(VERIFIER_TABLE)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) $(SANITIZE) -I$(B)/gen -MMD -MP -c -o $@ $<

$(VERIFIER_LIBRARY): $(VERIFIER_OBJECTS)
$(VERIFIER_SANITIZED_LIBRARY): $(VERIFIER_SANITIZED)
$(VERIFIER_LIBRARY) $(VERIFIER_SANITIZED_LIBRARY):
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^

ALL += $(VERIFIER_LIBRARY) $(VERIFIER_SANITIZED_LIBRARY)
-include $(VERIFIER_OBJECTS:.o=.d) $(VERIFIER_SANITIZED:.o=.d) $(B)/verifier/generate.d

$(B)/bin/verifier-speed: tests/verifier/speed.c $(VERIFIER_LIBRARY)
	@mkdir -p $(@D) $(B)/tests/verifier
	$(CC) $(HOST_CFLAGS) -MMD -MP -MF $(B)/tests/verifier/speed.d -o $@ $< $(VERIFIER_LIBRARY)
ALL += $(B)/bin/verifier-speed
-include $(B)/tests/verifier/speed.d

# Tests. Those that ask an oracle link Zydis; fuzz and interface run the verifier under the sanitizers.
VERIFIER_TESTS := $(addprefix $(B)/tests/verifier/,cases enumerate sequences)
VERIFIER_TEST_FLAGS = $(HOST_CFLAGS) -MMD -MP -MF $(B)/tests/verifier/$(@F).d -o $@ $(filter %.c %.a,$^)
$(B)/tests/verifier/cases: tests/verifier/cases.c $(VERIFIER_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(VERIFIER_TEST_FLAGS)
$(B)/tests/verifier/enumerate: tests/verifier/enumerate.c tests/verifier/oracle.c $(VERIFIER_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(VERIFIER_TEST_FLAGS) -lZydis -lZycore
$(B)/tests/verifier/sequences: tests/verifier/sequences.c tests/verifier/model.c tests/verifier/oracle.c $(VERIFIER_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(VERIFIER_TEST_FLAGS) -lZydis -lZycore
TESTS += $(VERIFIER_TESTS)
-include $(VERIFIER_TESTS:=.d)
