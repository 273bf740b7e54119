# The library OS: libsignet.a, compiled by signet-cc, linked into every sealed program; and once more under the parallel rule.
LIBSIGNET_OBJECTS := $(patsubst lib/%,%.o,$(sort $(filter-out lib/stub.S,$(wildcard lib/*.c lib/*.S))))
# One stub for each row "X(number, name, arguments)" of the calls.
LIBSIGNET_CALLS := $(shell sed -n 's/^  X([0-9]*, \([a-z_]*\), [0-9]).*/\1/p' include/signet/abi.h)
LIBSIGNET_OBJECTS += $(LIBSIGNET_CALLS:%=stub/%.o)
LIBSIGNET_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude -I. -I$(B)/gen -ffunction-sections
# What the sealed compiler needs before it compiles; toolchain/module.mk makes it.
LIBSIGNET_COMPILER := $(B)/bin/signet-cc $(B)/libexec/signet/as $(B)/sysroot/.stamp

# The names of Linux's system calls, from the host's own header.
$(B)/gen/lib/call_names.h: lib/module.mk
	@mkdir -p $(@D)
	echo '#include <sys/syscall.h>' | $(CC) -E -dM - | \
	  sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/[\2] = "\1",/p' | sort -V > $@.new
	mv $@.new $@

$(B)/lib/serial/%.o: lib/% $(B)/gen/lib/call_names.h $(LIBSIGNET_COMPILER)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(LIBSIGNET_CFLAGS) -MMD -MP -c $< -o $@
$(B)/lib/parallel/%.o: lib/% $(B)/gen/lib/call_names.h $(LIBSIGNET_COMPILER)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -msignet-parallel $(LIBSIGNET_CFLAGS) -MMD -MP -c $< -o $@

$(patsubst %,$(B)/lib/%.c.o,serial/supervised parallel/supervised serial/start parallel/start): $(B)/gen/contracts/supervision.h

# The same under both rules: a stub has no return.
$(B)/lib/serial/stub/%.o $(B)/lib/parallel/stub/%.o: lib/stub.S include/signet/abi.h $(LIBSIGNET_COMPILER)
	@mkdir -p $(B)/lib/serial/stub $(B)/lib/parallel/stub
	$(B)/bin/signet-cc -Iinclude -DNAME=$* \
	  -DNUMBER=$$(sed -n 's/^  X(\([0-9]*\), $*, [0-9]).*/\1/p' include/signet/abi.h) -c $< -o $(B)/lib/serial/stub/$*.o
	cp $(B)/lib/serial/stub/$*.o $(B)/lib/parallel/stub/$*.o

$(B)/lib/libsignet.a: $(LIBSIGNET_OBJECTS:%=$(B)/lib/serial/%)
	rm -f $@ && ar rcs $@ $^
$(B)/lib/parallel/libsignet.a: $(LIBSIGNET_OBJECTS:%=$(B)/lib/parallel/%)
	rm -f $@ && ar rcs $@ $^

ALL += $(B)/lib/libsignet.a $(B)/lib/parallel/libsignet.a
-include $(wildcard $(B)/lib/serial/*.d $(B)/lib/parallel/*.d)

# The library and the file service, native, on a mock of the kernel, under the sanitizers. Without PIE and on a low stack, because the
# services hold pointers in 32 bits.
LIBRARY_TEST_FLAGS := $(HOST_CFLAGS) -D_GNU_SOURCE -I$(B)/gen $(SANITIZE) -fno-pie -pthread
LIBRARY_TEST_SOURCES := $(filter-out lib/start.c lib/supervised.c,$(wildcard lib/*.c)) services/files.c services/mounts.c services/request.c tests/lib/mock.c tests/lib/tap.c
LIBRARY_TESTS := $(B)/tests/lib/library_test $(B)/tests/lib/service_test
$(B)/tests/lib/native/%.o: % $(B)/gen/lib/call_names.h
	@mkdir -p $(@D)
	$(CC) $(LIBRARY_TEST_FLAGS) -MMD -MP -c $< -o $@
$(LIBRARY_TESTS): $(B)/tests/lib/%: $(B)/tests/lib/native/tests/lib/%.c.o $(LIBRARY_TEST_SOURCES:%=$(B)/tests/lib/native/%.o)
	$(CC) $(LIBRARY_TEST_FLAGS) -no-pie $^ -o $@

# What is for services too has a kernel of its own.
$(B)/tests/lib/native/lib/supervised.c.o $(B)/tests/lib/native/tests/lib/supervised_test.c.o: $(B)/gen/contracts/supervision.h
$(B)/tests/lib/supervised_test: $(patsubst %,$(B)/tests/lib/native/%.o,lib/supervised.c tests/lib/supervised_test.c tests/lib/tap.c)
	$(CC) $(LIBRARY_TEST_FLAGS) -no-pie $^ -o $@
LIBRARY_TESTS += $(B)/tests/lib/supervised_test

ALL += $(LIBRARY_TESTS)
TESTS += $(LIBRARY_TESTS) tests/lib/contract.sh tests/lib/programs.sh tests/lib/events.sh tests/lib/temporary.sh
tests/lib/temporary.sh: $(B)/programs/sqlite3 $(B)/programs-native/sqlite3
-include $(wildcard $(B)/tests/lib/native/*/*.d $(B)/tests/lib/native/tests/lib/*.d)
