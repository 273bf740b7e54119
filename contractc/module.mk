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
