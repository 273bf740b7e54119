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
  assembler memory source macro operand rewrite strings measure layout emit command)
$(B)/toolchain/%.o: toolchain/%.c | $(TOOLCHAIN_HOST)
	@mkdir -p $(@D)
	$(CC) $(TOOLCHAIN_CFLAGS) -c $< -o $@

$(TOOLCHAIN_LIBEXEC)/as: $(TOOLCHAIN_ASSEMBLER_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $^ -o $@

ALL += $(TOOLCHAIN_LIBEXEC)/as
-include $(wildcard $(B)/toolchain/*.d)

$(TOOLCHAIN_LIBEXEC)/ld: $(patsubst %,$(B)/toolchain/%.o,linker memory command) $(B)/lib/libverifier.a
	@mkdir -p $(@D)
	$(CC) $^ -o $@
$(B)/bin/signet-cc: $(patsubst %,$(B)/toolchain/%.o,driver memory)
	@mkdir -p $(@D)
	$(CC) $^ -o $@
$(TOOLCHAIN_LIBEXEC)/specs $(TOOLCHAIN_LIBEXEC)/image.ld: $(TOOLCHAIN_LIBEXEC)/%: toolchain/%
	@mkdir -p $(@D)
	cp $< $@

SIGNET_CC_PARTS := $(B)/bin/signet-cc $(TOOLCHAIN_LIBEXEC)/as $(TOOLCHAIN_LIBEXEC)/ld $(TOOLCHAIN_LIBEXEC)/specs \
  $(TOOLCHAIN_LIBEXEC)/image.ld
