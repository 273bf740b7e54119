# Reading manifests: a library for the `signet` command.
MANIFEST_SOURCES := $(wildcard manifest/*.c)
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
$(LIBMANIFEST): $(MANIFEST_OBJECTS) $(B)/contractc/draw.o
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^
$(B)/sanitize/manifest/contracts.o: $(MANIFEST_CONTRACTS) $$(CONTRACT_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -I$(B)/gen -D_GNU_SOURCE $(SANITIZE) -MMD -MP -c $< -o $@
$(LIBMANIFEST_SANITIZE): $(patsubst %.c,$(B)/sanitize/%.o,$(MANIFEST_SOURCES)) $(B)/sanitize/manifest/contracts.o \
  $(B)/sanitize/contractc/draw.o
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^
ALL += $(LIBMANIFEST)
-include $(MANIFEST_OBJECTS:.o=.d) $(wildcard $(B)/sanitize/manifest/*.d)
