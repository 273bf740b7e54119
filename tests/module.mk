TESTS += tests/run-test.sh tests/trusted-base.sh tests/record-check.sh tests/format.sh

# The long ones that only compute, each with files of its own: on a second processor, beside the others.
TESTS_BESIDE += $(addprefix $(B)/tests/verifier/,enumerate sequences fuzz) tests/simulation/short.sh tests/contractc/model.sh \
  tests/manifest/damage.sh tests/toolchain/programs.sh

# The C files of our own: what git tracks, or in a tree without git all that is not built.
C_FILES = $(shell git ls-files '*.c' '*.h' 2>/dev/null || find * -path $(B) -prune -o -name '*.[ch]' -print)

.PHONY: format format-check tidy trusted-base
trusted-base:
	tests/count-trusted.sh docs/trusted-base.txt
format:
	clang-format -i $(C_FILES)
format-check:
	clang-format --dry-run -Werror $(C_FILES)
# Host code only: what signet-cc compiles is C of the same kind, but its headers are musl's. Tests do on purpose what it objects to.
TIDY_FILES = $(filter-out lib/% services/% toolchain/runtime/% toolchain/musl/% toolchain/note.c apps/% bench/sealed/% tests/%,$(filter %.c,$(C_FILES)))
tidy: $(ALL)
	@command -v clang-tidy >/dev/null || { echo 'make tidy needs the package clang-tidy'; exit 1; }
	printf '%s\n' $(TIDY_FILES) | xargs -P 2 -I{} clang-tidy --quiet {} -- -std=gnu11 -D_GNU_SOURCE -Iinclude -I. -I$(B)/gen

# Real programs, sealed against native, byte for byte.
PROGRAM_TESTS := $(PROGRAMS:%=tests/programs/%.sh)
TESTS += $(PROGRAM_TESTS)
$(PROGRAM_TESTS): programs
TESTS += tests/demonstration.sh
tests/demonstration.sh: programs $(B)/apps/first/intruder

# The bare machine under attack.
TESTS += tests/pc/attacks.sh tests/pc/border.sh tests/pc/driver.sh tests/pc/panic.py tests/pc/sweep.py

# The web system under hostile clients, and with its processes killed.
SYSTEM_PROGRAMS := $(addprefix $(B)/tests/system/,hostile ambient)
$(B)/tests/system/hostile: tests/contracts/tables.h $(B)/gen/tests/contracts/all.h
$(SYSTEM_PROGRAMS): $(B)/tests/system/%: tests/system/%.c $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -std=gnu11 -O2 -g -Wall -Wextra -Werror -Iinclude -I. -I$(B)/gen -o $@ $<
ALL += $(SYSTEM_PROGRAMS)
TESTS += $(addprefix tests/system/,ambient.py kills.py many.py hostile.py)
