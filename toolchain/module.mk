# signet-cc, the assembler and linker it makes gcc use, the C library and the compiler's run time.
TOOLCHAIN_LIBEXEC := $(B)/libexec/signet
TOOLCHAIN_HOST := $(B)/gen/toolchain/host.h
TOOLCHAIN_CFLAGS := $(HOST_CFLAGS) -I$(B)/gen -MMD -MP

# Where the compiler's own tools are, as it says itself.
$(TOOLCHAIN_HOST):
	@mkdir -p $(@D)
	@{ echo '/* Written by toolchain/module.mk: the tools that gcc uses. */'; \
	   echo "#define HOST_COMPILER \"$$(command -v $(CC))\""; \
	   echo "#define HOST_ASSEMBLER \"$$(realpath $$(command -v $$($(CC) -print-prog-name=as)))\""; \
	   echo "#define HOST_LINKER \"$$(realpath $$(command -v $$($(CC) -print-prog-name=ld)))\""; \
	   echo "#define HOST_COMPILER_INCLUDE \"$$($(CC) -print-file-name=include)\""; } > $@

TOOLCHAIN_ASSEMBLER_OBJECTS := $(patsubst %,$(B)/toolchain/%.o,\
  assembler memory source macro operand rewrite strings measure flags layout emit check command)
$(B)/toolchain/%.o: toolchain/%.c | $(TOOLCHAIN_HOST)
	@mkdir -p $(@D)
	$(CC) $(TOOLCHAIN_CFLAGS) -c $< -o $@

$(TOOLCHAIN_LIBEXEC)/as: $(TOOLCHAIN_ASSEMBLER_OBJECTS) $(B)/lib/libverifier.a
	@mkdir -p $(@D)
	$(CC) $^ -o $@.new && mv $@.new $@


-include $(wildcard $(B)/toolchain/*.d)

$(TOOLCHAIN_LIBEXEC)/ld: $(patsubst %,$(B)/toolchain/%.o,linker memory command) $(B)/lib/libverifier.a
	@mkdir -p $(@D)
	$(CC) $^ -o $@.new && mv $@.new $@
$(B)/bin/signet-cc: $(patsubst %,$(B)/toolchain/%.o,driver memory)
	@mkdir -p $(@D)
	$(CC) $^ -o $@.new && mv $@.new $@
$(TOOLCHAIN_LIBEXEC)/image.specs $(TOOLCHAIN_LIBEXEC)/image.ld: $(TOOLCHAIN_LIBEXEC)/%: toolchain/%
	@mkdir -p $(@D)
	cp $< $@
$(TOOLCHAIN_LIBEXEC)/note.o: toolchain/note.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -fno-pic -Iinclude -c $< -o $@

SIGNET_CC_PARTS := $(B)/bin/signet-cc $(TOOLCHAIN_LIBEXEC)/as $(TOOLCHAIN_LIBEXEC)/ld $(TOOLCHAIN_LIBEXEC)/image.specs \
  $(TOOLCHAIN_LIBEXEC)/image.ld $(TOOLCHAIN_LIBEXEC)/note.o

# ---- What is linked into sealed programs ----

RUNTIME_OBJECTS := $(patsubst %,%.o,divide integer convert complex atomic processor)
RUNTIME_CFLAGS := -std=gnu11 -O2 -g -fno-builtin -Wall -Wextra -Werror -Wno-builtin-declaration-mismatch -I.
$(B)/toolchain/runtime/%.o: toolchain/runtime/%.c $(SIGNET_CC_PARTS) | $(B)/sysroot/.stamp
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(RUNTIME_CFLAGS) -MMD -MP -c $< -o $@
$(B)/toolchain/runtime/parallel/%.o: toolchain/runtime/%.c $(SIGNET_CC_PARTS) | $(B)/sysroot/.stamp
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -msignet-parallel $(RUNTIME_CFLAGS) -MMD -MP -c $< -o $@
$(B)/lib/libsignetrt.a: $(RUNTIME_OBJECTS:%=$(B)/toolchain/runtime/%)
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^
$(B)/lib/parallel/libsignetrt.a: $(RUNTIME_OBJECTS:%=$(B)/toolchain/runtime/parallel/%)
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^

$(B)/musl/source/.stamp: toolchain/fetch-source.sh
	@mkdir -p $(B)/musl
	toolchain/fetch-source.sh musl $(B)/musl/source && touch $@
$(B)/sysroot/.stamp: $(B)/musl/source/.stamp toolchain/build-musl.sh $(SIGNET_CC_PARTS) \
  $(shell find toolchain/musl -type f) include/signet/abi.h include/signet/image.h include/signet/calls.h
	toolchain/build-musl.sh sealed $(B)/musl/source $(B)/musl/sealed $(B)/sysroot $(abspath $(B)/bin/signet-cc)
	ln -sfn ../../lib/libsignet.a $(B)/sysroot/lib/libsignet.a
	ln -sfn ../../lib/libsignetrt.a $(B)/sysroot/lib/libsignetrt.a
	touch $@
# The same under the parallel rule, for -msignet-parallel.
$(B)/sysroot/.stamp-parallel: $(B)/sysroot/.stamp
	toolchain/build-musl.sh parallel $(B)/musl/source $(B)/musl/parallel $(B)/sysroot $(abspath $(B)/bin/signet-cc)
	ln -sfn ../../../lib/parallel/libsignet.a $(B)/sysroot/lib/parallel/libsignet.a
	ln -sfn ../../../lib/parallel/libsignetrt.a $(B)/sysroot/lib/parallel/libsignetrt.a
	touch $@
$(B)/native-musl/.stamp: $(B)/musl/source/.stamp toolchain/build-musl.sh
	toolchain/build-musl.sh native $(B)/musl/source $(B)/musl/native $(B)/native-musl $(CC)
	touch $@

# The comparison's compiler: the host's gcc with the same C library, unsealed.
$(B)/bin/native-musl-cc: toolchain/native-musl-cc.sh $(B)/native-musl/.stamp
	@mkdir -p $(@D)
	cp $< $@ && chmod +x $@

# What has to be there before signet-cc links, and before native-musl-cc does.
SIGNET_CC_INPUTS := $(SIGNET_CC_PARTS) $(B)/sysroot/.stamp $(B)/lib/libsignetrt.a $(B)/lib/libsignet.a
SIGNET_CC_PARALLEL_INPUTS := $(SIGNET_CC_INPUTS) $(B)/sysroot/.stamp-parallel $(B)/lib/parallel/libsignetrt.a \
  $(B)/lib/parallel/libsignet.a
NATIVE_MUSL_INPUTS := $(B)/bin/native-musl-cc $(B)/native-musl/.stamp

ALL += $(SIGNET_CC_PARALLEL_INPUTS) $(NATIVE_MUSL_INPUTS)
-include $(wildcard $(B)/toolchain/runtime/*.d $(B)/toolchain/runtime/parallel/*.d)

TOOLCHAIN_TESTS := $(addprefix tests/toolchain/,rewrite.py layout.py driver.sh programs.sh)
TESTS += $(TOOLCHAIN_TESTS)
$(TOOLCHAIN_TESTS): $(SIGNET_CC_PARALLEL_INPUTS) $(NATIVE_MUSL_INPUTS) $(B)/bin/signet
