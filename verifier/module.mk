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
