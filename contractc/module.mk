# The contract compiler, a host tool, and what it makes of contracts/.
CONTRACTC := $(B)/bin/contractc
CONTRACTC_OBJECTS := $(patsubst contractc/%.c,$(B)/contractc/%.o,$(filter-out contractc/print.c,$(wildcard contractc/*.c)))
CONTRACTC_LDLIBS := -lb2 -ljansson

$(B)/contractc/%.o: contractc/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -MMD -MP -c $< -o $@
$(CONTRACTC): $(CONTRACTC_OBJECTS)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(CONTRACTC_LDLIBS)
ALL += $(CONTRACTC)
-include $(CONTRACTC_OBJECTS:.o=.d)

# What the contracts become: contracts/NAME.h for C, and the diagrams. They are few: each is made anew when any changes.
CONTRACTS := $(patsubst contracts/%.contract,%,$(wildcard contracts/*.contract))
CONTRACT_SOURCES := $(wildcard contracts/*.contract)
$(B)/gen/contracts/%.h: contracts/%.contract $(CONTRACT_SOURCES) $(CONTRACTC)
	@mkdir -p $(@D)
	$(CONTRACTC) --header $@ $<
$(B)/gen/contracts/%.svg: contracts/%.contract $(CONTRACT_SOURCES) $(CONTRACTC)
	@mkdir -p $(@D)
	$(CONTRACTC) --svg $@ $<
CONTRACT_HEADERS := $(CONTRACTS:%=$(B)/gen/contracts/%.h)
.PHONY: contracts
contracts: $(CONTRACT_HEADERS) $(CONTRACTS:%=$(B)/gen/contracts/%.svg)
ALL += $(CONTRACT_HEADERS)

# Prints messages of any contract as text: for `signet trace`, no part of the compiler.
$(B)/lib/libcontract-print.a: $(B)/contractc/print.o
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^
ALL += $(B)/lib/libcontract-print.a
-include $(B)/contractc/print.d

# Tests.
CONTRACTC_SAMPLES := $(patsubst tests/contractc/good/%.contract,$(B)/gen/tests/contractc/%.h,\
  $(addprefix tests/contractc/good/,used.contract sample.contract))
$(B)/gen/tests/contractc/%.h: tests/contractc/good/%.contract $(CONTRACTC)
	@mkdir -p $(@D)
	$(CONTRACTC) --header $@ $<
CONTRACTC_TEST_FLAGS := $(HOST_CFLAGS) $(SANITIZE) -D_GNU_SOURCE -MMD -MP
$(B)/tests/contractc/tables: tests/contractc/tables.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -MF $@.d $< -o $@
$(B)/tests/contractc/header: tests/contractc/header.c tests/contractc/mock.c tests/lib/tap.c contractc/print.c $(CONTRACTC_SAMPLES) $(CONTRACT_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CONTRACTC_TEST_FLAGS) -MF $@.d -DCONTRACT_DECODERS -I$(B)/gen $(filter %.c,$^) -lb2 -o $@
# Of the header's functions none is called here, so the kernel's calls are not needed.
$(B)/tests/contractc/kernel: tests/contractc/kernel.c kernel/contract.c kernel/blake2b.c tests/lib/tap.c $(CONTRACT_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CONTRACTC_TEST_FLAGS) -fno-strict-aliasing -MF $@.d -I$(B)/gen $(filter %.c,$^) -o $@
CONTRACTC_TESTS := $(addprefix $(B)/tests/contractc/,tables header kernel)
ALL += $(CONTRACTC_TESTS)
TESTS += $(CONTRACTC_TESTS) $(wildcard tests/contractc/*.sh)
-include $(CONTRACTC_TESTS:=.d)
