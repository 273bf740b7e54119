# The `signet` command. Static, so that one set of mappings is all that there is to seal.
CLI_SOURCES := $(wildcard cli/*.c)
CLI_OBJECTS := $(patsubst %,$(B)/%.o,$(CLI_SOURCES)) $(B)/cli/contracts_table.o
SIGNET := $(B)/bin/signet
CLI_LDLIBS := -lfyaml -ljansson -lelf -lz -larchive -lb2 -lpthread
CLI_LIBRARIES := $(B)/lib/libmanifest.a $(B)/lib/libcontract-print.a $(B)/lib/libport-linux.a $(B)/lib/libkernel.a $(B)/lib/libverifier.a

$(B)/cli/%.c.o: cli/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -fPIE -MMD -MP -c $< -o $@
# The contracts that `ps`, `top` and `trace` know by name.
CLI_CONTRACTS := $(B)/gen/cli/contracts.c
CLI_CONTRACTS_COMPILE = $(CC) $(filter-out -I%,$(HOST_CFLAGS)) -I$(B)/gen -Iinclude -I. -D_GNU_SOURCE -MMD -MP -c $< -o $@
$(CLI_CONTRACTS): cli/contracts.awk $$(CONTRACT_SOURCES)
	@mkdir -p $(@D)
	awk -f $< $(CONTRACT_SOURCES) >$@
$(B)/cli/contracts_table.o: $(CLI_CONTRACTS) $$(CONTRACT_HEADERS)
	@mkdir -p $(@D)
	$(CLI_CONTRACTS_COMPILE) -fPIE
$(B)/sanitize/cli/contracts_table.o: $(CLI_CONTRACTS) $$(CONTRACT_HEADERS)
	@mkdir -p $(@D)
	$(CLI_CONTRACTS_COMPILE) $(SANITIZE)
$(SIGNET): $(CLI_OBJECTS) $(CLI_LIBRARIES)
	@mkdir -p $(@D)
	$(CC) -static-pie -o $@.new $(CLI_OBJECTS) -Wl,--start-group $(CLI_LIBRARIES) -Wl,--end-group $(CLI_LDLIBS)
	mv $@.new $@

ALL += $(SIGNET)
-include $(CLI_OBJECTS:.o=.d)

TESTS += tests/cli/run.sh tests/cli/up.sh
# On machines of their own; the attacks there are port/pc's.
BOOT_TESTS := tests/pc/boot.sh tests/pc/programs.sh tests/pc/refusals.sh
TESTS += $(BOOT_TESTS)
$(BOOT_TESTS): programs

# The tools that read hostile files, under the sanitizers; not `run`, which seals the process that they need open.
SIGNET_SANITIZE := $(B)/tests/cli/signet-sanitize
CLI_SANITIZE_OBJECTS := $(patsubst %.c,$(B)/sanitize/%.o,$(CLI_SOURCES) $(wildcard port/linux/*.c port/x86/*.c)) $(B)/port/linux/entry.S.o \
  $(B)/sanitize/cli/contracts_table.o $(B)/sanitize/contractc/print.o
$(B)/sanitize/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE $(SANITIZE) -MMD -MP -c $< -o $@
$(SIGNET_SANITIZE): $(CLI_SANITIZE_OBJECTS) $(B)/lib/libmanifest-sanitize.a $(B)/lib/libkernel-sanitize.a $(B)/lib/libverifier-sanitize.a
	@mkdir -p $(@D)
	$(CC) $(SANITIZE) -o $@ $^ $(CLI_LDLIBS)

ALL += $(SIGNET_SANITIZE)
TESTS += tests/cli/hostile.sh
-include $(CLI_SANITIZE_OBJECTS:.o=.d)
