# Coverage-guided fuzzing. A target NAME is tests/fuzz/NAME.c, which has LLVMFuzzerTestOneInput (fuzz.h), and here or in another
# makefile of this folder:
#   FUZZ += NAME
#   FUZZ_NAME := the sources that it links, besides its own        FUZZ_LIBS_NAME := -l…
# A dictionary, if there is one, is NAME.dict; small inputs to begin with are in corpus/NAME/. It is built with gcc and replay.c as
# the test build/tests/fuzz/NAME, and with clang's libFuzzer as build/fuzz/NAME.
#   make fuzz-NAME SECONDS=60   finds new inputs; they are kept in build/fuzz/corpus/NAME
#   make fuzz SECONDS=60        each target in turn
#   make fuzz-corpus-NAME       chooses a small corpus of what was found, into corpus/NAME
#   make coverage-fuzz          what the corpora reach, in docs/coverage.txt
FUZZ := verifier image contract table print manifest kernel rewriter
FUZZ_verifier := tests/verifier/model.c tests/verifier/oracle.c $(addprefix verifier/,verifier.c decode.c operands.c sequences.c)
FUZZ_LIBS_verifier := -lZydis -lZycore
FUZZ_SIMULATED := $(filter-out kernel/bytes.c,$(wildcard kernel/*.c)) $(wildcard port/sim/*.c) tests/kernel/support.c
FUZZ_kernel := $(FUZZ_SIMULATED) $(addprefix verifier/,verifier.c decode.c operands.c sequences.c)
FUZZ_rewriter := $(addprefix toolchain/,source.c macro.c operand.c rewrite.c strings.c flags.c layout.c emit.c)
FUZZ_image := $(FUZZ_SIMULATED) $(FUZZ_verifier) cli/image_file.c
FUZZ_LIBS_image := $(FUZZ_LIBS_verifier) -lelf
FUZZ_contract := $(filter-out contractc/main.c,$(wildcard contractc/*.c)) tests/fuzz/contract_table.c kernel/contract.c kernel/blake2b.c
FUZZ_LIBS_contract := -lb2 -ljansson
FUZZ_table := tests/fuzz/contract_table.c kernel/contract.c kernel/blake2b.c
FUZZ_print := contractc/print.c
# The tables of all contracts are written by manifest/module.mk.
FUZZ_manifest := $(wildcard manifest/*.c) contractc/draw.c contractc/excerpt.c services/system.c $(B)/gen/manifest/contracts.c
FUZZ_LIBS_manifest := -lfyaml -lb2 -ljansson -lelf -lz
include $(sort $(filter-out tests/fuzz/module.mk,$(wildcard tests/fuzz/*.mk)))

# Not PIE, because services hold pointers in 32 bits.
FUZZ_FLAGS := -std=gnu11 -g -D_GNU_SOURCE -Iinclude -I. -I$(B)/gen -Itests/kernel -fno-strict-aliasing -fno-pie
FUZZ_GCC := gcc -O2 -Wall -Wextra -Werror $(FUZZ_FLAGS) $(SANITIZE)
# The macros of obstack.h reckon from the null pointer.
FUZZ_CLANG := clang-14 -O1 -w $(FUZZ_FLAGS) -D__SANITIZE_ADDRESS__=1 -fsanitize=address,undefined -fno-sanitize=pointer-overflow -fno-sanitize-recover=all
FUZZ_COVERAGE := clang-14 -O1 -w $(FUZZ_FLAGS) -D__SANITIZE_ADDRESS__=1 -fsanitize=address -fprofile-instr-generate -fcoverage-mapping
FUZZ_GENERATED = $(VERIFIER_TABLE) $(MANIFEST_CONTRACTS) $(CONTRACT_HEADERS) $(TOOLCHAIN_HOST) $(B)/gen/lib/call_names.h

# Services and the library tell nobody what was on their stacks before.
$(B)/fuzz/gcc/services/%.o $(B)/fuzz/gcc/lib/%.o $(B)/fuzz/clang/services/%.o $(B)/fuzz/clang/lib/%.o: FUZZ_EXTRA := -ftrivial-auto-var-init=pattern

$(B)/fuzz/gcc/%.o: %.c | $$(FUZZ_GENERATED)
	@mkdir -p $(@D)
	$(FUZZ_GCC) $(FUZZ_EXTRA) -MMD -MP -c $< -o $@
$(B)/fuzz/clang/%.o: %.c | $$(FUZZ_GENERATED)
	@mkdir -p $(@D)
	$(FUZZ_CLANG) $(FUZZ_EXTRA) $(if $(filter tests/fuzz/choose.c,$<),,-fsanitize=fuzzer-no-link) -MMD -MP -c $< -o $@
$(B)/fuzz/coverage/%.o: %.c | $$(FUZZ_GENERATED)
	@mkdir -p $(@D)
	$(FUZZ_COVERAGE) $(FUZZ_EXTRA) -MMD -MP -c $< -o $@

# What is made of a target: $(1) its name.
FUZZ_OBJECTS = $(patsubst %.c,$(B)/fuzz/$(2)/%.o,tests/fuzz/$(1).c $(FUZZ_$(1)))
define FUZZ_RULES
$$(B)/tests/fuzz/$(1): $$(call FUZZ_OBJECTS,$(1),gcc) $$(B)/fuzz/gcc/tests/fuzz/replay.o
	@mkdir -p $$(@D)
	gcc $$(SANITIZE) -no-pie -o $$@ $$^ $$(FUZZ_LIBS_$(1))
$$(B)/fuzz/$(1): $$(call FUZZ_OBJECTS,$(1),clang) $$(B)/fuzz/clang/tests/fuzz/count.o
	clang-14 -fsanitize=fuzzer,address,undefined -no-pie -o $$@ $$^ $$(FUZZ_LIBS_$(1))
$$(B)/fuzz/$(1)-choose: $$(call FUZZ_OBJECTS,$(1),clang) $$(B)/fuzz/clang/tests/fuzz/choose.o
	clang-14 -fsanitize=address,undefined -no-pie -o $$@ $$^ $$(FUZZ_LIBS_$(1))
$$(B)/fuzz/$(1)-coverage: $$(call FUZZ_OBJECTS,$(1),coverage) $$(B)/fuzz/coverage/tests/fuzz/replay.o
	clang-14 -fsanitize=address -fprofile-instr-generate -no-pie -o $$@ $$^ $$(FUZZ_LIBS_$(1))
.PHONY: fuzz-$(1) fuzz-corpus-$(1)
fuzz-$(1): $$(B)/fuzz/$(1)
	tests/fuzz/run.sh $(1) $$(or $$(SECONDS),60)
fuzz-corpus-$(1): $$(B)/fuzz/$(1)-choose
	tests/fuzz/corpus.sh $(1)
endef
$(foreach target,$(FUZZ),$(eval $(call FUZZ_RULES,$(target))))

FUZZ_TESTS := $(FUZZ:%=$(B)/tests/fuzz/%)
ALL += $(FUZZ_TESTS)
# The rewriter with the real assembler and linker behind it is driven by a program of its own.
TESTS += $(FUZZ_TESTS) tests/fuzz/assembly.py
TESTS_BESIDE += $(FUZZ_TESTS) tests/fuzz/assembly.py
tests/fuzz/assembly.py: $$(SIGNET_CC_PARTS)
-include $(shell find $(B)/fuzz -name '*.d' 2>/dev/null)

# All in turn, in about nine minutes.
FUZZ_SECONDS = $(or $(SECONDS),$(shell echo $$((540 / ($(words $(FUZZ)) + 1)))))
.PHONY: fuzz record-fuzz coverage-fuzz
fuzz: $(FUZZ:%=$(B)/fuzz/%)
	for name in $(FUZZ); do tests/fuzz/run.sh $$name $(or $(SECONDS),60) || exit 1; done
record-fuzz: $(FUZZ:%=$(B)/fuzz/%) tests/fuzz/assembly.py
	for name in $(FUZZ); do tests/fuzz/run.sh $$name $(FUZZ_SECONDS) || exit 1; done
	tests/fuzz/assembly.py 1 1000000 --seconds $(FUZZ_SECONDS)
coverage-fuzz: $(FUZZ:%=$(B)/fuzz/%-coverage)
	tests/fuzz/coverage.py $(FUZZ)
