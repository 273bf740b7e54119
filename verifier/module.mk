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
VERIFIER_TEST_PROGRAMS := $(addprefix $(B)/tests/verifier/,cases table enumerate sequences compilers fuzz interface mutant_forms \
  mutant_accepted mutant_reports mutant_sequences)
VERIFIER_TEST_LINK = $(CC) $(HOST_CFLAGS) $(1) -MMD -MP -MF $@.d -o $@ $(filter %.c %.a,$^) $(2)
VERIFIER_ORACLE := -lZydis -lZycore

$(B)/tests/verifier/cases: tests/verifier/cases.c $(VERIFIER_LIBRARY)
$(B)/tests/verifier/table: tests/verifier/table.c tests/verifier/list_encoding.c $(VERIFIER_LIBRARY)
$(B)/tests/verifier/mutant_accepted: tests/verifier/mutant_accepted.c $(VERIFIER_LIBRARY)
$(B)/tests/verifier/enumerate $(B)/tests/verifier/mutant_forms: $(B)/tests/verifier/%: tests/verifier/%.c tests/verifier/oracle.c $(VERIFIER_LIBRARY)
$(B)/tests/verifier/sequences $(B)/tests/verifier/mutant_sequences: $(B)/tests/verifier/%: tests/verifier/%.c $(addprefix tests/verifier/,against_model.c model.c oracle.c) $(VERIFIER_LIBRARY)
$(addprefix $(B)/tests/verifier/,cases table enumerate sequences mutant_forms mutant_accepted mutant_sequences):
	@mkdir -p $(@D)
	$(call VERIFIER_TEST_LINK,,$(VERIFIER_ORACLE))

$(B)/tests/verifier/fuzz: $(addprefix tests/verifier/,fuzz.c model.c oracle.c) $(VERIFIER_SANITIZED_LIBRARY)
$(B)/tests/verifier/interface $(B)/tests/verifier/mutant_reports: $(B)/tests/verifier/%: tests/verifier/%.c $(VERIFIER_SANITIZED_LIBRARY)
$(addprefix $(B)/tests/verifier/,fuzz interface mutant_reports):
	@mkdir -p $(@D)
	$(call VERIFIER_TEST_LINK,$(SANITIZE),$(VERIFIER_ORACLE))

# What gcc makes of one file, at several levels.
VERIFIER_CORPUS := O0 O2 Os-sse4.2 O3-avx2 O3-fast-math
$(B)/tests/verifier/corpus/O0.o: VERIFIER_LEVEL := -O0
$(B)/tests/verifier/corpus/O2.o: VERIFIER_LEVEL := -O2
$(B)/tests/verifier/corpus/Os-sse4.2.o: VERIFIER_LEVEL := -Os -msse4.2 -maes -mpclmul -msha -mpopcnt
$(B)/tests/verifier/corpus/O3-avx2.o: VERIFIER_LEVEL := -O3 -mavx2 -mfma -mbmi -mbmi2 -mlzcnt -mmovbe -mf16c -maes -mpclmul -msha
$(B)/tests/verifier/corpus/O3-fast-math.o: VERIFIER_LEVEL := -O3 -march=haswell -ffast-math
$(B)/tests/verifier/corpus/%.o: tests/verifier/corpus.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -w $(VERIFIER_LEVEL) -mcx16 -fcf-protection=none -fno-stack-protector -ffixed-r11 -ffixed-r14 -c -o $@ $<
$(B)/tests/verifier/corpus/%.bin: $(B)/tests/verifier/corpus/%.o
	objcopy -O binary -j .text $< $@
VERIFIER_CORPUS_FILES := $(VERIFIER_CORPUS:%=$(B)/tests/verifier/corpus/%.bin)
.SECONDARY: $(VERIFIER_CORPUS_FILES:.bin=.o)
VERIFIER_COMMA := ,
$(B)/tests/verifier/compilers: tests/verifier/compilers.c $(VERIFIER_CORPUS_FILES) $(VERIFIER_LIBRARY)
	@mkdir -p $(@D)
	$(call VERIFIER_TEST_LINK,-DCORPUS_FILES='$(VERIFIER_CORPUS_FILES:%="%"$(VERIFIER_COMMA))',$(VERIFIER_ORACLE))

$(VERIFIER_TEST_PROGRAMS): $(wildcard tests/verifier/*.h) verifier/verifier.h
TESTS += $(VERIFIER_TEST_PROGRAMS) tests/verifier/generate-test.sh
-include $(VERIFIER_TEST_PROGRAMS:=.d)
