# The exhaustive checks of the verifier; the other tests of this folder are built in verifier/module.mk.
VERIFIER_EXHAUSTIVE := $(wildcard tests/verifier/exhaustive_*.c) $(addprefix tests/verifier/,list_encoding.c model.c oracle.c)
VERIFIER_LLVM := /usr/lib/llvm-14

$(B)/tests/verifier/exhaustive/%.o: tests/verifier/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -isystem $(VERIFIER_LLVM)/include -MMD -MP -c -o $@ $<
$(B)/tests/verifier/exhaustive/exhaustive: $(VERIFIER_EXHAUSTIVE:tests/verifier/%.c=$(B)/tests/verifier/exhaustive/%.o) \
    $$(VERIFIER_LIBRARY)
	$(CC) -o $@ $^ -L$(VERIFIER_LLVM)/lib -lLLVM-14 -lZydis -lZycore
-include $(VERIFIER_EXHAUSTIVE:tests/verifier/%.c=$(B)/tests/verifier/exhaustive/%.d)
TESTS_BESIDE += $(B)/tests/verifier/exhaustive/exhaustive

# Everything, in about a quarter of an hour; PART=NAME for one part of it.
.PHONY: record-enumerate
record-enumerate: $(B)/tests/verifier/exhaustive/exhaustive $(B)/tests/verifier/sequences
	set -o pipefail; $(B)/tests/verifier/sequences | sed 's/^ok [0-9]* - \(.* tried.*\)/record: \1/'
	$< --long $(if $(PART),--part $(PART))
