# The kernel over port/sim under random programs, in two builds: as fast as can be, and under the sanitizers.
SIMULATION_SOURCES := $(filter-out kernel/bytes.c,$(KERNEL_SOURCES)) $(wildcard port/sim/*.c) tests/kernel/support.c \
  $(filter-out tests/simulation/watch.c,$(wildcard tests/simulation/*.c))
SIMULATION_FLAGS := $(HOST_CFLAGS) -fno-strict-aliasing -Itests/kernel

$(B)/simulation/fast/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(SIMULATION_FLAGS) -MMD -MP -c $< -o $@
$(B)/simulation/sanitize/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(SIMULATION_FLAGS) $(SANITIZE) -MMD -MP -c $< -o $@

$(B)/tests/simulation/simulate: $(SIMULATION_SOURCES:%.c=$(B)/simulation/fast/%.o) $(B)/lib/libverifier.a
	@mkdir -p $(@D)
	$(CC) $(SIMULATION_FLAGS) -o $@ $^
$(B)/tests/simulation/simulate-sanitize: $(SIMULATION_SOURCES:%.c=$(B)/simulation/sanitize/%.o) $(B)/lib/libverifier-sanitize.a
	@mkdir -p $(@D)
	$(CC) $(SIMULATION_FLAGS) $(SANITIZE) -o $@ $^
-include $(SIMULATION_SOURCES:%.c=$(B)/simulation/fast/%.d) $(SIMULATION_SOURCES:%.c=$(B)/simulation/sanitize/%.d)

# Every access of the kernel to memory goes through watch.c.
$(B)/simulation/watch/kernel/%.o: kernel/%.c
	@mkdir -p $(@D)
	$(CC) $(SIMULATION_FLAGS) -fsanitize=thread -MMD -MP -c $< -o $@
$(B)/tests/simulation/simulate-watch: $(patsubst kernel/%.c,$(B)/simulation/watch/kernel/%.o,$(filter kernel/%,$(SIMULATION_SOURCES))) \
  $(patsubst %.c,$(B)/simulation/fast/%.o,$(filter-out kernel/%,$(SIMULATION_SOURCES)) tests/simulation/watch.c) $(B)/lib/libverifier.a
	@mkdir -p $(@D)
	$(CC) $(SIMULATION_FLAGS) -o $@ $^
-include $(patsubst kernel/%.c,$(B)/simulation/watch/kernel/%.d,$(filter kernel/%,$(SIMULATION_SOURCES)))

SIMULATION_PROGRAMS := $(addprefix $(B)/tests/simulation/,simulate simulate-sanitize simulate-watch)
ALL += $(SIMULATION_PROGRAMS)
TESTS += tests/simulation/short.sh
tests/simulation/short.sh: $(SIMULATION_PROGRAMS)

# Half of the calls on each of two processors.
CALLS ?= 100000000
.PHONY: record-simulation
record-simulation: $(SIMULATION_PROGRAMS)
	tests/simulation/record.sh $(CALLS)
