# The kernel: portable and freestanding. Its tests run it on port/sim, under the sanitizers.
KERNEL_SOURCES := $(filter-out %_test.c,$(wildcard kernel/*.c))
KERNEL_OBJECTS := $(KERNEL_SOURCES:%.c=$(B)/%.o)

$(B)/kernel/%.o: kernel/%.c
	@mkdir -p $(@D)
	$(CC) $(TRUSTED_CFLAGS) -MMD -MP -c $< -o $@

$(B)/lib/libkernel.a: $(KERNEL_OBJECTS)
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

ALL += $(B)/lib/libkernel.a
-include $(KERNEL_OBJECTS:.o=.d)
