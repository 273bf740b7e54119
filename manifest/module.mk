# Reading manifests: a library for the `signet` command.
MANIFEST_SOURCES := $(wildcard manifest/*.c)
MANIFEST_SHARED := contractc/draw.c contractc/excerpt.c # with the contract compiler
MANIFEST_CONTRACTS := $(B)/gen/manifest/contracts.c
MANIFEST_OBJECTS := $(patsubst %,$(B)/%.o,$(MANIFEST_SOURCES)) $(B)/manifest/contracts.o
MANIFEST_LDLIBS := -lfyaml -lb2 -ljansson -lelf -lz
LIBMANIFEST := $(B)/lib/libmanifest.a
LIBMANIFEST_SANITIZE := $(B)/lib/libmanifest-sanitize.a

# The tables of all contracts in the tree. Of files and events the tables are those of the headers written by hand,
# which lib/ and services/ speak: -I. comes first.
$(MANIFEST_CONTRACTS): manifest/contracts.sh $(CONTRACT_SOURCES) contracts
	@mkdir -p $(@D)
	manifest/contracts.sh $(basename $(notdir $(wildcard contracts/*.contract))) >$@
$(B)/manifest/contracts.o: $(MANIFEST_CONTRACTS) $$(CONTRACT_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -I$(B)/gen -D_GNU_SOURCE -fPIE -MMD -MP -c $< -o $@
$(B)/manifest/%.c.o: manifest/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -fPIE -MMD -MP -c $< -o $@
$(LIBMANIFEST): $(MANIFEST_OBJECTS) $(MANIFEST_SHARED:%.c=$(B)/%.o)
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^
$(B)/sanitize/manifest/contracts.o: $(MANIFEST_CONTRACTS) $$(CONTRACT_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -I$(B)/gen -D_GNU_SOURCE $(SANITIZE) -MMD -MP -c $< -o $@
$(LIBMANIFEST_SANITIZE): $(patsubst %.c,$(B)/sanitize/%.o,$(MANIFEST_SOURCES)) $(B)/sanitize/manifest/contracts.o \
  $(MANIFEST_SHARED:%.c=$(B)/sanitize/%.o)
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^
ALL += $(LIBMANIFEST)
-include $(MANIFEST_OBJECTS:.o=.d) $(wildcard $(B)/sanitize/manifest/*.d)

# Tests: under the sanitizers, with the supervisor's own opinion of what was compiled.
MANIFEST_TEST_FLAGS := $(HOST_CFLAGS) $(SANITIZE) -D_GNU_SOURCE -MMD -MP
$(B)/tests/manifest/reader: tests/manifest/reader.c services/system.c $(LIBMANIFEST_SANITIZE)
	@mkdir -p $(@D)
	$(CC) $(MANIFEST_TEST_FLAGS) -MF $@.d $^ $(MANIFEST_LDLIBS) -o $@
ALL += $(B)/tests/manifest/reader
TESTS += $(wildcard tests/manifest/*.sh)
-include $(wildcard $(B)/tests/manifest/*.d)
