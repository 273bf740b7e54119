# Real programs from Debian's source packages, each built sealed (build/programs) and native with the same C library
# (build/programs-native). NAME.sh is the recipe, build.sh runs it.
PROGRAMS := lua sqlite3 gzip bzip2 zstd bc sha256sum
programs-package-lua := lua5.4
programs-package-zstd := libzstd
programs-package-sha256sum := busybox
programs-package = $(or $(programs-package-$(1)),$(1))

PROGRAMS_SEALED := $(PROGRAMS:%=$(B)/programs/%)
PROGRAMS_NATIVE := $(PROGRAMS:%=$(B)/programs-native/%)

.PHONY: programs
programs: $(PROGRAMS_SEALED) $(PROGRAMS_NATIVE)

$(B)/programs-source/%.stamp: toolchain/fetch-source.sh
	@echo "  SOURCE  $*"
	@toolchain/fetch-source.sh $* $(B)/programs-source/$* && touch $@

# The compilers are rules of toolchain/module.mk; what they link (SIGNET_CC_INPUTS, NATIVE_MUSL_INPUTS) is named there too.
define programs-rules
$(B)/programs/$(1): programs/$(1).sh programs/build.sh $(B)/programs-source/$(call programs-package,$(1)).stamp \
    $(B)/bin/signet-cc $$$$(SIGNET_CC_INPUTS)
	@echo "  SEALED  $(1)"
	@programs/build.sh $(1) sealed $(B)/programs-source/$(call programs-package,$(1)) $$@
$(B)/programs-native/$(1): programs/$(1).sh programs/build.sh $(B)/programs-source/$(call programs-package,$(1)).stamp \
    $(B)/bin/native-musl-cc $$$$(NATIVE_MUSL_INPUTS)
	@echo "  NATIVE  $(1)"
	@programs/build.sh $(1) native $(B)/programs-source/$(call programs-package,$(1)) $$@
endef
$(foreach program,$(PROGRAMS),$(eval $(call programs-rules,$(program))))
