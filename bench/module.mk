# Workloads built sealed and native with the same C library, the two sides of the kernel's figures, and what Linux does.
BENCH_WORK := sha256 matmul nbody hash_table sort fib lz hello
BENCH_CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror
BENCH_SEALED := $(BENCH_WORK:%=$(B)/bench/sealed/%) $(B)/bench/sealed/parent $(B)/bench/sealed/echo $(B)/bench/sealed/stub_echo
BENCH_NATIVE := $(BENCH_WORK:%=$(B)/bench/native/%) $(B)/bench/native/linux $(B)/bench/native/verify

.PHONY: bench bench-programs bench-keep
# Takes some minutes on a quiet machine; BENCH_RUNS=3 for a first look, BENCH='--only call' for some figures alone.
BENCH_RUNS := 9
BENCH :=
bench: bench-programs
	bench/run --runs $(BENCH_RUNS) $(BENCH)
	@echo "'make bench-keep' keeps these figures in bench/results under their date."
bench-keep:
	@date=$$(python3 -c 'import json; print(json.load(open("$(B)/bench.json"))[0]["date"][:10])') && \
	  mkdir -p bench/results && cp $(B)/bench.json bench/results/$$date.json && echo "kept as bench/results/$$date.json"
bench-programs: $(ALL) programs $(BENCH_SEALED) $(BENCH_NATIVE) $(B)/bench/unchecked/bin/signet $(B)/bench/nginx

$(BENCH_WORK:%=$(B)/bench/sealed/%): $(B)/bench/sealed/%: bench/work/%.c bench/work/measure.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(BENCH_CFLAGS) -o $@ $< -lm
$(BENCH_WORK:%=$(B)/bench/native/%): $(B)/bench/native/%: bench/work/%.c bench/work/measure.h $(B)/bin/native-musl-cc $$(NATIVE_MUSL_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/native-musl-cc $(BENCH_CFLAGS) -o $@ $< -lm
$(B)/gen/bench/sealed/ask.h: bench/sealed/ask.contract $$(CONTRACTC)
	@mkdir -p $(@D)
	$(CONTRACTC) --header $@ $<
$(B)/bench/sealed/parent: bench/sealed/parent.c bench/sealed/exchange.h bench/sealed/load.h $(B)/gen/bench/sealed/ask.h contracts/files.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(BENCH_CFLAGS) -Iinclude -I. -I$(B)/gen -o $@ $<
$(B)/bench/sealed/echo: bench/sealed/echo.c bench/sealed/echo_start.S bench/sealed/exchange.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(BENCH_CFLAGS) -Iinclude -I. -nostartfiles -o $@ bench/sealed/echo_start.S $< -lsignet
$(B)/bench/sealed/stub_echo: bench/sealed/stub_echo.c bench/sealed/echo_start.S $(B)/gen/bench/sealed/ask.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(BENCH_CFLAGS) -Iinclude -I. -I$(B)/gen -nostartfiles -o $@ bench/sealed/echo_start.S $< -lsignet
$(B)/bench/native/linux: bench/native/linux.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $<
$(B)/bench/native/verify: bench/native/verify.c $(B)/lib/libverifier.a
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $^

# Debian's nginx, the opponent of the web system; unpacked, not installed.
$(B)/bench/nginx: bench/module.mk
	@mkdir -p $(@D)/nginx-package
	cd $(@D)/nginx-package && rm -f nginx_*.deb && { apt-get download -q nginx >/dev/null || { apt-get update -q >/dev/null && apt-get download -q nginx; }; } && \
	  dpkg-deb -x nginx_*.deb .
	cp $(@D)/nginx-package/usr/sbin/nginx $@

# A `signet` whose kernel does not check what the contract allows: what the check costs is measured against it.
$(B)/bench/unchecked/%.c: kernel/%.c bench/unchecked.sh
	@mkdir -p $(@D)
	bench/unchecked.sh $< >$@
$(B)/bench/unchecked/%.o: $(B)/bench/unchecked/%.c
	$(CC) $(TRUSTED_CFLAGS) -MMD -MP -c $< -o $@
BENCH_UNCHECKED := channel handover
$(B)/bench/unchecked/bin/signet: $(BENCH_UNCHECKED:%=$(B)/bench/unchecked/%.o) $$(filter-out $$(patsubst %,$(B)/kernel/%.o,$$(BENCH_UNCHECKED)),$$(KERNEL_OBJECTS)) $$(SIGNET)
	@mkdir -p $(@D)
	ln -sfn ../../services $(@D)/../services
	$(LD) -r -o $(@D)/whole.new $(filter %.o,$^)
	objcopy -w --keep-global-symbol='kernel_*' $(@D)/whole.new $(@D)/whole.o
	$(CC) -static-pie -o $@ $(CLI_OBJECTS) -Wl,--start-group $(@D)/whole.o $(filter-out %libkernel.a,$(CLI_LIBRARIES)) -Wl,--end-group $(CLI_LDLIBS)
-include $(BENCH_UNCHECKED:%=$(B)/bench/unchecked/%.d)

# The kernel's shortest paths in instructions, exactly; a test.
INSTRUCTIONS := $(addprefix $(B)/bench/instructions/,measure peer least)
$(B)/bench/instructions/measure: bench/sealed/load.h bench/instructions/measure.c bench/instructions/calls.S
$(B)/bench/instructions/peer $(B)/bench/instructions/least: $(B)/bench/instructions/%: bench/instructions/%.S
$(B)/bench/instructions/peer $(B)/bench/instructions/least: BENCH_LINK := -nostartfiles -nostdlib
$(INSTRUCTIONS): bench/instructions/calls.h $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(BENCH_CFLAGS) -Iinclude -I. $(BENCH_LINK) -o $@ $(filter %.c %.S,$^)
ALL += $(INSTRUCTIONS)
TESTS += bench/instructions/run
