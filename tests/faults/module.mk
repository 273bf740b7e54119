# Faults in the real system: `signet` as it is, but for a layer between it and the C library that makes calls fail by plan.
# Only what is Signet's own calls through it: other libraries do as they always do.
FAULTS := $(B)/tests/faults
FAULTS_WRAPPED = $(shell sed -n 's/^  X.\([a-z0-9_]*\),.*/\1/p' tests/faults/calls.h) syscall clock_gettime port_resume port_answer
$(FAULTS)/inject.o: tests/faults/inject.c tests/faults/calls.h tests/faults/module.mk
	@mkdir -p $(@D)
	$(CC) $(LINUX_CFLAGS) -MMD -MP -MF $(FAULTS)/inject.d -MT $@ -c $< -o $@.new
	objcopy $(foreach call,$(FAULTS_WRAPPED),--redefine-sym __real_$(call)=$(call)) $@.new $@ && rm $@.new
# The kernel as in libkernel.a; but who holds a processor can be seen.
$(FAULTS)/kernel.o: $(KERNEL_OBJECTS)
	@mkdir -p $(@D)
	$(LD) -r -o $@.new $^
	objcopy -w --keep-global-symbol='kernel*' $@.new $@ && rm $@.new
$(FAULTS)/own.o: $(CLI_OBJECTS) $(FAULTS)/kernel.o $(filter-out %/libkernel.a,$(CLI_LIBRARIES)) tests/faults/calls.h tests/faults/module.mk
	$(LD) -r $(FAULTS_WRAPPED:%=--wrap=%) -o $@ $(filter %.o,$^) --whole-archive $(filter %.a,$^)
# Beside the services that `signet` looks for.
$(FAULTS)/bin/signet: $(FAULTS)/own.o $(FAULTS)/inject.o
	@mkdir -p $(@D)
	ln -sfn ../../services $(FAULTS)/services
	$(CC) -static-pie -o $@.new $^ $(CLI_LDLIBS)
	mv $@.new $@
ALL += $(FAULTS)/bin/signet
-include $(FAULTS)/inject.d

FAULTS_INPUTS := $(FAULTS)/bin/signet $(SIGNET) $(B)/apps/web/web $(B)/apps/web/extension $(addprefix $(B)/services/,supervisor network files console)
tests/faults/faults.py: $(FAULTS_INPUTS) programs
TESTS += tests/faults/faults.py
# SECONDS=60: a shorter one.
.PHONY: record-faults
record-faults: $(FAULTS_INPUTS) programs
	tests/faults/faults.py --record $(or $(SECONDS),580)
