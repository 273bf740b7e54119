# The kernel on the bare machine: one ELF file with a PVH note. Kernel, verifier and port are linked as one unit, so that the port's
# functions are part of the kernel's paths; only the memory functions stay apart (the compiler calls them by name).
PC_BUILD := $(B)/pc
PC_CFLAGS := $(TRUSTED_CFLAGS) -I$(B)/gen -mno-red-zone -mcmodel=kernel -fno-pie -fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
  -mno-mmx -mno-sse -fcf-protection=none
PC_SOURCES := $(wildcard kernel/*.c) $(filter-out %/generate.c,$(wildcard verifier/*.c)) $(wildcard port/pc/*.c port/x86/*.c)
PC_OBJECTS := $(PC_SOURCES:%=$(PC_BUILD)/%.o)
PC_ASSEMBLY := $(patsubst %,$(PC_BUILD)/%.o,$(wildcard port/pc/*.S))
PC_KERNEL := $(PC_BUILD)/kernel.elf

$(PC_BUILD)/kernel/bytes.c.o: PC_LTO :=
$(PC_BUILD)/kernel/handover.c.o: PC_CFLAGS += -fomit-frame-pointer
PC_LTO := -flto -fno-fat-lto-objects
$(PC_BUILD)/%.c.o: %.c $$(VERIFIER_TABLE)
	@mkdir -p $(@D)
	$(CC) $(PC_CFLAGS) $(PC_LTO) -MMD -MP -c $< -o $@
$(PC_BUILD)/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) -Iinclude -I. -g -MMD -MP -c $< -o $@

$(PC_BUILD)/whole.o: $(PC_OBJECTS)
	$(CC) $(PC_CFLAGS) -flto -flto-partition=one -flinker-output=nolto-rel -nostdlib -r -o $@ $^

# Linked twice: the table of function names is made from the first.
$(PC_BUILD)/symbols-none.S: port/pc/symbols.sh
	@mkdir -p $(@D)
	port/pc/symbols.sh >$@
$(PC_BUILD)/kernel-unnamed.elf: $(PC_BUILD)/whole.o $(PC_ASSEMBLY) $(PC_BUILD)/symbols-none.S.o port/pc/link.ld
	$(LD) -nostdlib -static -z noexecstack -z max-page-size=4096 -T port/pc/link.ld -o $@ $(filter %.o,$^)
$(PC_BUILD)/symbols.S: $(PC_BUILD)/kernel-unnamed.elf port/pc/symbols.sh
	port/pc/symbols.sh $< >$@
$(PC_BUILD)/symbols%.o: $(PC_BUILD)/symbols%
	$(CC) -c $< -o $@
$(PC_KERNEL): $(PC_BUILD)/whole.o $(PC_ASSEMBLY) $(PC_BUILD)/symbols.S.o port/pc/link.ld
	$(LD) -nostdlib -static -z noexecstack -z max-page-size=4096 -T port/pc/link.ld -o $@ $(filter %.o,$^)

ALL += $(PC_KERNEL)
-include $(PC_OBJECTS:.o=.d) $(PC_ASSEMBLY:.o=.d)

# Sealed programs that attack from inside, on whatever port runs them; and the driver that asks for ports of others.
PC_TEST_FLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude -I.
PC_TEST_PROGRAMS := $(addprefix $(B)/tests/pc/,attacks hostile hostile_child border border_child driver waits)
$(B)/tests/pc/attacks $(B)/tests/pc/hostile: $(B)/tests/pc/%: tests/pc/%.c tests/pc/hostile.h tests/child.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(PC_TEST_FLAGS) $< -o $@
$(B)/tests/pc/hostile_child: $(B)/services/objects/start.S.o tests/pc/hostile_stack.S tests/pc/hostile_child.c | tests/pc/hostile.h
$(B)/tests/pc/border: tests/pc/border.c tests/pc/border.h tests/child.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(PC_TEST_FLAGS) $< -o $@
# Assembled as it is: it looks at the rewriter's own register.
$(B)/tests/pc/border_cross.o: tests/pc/border_cross.S
	@mkdir -p $(@D)
	$(CC) -Iinclude -I. -c $< -o $@
$(B)/tests/pc/border_child: $(B)/tests/pc/border_cross.o tests/pc/border_child.c tests/pc/border.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	$(B)/bin/signet-cc $(PC_TEST_FLAGS) -nostartfiles -nostdlib $(filter tests/%.c %_cross.o,$^) -lsignet -lsignetrt -o $@
$(B)/tests/pc/driver: $(B)/services/objects/start.S.o tests/pc/driver.c
$(B)/tests/pc/hostile_child $(B)/tests/pc/driver: $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(PC_TEST_FLAGS) -nostartfiles -nostdlib $(filter %services/objects/start.S.o tests/%,$^) -lsignet -lsignetrt -o $@
ALL += $(PC_TEST_PROGRAMS)

$(B)/tests/pc/waits: tests/pc/waits.c $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(PC_TEST_FLAGS) $< -o $@

# The memory side on a host, under the sanitizers: physical memory is at PC_DIRECT in the test's own address space, the processors'
# caches are the test's, and the kernel's image is only addresses.
PC_HOST_FLAGS := -Itests/pc/host $(HOST_CFLAGS) $(SANITIZE) -D_GNU_SOURCE -fPIC -fno-strict-aliasing -DPC_DIRECT=0x500000000000ull \
  -DPC_IDENTITY=PC_DIRECT
PC_HOST_OBJECTS := $(patsubst %,$(B)/tests/pc/host/%.o,paging.c window.c image.c block.c)
$(PC_HOST_OBJECTS): $(B)/tests/pc/host/%.o: port/pc/%
	@mkdir -p $(@D)
	$(CC) $(PC_HOST_FLAGS) -Dpc_copy=simulated_copy -MMD -MP -c $< -o $@
$(B)/tests/pc/memory_test: tests/pc/memory_test.c port/pc/copy.S $(PC_HOST_OBJECTS)
	$(CC) $(PC_HOST_FLAGS) -MMD -MP -no-pie $^ -o $@ -Wl,--defsym=pc_text_low=0xffffffff80100000,--defsym=pc_text_high=0xffffffff80110000 \
	  -Wl,--defsym=pc_constants_low=0xffffffff80110000,--defsym=pc_constants_high=0xffffffff80114000 \
	  -Wl,--defsym=pc_data_low=0xffffffff80114000,--defsym=pc_data_high=0xffffffff80130000,--defsym=pc_archive=0xffffffff80130000
ALL += $(B)/tests/pc/memory_test
TESTS += $(B)/tests/pc/memory_test
-include $(PC_HOST_OBJECTS:.o=.d) $(B)/tests/pc/memory_test.d
