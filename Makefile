# Plain make drives everything. The README's two commands: `make run` and `make test`.
# Each folder says in its module.mk what it builds, and in packages.txt which Debian packages that needs.
# What is being made is shown, one line each; `make V=1` shows the commands.
ifeq ($(V),)
.SILENT:
SHELL = $(if $(filter-out $(SHOWN),$@),$(eval SHOWN := $@)$(info $(space) $@))/bin/bash
space :=
else
SHELL := /bin/bash
endif
# As many at once as there are processors, unless -j says otherwise.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
.DEFAULT_GOAL := all
B := build
CC := gcc
HOST_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Iinclude -I.
# kernel/ and verifier/ are freestanding: no header of an operating system, no floating point or vector registers.
TRUSTED_CFLAGS := $(HOST_CFLAGS) -ffreestanding -fno-builtin -fno-stack-protector -mgeneral-regs-only -fno-strict-aliasing
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
TESTS :=
TESTS_BESIDE := # those of them that only compute: they run beside others
ALL :=

.SECONDEXPANSION: # prerequisites may name, as $$(NAME), what a later folder says
include $(sort $(wildcard */module.mk port/*/module.mk tests/*/module.mk))

.PHONY: all clean deps run test
.DELETE_ON_ERROR:
all: $(ALL)
# Builds everything, shows real programs sealed and attacks being refused, then starts the web system: on a terminal until ^C.
run: all programs $(B)/apps/first/intruder
	apps/first/run.sh
	apps/web/run.sh
# Runs the tests of every folder; the last line is the count.
test: all $(TESTS) $(TESTS_BESIDE)
	tests/run $(TESTS) --beside $(TESTS_BESIDE)
clean:
	rm -rf $(B)

# Installs missing Debian packages. A makefile that is included is made before anything else, so no rule has to name it.
PACKAGE_LISTS := $(wildcard */packages.txt port/*/packages.txt tests/*/packages.txt)
deps:
	.ci/install-packages $(PACKAGE_LISTS)
$(B)/packages.mk: $(PACKAGE_LISTS) .ci/install-packages
	@mkdir -p $(@D)
	@.ci/install-packages $(PACKAGE_LISTS)
	@echo '# The packages of $(PACKAGE_LISTS) are installed.' >$@
ifneq ($(MAKECMDGOALS),clean)
include $(B)/packages.mk
endif
